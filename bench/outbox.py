"""How fast the outbox is: ``make bench-outbox``. Prints tables; nothing here can fail a build.

Everything is measured from the attempts that the mailers wrote down: from the
start of the first to the end of the last.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from app.db import Database
from app.outbox import queue, schedule, settle
from app.outbox.message import DeliveryAttempt, OutboxMessage, Outcome, OutgoingMail, RelayState
from app.outbox.settle import Report
from app.outbox.worker import Mailer
from tests.faults.plan import REAL_TIMES
from tests.faults.servers import Postgres, Server, SQLite
from tests.faults.world import NotSeenError, World, wait_until

OLD_ROWS = 200_000
CLAIMS = 1_000
WAITING = 1_000
MAIL = OutgoingMail(
    recipient="frontdesk@clinic.example",
    sender_name="Clinic",
    subject="[K7R-4M2] Billing question from Ada Example",
    text="Do you take checks?\n" * 10,
    html="<main><p>Do you take checks?</p></main>" * 10,
    about="K7R-4M2",
    reply_to="ada@example.com",
)


def put(world: World, count: int) -> None:
    """Let ``count`` mails wait."""
    database = world.database
    with database.write() as session:
        now = database.now(session)
        for _ in range(count):
            queue.enqueue(session, database.keys, MAIL, domain="clinic.example", now=now)


def deliver(world: World, mailers: int, count: int) -> float:
    """Mails a second that so many mailer processes deliver of ``count``."""
    put(world, count)
    with world.database.read() as session:
        last = session.scalar(sa.select(sa.func.max(DeliveryAttempt.id))) or 0
    running = [world.start_mailer(f"bench-{uuid4().hex[:6]}") for _ in range(mailers)]
    wait_until(lambda: not world.unfinished(), 300, f"{count} mails")
    for one in running:
        one.terminate()
        one.wait(40)
    return count / span(world, last)


def span(world: World, after: int) -> float:
    """Seconds from the start of the first attempt to the end of the last."""
    times = sa.func.min(DeliveryAttempt.started_at), sa.func.max(DeliveryAttempt.ended_at)
    with world.database.read() as session:
        first, last = session.execute(sa.select(*times).where(DeliveryAttempt.id > after)).one()
    return float((last - first).total_seconds())


def rates(world: World) -> list[str]:
    one = deliver(world, 1, 1_500)
    world.relay.pause = {"dot": 0.2}
    slow_one, slow_four = deliver(world, 1, 60), deliver(world, 4, 240)
    world.relay.pause = {}
    return [
        f"one mailer, instant mail server | {one:.0f} a second",
        f"one mailer, 200 ms mail server | {slow_one:.1f} a second",
        f"four mailers, 200 ms mail server | {slow_four:.1f} a second",
        f"**four against one** | **{slow_four / slow_one:.2f} times**",
    ]


def drain(world: World) -> list[str]:
    """The worst case: the mail server comes back just after the rarest probe."""
    put(world, WAITING)
    database = world.database
    with database.write() as session:
        now = database.now(session)
        session.merge(
            RelayState(
                id=1,
                failures=20,
                down_since=now - timedelta(hours=3),
                probe_at=schedule.next_probe(20, now),
                reason="a benchmark",
            )
        )
    mailer = world.start_mailer("bench-drain")
    back = time.monotonic()
    wait_until(lambda: not world.unfinished(), 900, "drained")
    seconds = time.monotonic() - back
    mailer.terminate()
    mailer.wait(40)
    wait = schedule.LONGEST_PROBE.total_seconds()
    return [f"{WAITING:,} waiting, server back just after a probe ({wait:.0f} s) | {seconds:.0f} s"]


def claims(world: World) -> list[str]:
    """Claiming beside ``OLD_ROWS`` delivered rows."""
    database = world.database
    fill(database)
    put(world, CLAIMS)
    mailer = Mailer(database, _never, owner="bench")
    claim_times, settle_times = list[float](), list[float]()
    for _ in range(CLAIMS):
        began = time.perf_counter()
        claim = mailer._claim()
        claim_times.append(time.perf_counter() - began)
        assert claim is not None
        began = time.perf_counter()
        with database.write() as session:
            now = database.now(session)
            settle.record(session, database.keys, claim, Report(Outcome.DELIVERED, 250), now)
        settle_times.append(time.perf_counter() - began)
    return [
        f"{what}, {OLD_ROWS:,} old rows: median, p99 | {milliseconds(times)}"
        for what, times in (("claim", claim_times), ("settle", settle_times))
    ]


def fill(database: Database) -> None:
    """Old rows, as deliveries of years leave them."""
    with database.write() as session:
        now = database.now(session)
        for start in range(0, OLD_ROWS, 10_000):
            rows = [_old(number, now) for number in range(start, start + 10_000)]
            session.execute(sa.insert(OutboxMessage), rows)
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")


def _old(number: int, now: datetime) -> dict[str, object]:
    then = now - timedelta(minutes=number)
    return {
        "id": uuid4(),
        "about": f"{number:07}",
        "message_id": f"<{number}@old.example>",
        "sealed_mail": None,
        "state": "delivered",
        "created_at": then,
        "queued_at": then,
        "due_at": None,
        "attempts": 1,
        "crashes": 0,
        "fell_back": False,
        "delivered_at": then,
    }


def milliseconds(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"{cuts[49] * 1000:.1f} ms, {cuts[98] * 1000:.1f} ms"


def _never(*_: object, **__: object) -> int:
    raise AssertionError("nothing is sent here")


def measure(server: Server, folder: Path) -> None:
    print(f"\n| {server.name} | |\n|---|---|")
    parts: tuple[Callable[[World], list[str]], ...] = (rates, drain, claims)
    for part in parts:
        world = World(folder / part.__name__, server, folder / "maps")
        world.plan = type(world.plan)(journal=world.plan.journal, times=REAL_TIMES)
        world.env = {"PYTHONPATH": ""}
        try:
            for line in part(world):
                print(f"| {line} |", flush=True)
        except NotSeenError as error:
            print(f"| {part.__name__} | {error} |", flush=True)
        finally:
            world.close()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as place:
        folder = Path(place)
        folder.chmod(0o711)
        for kind in (SQLite, Postgres):
            lane = folder / kind.name
            lane.mkdir(mode=0o711)
            server = kind(lane)
            try:
                measure(server, lane)
            finally:
                with suppress(subprocess.SubprocessError):
                    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
