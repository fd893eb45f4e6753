"""Does it grow with history? Sites with few and with many old inquiries take turns."""

from contextlib import ExitStack
from statistics import median, quantiles
from time import perf_counter

from app.outbox import results
from app.outbox.models import Outcome
from app.outbox.results import AttemptResult
from app.outbox.worker import Mailer
from bench import load
from bench.databases import KINDS, lane
from bench.history import fill
from bench.load import Result
from bench.mailers import put
from bench.plan import Plan
from bench.report import table
from bench.sites import site
from tests.faults.world import World

CLAIMS = 200  # of one turn
HEAD = ("old inquiries", "database", "posts a second", "p50 ms", "p99 ms", "of empty",
        "claim and settle ms", "of empty")  # fmt: skip


def report(plan: Plan) -> str:
    rows = [[f"{old:,}", name, *row] for name in KINDS for old, row in measure(name, plan).items()]
    return table(HEAD, rows)


def measure(name: str, plan: Plan) -> dict[int, list[str]]:
    with lane(name) as (database, folder), ExitStack() as stack:
        worlds: dict[int, World] = {}
        for old in (0, 10_000, plan.old):
            world = stack.enter_context(site(f"old-{old}", folder, database))
            fill(world.database, old)
            world.start(mailer=False)
            worlds[old] = world
        posts: dict[int, list[Result]] = {old: [] for old in worlds}
        claims: dict[int, list[float]] = {old: [] for old in worlds}
        for _ in range(plan.rounds + 1):
            for old, world in worlds.items():
                url = f"http://127.0.0.1:{world.port}/api/v1/inquiries"
                posts[old].append(load.post(url, "json", 8, plan.seconds))
                claims[old] += claim_times(world)
    return {old: _row(old, posts, claims) for old in worlds}


def _row(old: int, posts: dict[int, list[Result]], claims: dict[int, list[float]]) -> list[str]:
    # The first turn fills the caches.
    one, empty = load.middle(posts[old][1:]), load.middle(posts[0][1:])
    claim, claim_empty = median(claims[old][CLAIMS:]), median(claims[0][CLAIMS:])
    return [
        f"{one.rate:,.0f}",
        f"{one.p50:.1f}",
        f"{one.p99:.0f}",
        f"{empty.rate / one.rate:.2f}x",
        f"{claim * 1000:.2f} (p99 {quantiles(claims[old][CLAIMS:], n=100)[98] * 1000:.1f})",
        f"{claim / claim_empty:.2f}x",
    ]


def claim_times(world: World) -> list[float]:
    """Seconds of each claim with its settling."""
    database, times = world.database, list[float]()
    put(world, CLAIMS)
    mailer = Mailer(database, _never, owner="bench")
    for _ in range(CLAIMS):
        began = perf_counter()
        claim = mailer._claim()
        assert claim is not None
        with database.session() as session:
            now = database.now(session)
            results.record_result(
                session, database.keys, claim, AttemptResult(Outcome.DELIVERED, 250), now
            )
        times.append(perf_counter() - began)
    return times


def _never(*_: object, **__: object) -> int:
    raise AssertionError("nothing is sent here")
