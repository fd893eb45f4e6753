"""Runs scenarios, one lane for each database, and judges each of them."""

import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from app.outbox.models import OutboxMessage, State
from tests.faults import (  # noqa: F401  (each puts its scenarios into the list)
    database_faults,
    host_faults,
    mail_faults,
    power_cut,
    process_faults,
    visitor_faults,
)
from tests.faults.judge import Verdict, judge, read_records
from tests.faults.registry import BOTH, SCENARIOS, SQLITE, Scenario
from tests.faults.servers import Postgres, Server, SQLite
from tests.faults.world import NotHereError, World

NOTHING = Verdict(0, 0, 0, (), ())


@dataclass(frozen=True)
class Result:
    """One row of the table. ``wrong``: why the scenario itself failed; ``missing``: why
    it could not be run here.
    """

    scenario: Scenario
    database: str
    injected: int = 0
    dup_allowed: int = 0
    verdict: Verdict = NOTHING
    seconds: float = 0.0
    wrong: str = ""
    missing: str = ""

    @property
    def held(self) -> bool:
        """Whether the promise was kept, under a fault that really happened."""
        verdict = self.verdict
        return bool(self.missing) or (
            not self.wrong and not verdict.lost and len(verdict.dup) <= self.dup_allowed
        )


Tell = Callable[[Result], None]


class Open:
    """The worlds that run now, so that an interrupted bench leaves nothing behind."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self.worlds: set[World] = set()

    def end(self) -> None:
        """Start no further scenario; take the ground from under those that run."""
        self.ending.set()
        for world in tuple(self.worlds):
            world.abandon()


def run_all(
    tell: Tell, *, short: bool = False, only: str = "", databases: Sequence[str] = BOTH
) -> list[Result]:
    """Run the list on each database; ``only`` chooses by a part of the name."""
    chosen = [one for one in SCENARIOS if only in one.name and (one.short or not short)]
    with tempfile.TemporaryDirectory(prefix="frontdesk-faults-") as place:
        folder = Path(place)
        folder.chmod(0o711)  # PostgreSQL may run as another user
        now = Open()
        with ThreadPoolExecutor(len(databases)) as lanes:
            running = [lanes.submit(_lane, folder, name, chosen, tell, now) for name in databases]
            try:
                return [result for lane in running for result in lane.result()]
            finally:
                now.end()


def _lane(
    folder: Path, name: str, chosen: Sequence[Scenario], tell: Tell, now: Open
) -> list[Result]:
    lane = folder / name
    lane.mkdir(mode=0o711)
    server: Server = SQLite(lane) if name == SQLITE else Postgres(lane)
    results = []
    try:
        for number, one in enumerate(chosen):
            if name in one.on and not now.ending.is_set():
                world = World(lane / str(number), server, folder / "maps")
                now.worlds.add(world)
                results.append(run_one(one, world))
                now.worlds.discard(world)
                tell(results[-1])
    finally:
        server.close()
    return results


def run_one(scenario: Scenario, world: World) -> Result:
    """One scenario in a world of its own, which is closed afterwards."""
    began = time.monotonic()
    wrong = missing = ""
    verdict = NOTHING
    try:
        scenario.trouble(world)
        world.drain()
        verdict = _judge(world)
        wrong = _did_not_happen(world, verdict)
    except NotHereError as error:
        missing = str(error)
    except Exception as error:  # noqa: BLE001  (the other scenarios shall still run)
        wrong = f"{type(error).__name__}: {error} {_where(error)}"
    finally:
        world.close()
    seconds = time.monotonic() - began
    return Result(
        scenario,
        world.server.name,
        world.injected,
        world.dup_allowed,
        verdict,
        seconds,
        wrong,
        missing,
    )


def _did_not_happen(world: World, verdict: Verdict) -> str:
    if not world.injected:
        return "the fault did not happen"
    return "" if verdict.acknowledged else "nothing was acknowledged"


def _judge(world: World) -> Verdict:
    return judge(
        world.sent,
        read_records(world.database),
        world.mails(),
        _listed_dead(world),
        rows_may_be_gone=world.rows_may_be_gone,
    )


def _listed_dead(world: World) -> list[UUID]:
    """The dead rows that the operator's list shows."""
    with world.database.read_session() as session:
        dead = session.scalars(sa.select(OutboxMessage.id).where(OutboxMessage.state == State.DEAD))
        ids = list(dead)
    listed = world.flask("outbox", "list", "--limit", "100000") if ids else ""
    return [one for one in ids if str(one)[:8] in listed]


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/tests/faults/" in frame.filename]
    return f"({Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else ""
