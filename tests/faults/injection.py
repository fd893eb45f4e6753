"""What the bench changes in the site's processes: where they die, and how long they wait.

Imported there by entry/sitecustomize.py; nothing of the site knows of it.
"""

import importlib
import itertools
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import clock, database
from app.outbox import queue, results, retry_schedule, signals, smtp, worker
from app.outbox.models import Outcome
from tests.faults.fault_plan import POISON, TERM, FaultPlan

SIGNALS = {TERM: signal.SIGTERM}

plan = FaultPlan.from_env()
passings: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
one_at_a_time = threading.Lock()


def install() -> None:
    """Patch this process as the plan says."""
    _set_times()
    if plan.shift:
        clock.now = _shifted_now
    if plan.quota:
        event.listen(sa.Engine, "begin", _set_quota)
    if "sync lightly" in plan.broken:
        database.sqlite_engine = _syncing_lightly(database.sqlite_engine)  # type: ignore[attr-defined, assignment]
    _patch_mailer()
    if plan.points and "mailer" not in sys.argv:
        _patch_web()


def passed(point: str) -> None:
    """Do what is planned for ``point``; it is written down before it is done."""
    at = plan.points.get(point)
    if at is None:
        return
    with one_at_a_time:
        if next(passings[point]) % at.every or plan.happened()[point] >= at.most:
            return
        with Path(plan.journal).open("a") as journal:
            journal.write(point + "\n")
    os.kill(os.getpid(), SIGNALS.get(at.act, signal.SIGKILL))


def _patch_web() -> None:
    original = database.Database.session

    @contextmanager
    def session(self: database.Database) -> Iterator[Session]:
        with original(self) as session:
            yield session
            passed("web before commit")
        passed("web after commit")

    database.Database.session = session  # type: ignore[method-assign]


def _patch_mailer() -> None:
    _before(queue, "claim", "before claim")
    _before(worker.Mailer, "_settle", "before settling")
    claim = worker.Mailer._claim

    def claim_then(self: worker.Mailer) -> queue.Claim | None:
        taken = claim(self)
        if taken:
            passed("after claim")
        return taken

    worker.Mailer._claim = claim_then  # type: ignore[method-assign]
    _patch_smtp()
    if "settle first" in plan.broken:
        worker.Mailer._attempt = _settled_first(worker.Mailer._attempt)  # type: ignore[method-assign]


def _patch_smtp() -> None:
    talk, send = smtp._FinalDotMixin.send, smtp.send

    def talk_in_halves(self: Any, s: Any) -> None:
        if not (isinstance(s, bytes) and s.endswith(smtp.FINAL_DOT)):
            talk(self, s)
            return
        half = len(s) // 2
        talk(self, s[:half])
        passed("in DATA")
        talk(self, s[half:])
        passed("after the dot")

    def send_unless_poisoned(mail: Any, **how: Any) -> int:
        if POISON in mail.text:
            passed("poison")
        return send(mail, **how)

    smtp._FinalDotMixin.send = talk_in_halves  # type: ignore[method-assign]
    smtp.send = send_unless_poisoned


def _settled_first(
    attempt: Callable[..., results.AttemptResult],
) -> Callable[..., results.AttemptResult]:
    """The mistake that the bench must catch: done is written down before it is done."""

    def attempt_afterwards(self: worker.Mailer, claim: queue.Claim) -> results.AttemptResult:
        with self.database.session() as session:
            now = self.database.now(session)
            report = results.AttemptResult(Outcome.DELIVERED, 250)
            results.record_result(session, self.database.keys, claim, report, now)
        return attempt(self, claim)

    return attempt_afterwards


def _before(place: Any, name: str, point: str) -> None:
    original = getattr(place, name)

    def then(*values: Any, **named: Any) -> Any:
        passed(point)
        return original(*values, **named)

    setattr(place, name, then)


def _set_times() -> None:
    for name, seconds in plan.times.items():
        module_name, _, attribute = name.rpartition(".")
        module = importlib.import_module(module_name)
        is_delta = isinstance(getattr(module, attribute), timedelta)
        setattr(module, attribute, timedelta(seconds=seconds) if is_delta else seconds)
    retry_schedule.MAX_DUE_AHEAD = (
        retry_schedule.MAX_DELAY * (1 + retry_schedule.JITTER) + retry_schedule.LEASE
    )
    signals.SignalHandler.__init__.__defaults__ = (signals.DEADLINE, signals.STOP_TIMEOUT)


def _shifted_now() -> datetime:
    path = Path(plan.shift)
    off = float(path.read_text() or 0) if path.exists() else 0.0
    return datetime.now(UTC) + timedelta(seconds=off)


def _set_quota(connection: sa.Connection) -> None:
    path = Path(plan.quota)
    pages = int(path.read_text()) if path.exists() else 1_000_000
    connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def _syncing_lightly(make: Callable[[str], sa.Engine]) -> Callable[[str], sa.Engine]:
    """A mistake that only a power cut shows; set after the site's own settings."""

    def engine(url: str) -> sa.Engine:
        made = make(url)
        event.listen(made, "connect", _sync_lightly)
        return made

    return engine


def _sync_lightly(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL").close()
