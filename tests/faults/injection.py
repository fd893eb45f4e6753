"""Fault injection in the site's processes: crashes at given points, and shorter times.

Imported there by entry/sitecustomize.py. The site's own code is unchanged.
"""

import importlib
import itertools
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import clock, database
from app.contact import reminders
from app.outbox import queue, results, retry_schedule, worker
from app.outbox.models import OutboxMessage, Outcome, OutgoingEmail
from app.outbox.transports import Transport, smtp
from tests.faults.fault_plan import POISON, TERM, FaultPlan

SIGNALS = {TERM: signal.SIGTERM}

plan = FaultPlan.from_env()
visits: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
lock = threading.Lock()


def install() -> None:
    """Patch this process according to the plan."""
    _set_times()
    if plan.clock_offset:
        clock.now = _now_with_offset
    if plan.database_clock:
        database.Database.now = lambda _self, _session: _now_with_offset()  # type: ignore[method-assign, assignment]
    if plan.cloud:
        _use_cloud()
    if plan.library_clock:
        _patch_library_clocks()
    if plan.quota:
        event.listen(sa.Engine, "begin", _set_quota)
    if "unsynced commits" in plan.bugs:
        database.sqlite_engine = _without_sync(database.sqlite_engine)  # type: ignore[attr-defined, assignment]
    _patch_mailer()
    if plan.points and "mailer" not in sys.argv:
        _patch_web()


def reach(point: str) -> None:
    """Cause the fault planned for ``point``, if any, after recording it in the journal."""
    trigger = plan.points.get(point)
    if trigger is None:
        return
    with lock:
        if next(visits[point]) % trigger.every or plan.injected()[point] >= trigger.limit:
            return
        with Path(plan.journal).open("a") as journal:
            journal.write(point + "\n")
    os.kill(os.getpid(), SIGNALS.get(trigger.action, signal.SIGKILL))


def _patch_web() -> None:
    original = database.Database.session

    @contextmanager
    def session(self: database.Database) -> Iterator[Session]:
        with original(self) as session:
            yield session
            reach("web before commit")
        reach("web after commit")

    database.Database.session = session  # type: ignore[method-assign]


def _patch_mailer() -> None:
    _reach_before(queue, "claim", "before claim")
    _reach_before(worker.Mailer, "_record_result", "before recording")
    original = worker.Mailer._claim

    def claim(self: worker.Mailer) -> OutboxMessage | None:
        message = original(self)
        if message:
            reach("after claim")
        return message

    worker.Mailer._claim = claim  # type: ignore[method-assign, assignment]
    _patch_smtp()
    _patch_reminders()
    if "record before sending" in plan.bugs:
        worker.Mailer._attempt = _record_before_sending(worker.Mailer._attempt)  # type: ignore[method-assign]


def _patch_reminders() -> None:
    _reach_before(reminders, "_record", "before a reminder")
    _reach_before(reminders, "_emails", "after a reminder")  # the next one's, without a transaction
    enqueue = reminders.enqueue  # type: ignore[attr-defined]

    def enqueue_and_reach(*args: Any, **options: Any) -> None:
        enqueue(*args, **options)
        reach("reminder queued, not committed")

    reminders.enqueue = enqueue_and_reach  # type: ignore[attr-defined]


def _patch_smtp() -> None:
    send_bytes, send = smtp._SMTP.send, Transport.send

    def send_in_halves(self: Any, s: Any) -> None:
        if not (isinstance(s, bytes) and s.endswith(smtp.FINAL_DOT)):
            send_bytes(self, s)
            return
        half = len(s) // 2
        send_bytes(self, s[:half])
        reach("in DATA")
        send_bytes(self, s[half:])
        reach("after the dot")

    def send_unless_poisoned(self: Transport, email: OutgoingEmail, **options: Any) -> int:
        if POISON in email.text:
            reach("poison")
        return send(self, email, **options)

    smtp._SMTP.send = send_in_halves  # type: ignore[method-assign]
    Transport.send = send_unless_poisoned  # type: ignore[method-assign]


def _record_before_sending(
    attempt: Callable[..., results.AttemptResult],
) -> Callable[..., results.AttemptResult]:
    """A bug that the tests must detect: the delivery is recorded before the message is sent."""

    def record_and_attempt(self: worker.Mailer, message: OutboxMessage) -> results.AttemptResult:
        with self.database.session() as session:
            delivered = results.AttemptResult(Outcome.DELIVERED, 250)
            results.record_result(session, message, delivered, self.database.now(session))
        return attempt(self, message)

    return record_and_attempt


def _reach_before(owner: Any, name: str, point: str) -> None:
    """Make the function ``name`` of ``owner`` reach ``point`` first."""
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        reach(point)
        return original(*args, **kwargs)

    setattr(owner, name, patched)


def _set_times() -> None:
    for name, seconds in plan.times.items():
        module_name, _, attribute = name.rpartition(".")
        module = importlib.import_module(module_name)
        is_delta = isinstance(getattr(module, attribute), timedelta)
        setattr(module, attribute, timedelta(seconds=seconds) if is_delta else seconds)
    retry_schedule.MAX_DUE_AHEAD = (
        retry_schedule.MAX_DELAY * (1 + retry_schedule.JITTER) + retry_schedule.LEASE
    )


def _use_cloud() -> None:
    from app.outbox.transports import microsoft  # only for sites that use it

    microsoft.CLOUDS["global"] = microsoft.Cloud(**plan.cloud)


def _patch_library_clocks() -> None:
    """Set the clock by which the libraries of Microsoft, Google and Amazon sign."""
    import botocore.auth
    import google.auth._helpers
    import msal.oauth2cli.assertion

    def now(**_: object) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + _offset(plan.library_clock)

    def timestamp() -> float:
        return time.time() + _offset(plan.library_clock).total_seconds()

    google.auth._helpers.utcnow = botocore.auth.get_current_datetime = now
    msal.oauth2cli.assertion.time = SimpleNamespace(time=timestamp)


def _now_with_offset() -> datetime:
    return datetime.now(UTC) + _offset(plan.clock_offset)


def _offset(file: str) -> timedelta:
    path = Path(file)
    return timedelta(seconds=float(path.read_text() or 0) if path.exists() else 0.0)


def _set_quota(connection: sa.Connection) -> None:
    path = Path(plan.quota)
    pages = int(path.read_text()) if path.exists() else 1_000_000
    connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def _without_sync(create: Callable[[sa.URL], sa.Engine]) -> Callable[[sa.URL], sa.Engine]:
    """A bug that only a power cut reveals; set after the site's own settings."""

    def create_without_sync(url: sa.URL) -> sa.Engine:
        engine = create(url)
        event.listen(engine, "connect", _disable_sync)
        return engine

    return create_without_sync


def _disable_sync(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL").close()
