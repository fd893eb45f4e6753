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
    duplicate_submissions,
    host_faults,
    mail_faults,
    power_cut,
    process_faults,
)
from tests.faults.database_servers import DatabaseServer, Postgres, SQLite
from tests.faults.delivery_check import DeliveryCheck, check_delivery, read_records
from tests.faults.registry import BOTH, SCENARIOS, SQLITE, Scenario
from tests.faults.site_under_test import SiteUnderTest, UnavailableError

NOTHING = DeliveryCheck(0, 0, 0, (), ())


@dataclass(frozen=True)
class Result:
    """One row of the table. ``wrong``: why the scenario itself failed; ``missing``: why
    it could not be run here.
    """

    scenario: Scenario
    database: str
    injected: int = 0
    dup_allowed: int = 0
    verdict: DeliveryCheck = NOTHING
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
    """The sites that run now, so that an interrupted bench leaves nothing behind."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self.sites: set[SiteUnderTest] = set()

    def end(self) -> None:
        """Start no further scenario; take the ground from under those that run."""
        self.ending.set()
        for site in tuple(self.sites):
            site.abandon()


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
    server: DatabaseServer = SQLite(lane) if name == SQLITE else Postgres(lane)
    results = []
    try:
        for number, one in enumerate(chosen):
            if name in one.on and not now.ending.is_set():
                site = SiteUnderTest(lane / str(number), server, folder / "maps")
                now.sites.add(site)
                results.append(run_one(one, site))
                now.sites.discard(site)
                tell(results[-1])
    finally:
        server.close()
    return results


def run_one(scenario: Scenario, site: SiteUnderTest) -> Result:
    """One scenario in a site of its own, which is closed afterwards."""
    began = time.monotonic()
    wrong = missing = ""
    verdict = NOTHING
    try:
        scenario.trouble(site)
        site.drain()
        verdict = _judge(site)
        wrong = _did_not_happen(site, verdict)
    except UnavailableError as error:
        missing = str(error)
    except Exception as error:  # noqa: BLE001  (the other scenarios shall still run)
        wrong = f"{type(error).__name__}: {error} {_where(error)}"
    finally:
        site.close()
    seconds = time.monotonic() - began
    return Result(
        scenario,
        site.server.name,
        site.injected,
        site.dup_allowed,
        verdict,
        seconds,
        wrong,
        missing,
    )


def _did_not_happen(site: SiteUnderTest, verdict: DeliveryCheck) -> str:
    if not site.injected:
        return "the fault did not happen"
    return "" if verdict.acknowledged else "nothing was acknowledged"


def _judge(site: SiteUnderTest) -> DeliveryCheck:
    return check_delivery(
        site.sent,
        read_records(site.database),
        site.mails(),
        _listed_dead(site),
        rows_may_be_gone=site.rows_may_be_gone,
    )


def _listed_dead(site: SiteUnderTest) -> list[UUID]:
    """The dead rows that the operator's list shows."""
    with site.database.read_session() as session:
        dead = session.scalars(sa.select(OutboxMessage.id).where(OutboxMessage.state == State.DEAD))
        ids = list(dead)
    listed = site.flask("outbox", "list", "--limit", "100000") if ids else ""
    return [one for one in ids if str(one)[:8] in listed]


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/tests/faults/" in frame.filename]
    return f"({Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else ""
