"""Runs the scenarios on each database, in one thread per database, and checks their results."""

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
from tests.faults import (  # noqa: F401  (imported to register their scenarios)
    backup_faults,
    database_faults,
    duplicate_submissions,
    host_faults,
    mail_faults,
    power_cut,
    process_faults,
    receiver_faults,
    reminder_faults,
    staff_faults,
    transport_faults,
)
from tests.faults.database_servers import DatabaseServer, Postgres, SQLite
from tests.faults.delivery_check import DeliveryCheck, check_delivery, read_records
from tests.faults.registry import BOTH, SCENARIOS, SQLITE, Scenario
from tests.faults.site_under_test import SiteUnderTest, UnavailableError

NO_CHECK = DeliveryCheck(0, 0, 0, (), ())


@dataclass(frozen=True)
class Result:
    """One row of the table. ``error``: why the scenario itself failed. ``skipped``: why it could
    not run on this machine.
    """

    scenario: Scenario
    database: str
    injected: int = 0
    duplicates_allowed: int = 0
    check: DeliveryCheck = NO_CHECK
    seconds: float = 0.0
    error: str = ""
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether the fault happened, nothing was lost and no extra duplicates were sent."""
        check = self.check
        return bool(self.skipped) or (
            not self.error and not check.lost and len(check.duplicates) <= self.duplicates_allowed
        )


OnResult = Callable[[Result], None]


class ActiveSites:
    """The sites that are running, so that an interrupted run leaves no processes."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.sites: set[SiteUnderTest] = set()

    def stop(self) -> None:
        """Start no more scenarios and kill the sites of those in progress."""
        self.stopping.set()
        for site in tuple(self.sites):
            site.abandon()


def run_all(
    on_result: OnResult, *, short: bool = False, only: str = "", databases: Sequence[str] = BOTH
) -> list[Result]:
    """Run the scenarios, or those of the short run, whose name contains ``only``."""
    selected = {
        database: [
            scenario
            for scenario in SCENARIOS
            if only in scenario.name and database in (scenario.short if short else scenario.on)
        ]
        for database in databases
    }
    with tempfile.TemporaryDirectory(prefix="frontdesk-faults-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)  # PostgreSQL may run as another user
        active = ActiveSites()
        with ThreadPoolExecutor(len(databases)) as threads:
            runs = [
                threads.submit(_run_on, name, folder, scenarios, on_result, active)
                for name, scenarios in selected.items()
            ]
            try:
                return [result for run in runs for result in run.result()]
            finally:
                active.stop()


def _run_on(
    database: str,
    folder: Path,
    scenarios: Sequence[Scenario],
    on_result: OnResult,
    active: ActiveSites,
) -> list[Result]:
    database_folder = folder / database
    database_folder.mkdir(mode=0o711)
    server: DatabaseServer = (
        SQLite(database_folder) if database == SQLITE else Postgres(database_folder)
    )
    results = []
    try:
        for number, scenario in enumerate(scenarios):
            if not active.stopping.is_set():
                site = SiteUnderTest(database_folder / str(number), server, folder / "maps")
                active.sites.add(site)
                results.append(run_scenario(scenario, site))
                active.sites.discard(site)
                on_result(results[-1])
    finally:
        server.close()
    return results


def run_scenario(scenario: Scenario, site: SiteUnderTest) -> Result:
    """Run one scenario and close its site."""
    started = time.monotonic()
    message = skipped = ""
    check = NO_CHECK
    try:
        scenario.run(site)
        site.drain()
        check = _check(site)
        if not site.injected:
            message = "the fault did not happen"
        elif not check.acknowledged:
            message = "nothing was acknowledged"
    except UnavailableError as error:
        skipped = str(error)
    except Exception as error:  # noqa: BLE001  (the other scenarios still run)
        message = f"{type(error).__name__}: {error} {_location(error)}"
    finally:
        site.close()
    return Result(
        scenario,
        site.server.name,
        site.injected,
        site.duplicates_allowed,
        check,
        time.monotonic() - started,
        message,
        skipped,
    )


def _check(site: SiteUnderTest) -> DeliveryCheck:
    return check_delivery(
        site.submissions,
        read_records(site.database),
        site.messages(),
        _listed_dead_messages(site),
        rows_may_be_missing=site.rows_may_be_missing,
    )


def _listed_dead_messages(site: SiteUnderTest) -> list[UUID]:
    """The dead messages that ``flask outbox list`` shows."""
    with site.database.read_session() as session:
        dead = session.scalars(sa.select(OutboxMessage.id).where(OutboxMessage.state == State.DEAD))
        ids = list(dead)
    output = site.flask("outbox", "list", "--limit", "100000") if ids else ""
    return [message_id for message_id in ids if str(message_id)[:8] in output]


def _location(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/tests/faults/" in frame.filename]
    return f"({Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else ""
