"""Does it grow with history? Sites with few and with many old inquiries take turns."""

from contextlib import ExitStack
from statistics import median, quantiles
from time import perf_counter

from app.outbox import results
from app.outbox.models import Outcome
from app.outbox.results import AttemptResult
from app.outbox.worker import Mailer
from bench import wrk
from bench.databases import KINDS, temporary_database
from bench.markdown import table
from bench.old_inquiries import fill
from bench.outbox import put
from bench.profiles import Profile
from bench.sites import site_under_test
from bench.wrk import Result
from tests.faults.site_under_test import SiteUnderTest

CLAIMS = 200  # of one turn
HEAD = ("old inquiries", "database", "posts a second", "p50 ms", "p99 ms", "of empty",
        "claim and settle ms", "of empty")  # fmt: skip


def report(profile: Profile) -> str:
    rows = [
        [f"{old:,}", name, *row] for name in KINDS for old, row in measure(name, profile).items()
    ]
    return table(HEAD, rows)


def measure(name: str, profile: Profile) -> dict[int, list[str]]:
    with temporary_database(name) as (database, folder), ExitStack() as stack:
        sites: dict[int, SiteUnderTest] = {}
        for old in (0, 10_000, profile.old):
            site = stack.enter_context(site_under_test(f"old-{old}", folder, database))
            fill(site.database, old)
            site.start(mailer=False)
            sites[old] = site
        posts: dict[int, list[Result]] = {old: [] for old in sites}
        claims: dict[int, list[float]] = {old: [] for old in sites}
        for _ in range(profile.rounds + 1):
            for old, site in sites.items():
                url = f"http://127.0.0.1:{site.port}/api/v1/inquiries"
                posts[old].append(wrk.post(url, "json", 8, profile.seconds))
                claims[old] += claim_times(site)
    return {old: _row(old, posts, claims) for old in sites}


def _row(old: int, posts: dict[int, list[Result]], claims: dict[int, list[float]]) -> list[str]:
    # The first turn fills the caches.
    one, empty = wrk.middle(posts[old][1:]), wrk.middle(posts[0][1:])
    claim, claim_empty = median(claims[old][CLAIMS:]), median(claims[0][CLAIMS:])
    return [
        f"{one.rate:,.0f}",
        f"{one.p50:.1f}",
        f"{one.p99:.0f}",
        f"{empty.rate / one.rate:.2f}x",
        f"{claim * 1000:.2f} (p99 {quantiles(claims[old][CLAIMS:], n=100)[98] * 1000:.1f})",
        f"{claim / claim_empty:.2f}x",
    ]


def claim_times(site: SiteUnderTest) -> list[float]:
    """Seconds of each claim with its settling."""
    database, times = site.database, list[float]()
    put(site, CLAIMS)
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
