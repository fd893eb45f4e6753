"""Metrics of the database, counted at each scrape.

The tables are counted in full: 0.3 s of CPU time for a million inquiries on SQLite.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.contact.models import Inquiry
from app.database import Database
from app.maintenance.backup import last_backup_at
from app.monitoring.alerts import RESOLVED_TITLES
from app.monitoring.health_rules import SiteHealth, site_health
from app.outbox.models import DeliveryAttempt, Outcome
from app.outbox.send_errors import TransportFault
from app.services import current_services
from app.version import version


class DatabaseCollector(Collector):
    """Collects the metrics. Hosts report the same numbers: take the maximum, not the sum."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        yield _metric(Gauge, "build_info", "The version of Frontdesk.", {version(): 1}, "version")
        ready = current_services().readiness.problem() is None
        yield _metric(Gauge, "ready", "Whether this host can store an inquiry.", ready)
        try:
            metrics = list(self._from_database())
        except SQLAlchemyError:
            metrics = []
        yield _metric(Gauge, "database_up", "Whether the database answers.", bool(metrics))
        yield from metrics

    def _from_database(self) -> Iterator[Metric]:
        with self._database.read_session() as session:
            yield from _totals(session)
            yield from _health_metrics(site_health(session, self._database.now(session)))


def _totals(session: Session) -> Iterator[Metric]:
    """All inquiries and attempts; "quarantined" counts those that the spam filter held, also
    after a release.
    """
    total, quarantined = session.execute(
        sa.select(sa.func.count(), sa.func.count(Inquiry.quarantine_reasons)).select_from(Inquiry)
    ).one()
    inquiries = {"received": total - quarantined, "quarantined": quarantined}
    yield _metric(Counter, "inquiries", "Inquiries received, by spam filter.", inquiries, "state")
    query = sa.select(DeliveryAttempt.outcome, sa.func.count()).group_by(DeliveryAttempt.outcome)
    counts = {row[0]: row[1] for row in session.execute(query)}
    attempts = {outcome.value: counts.get(outcome, 0) for outcome in Outcome}
    yield _metric(Counter, "delivery_attempts", "Delivery attempts.", attempts, "outcome")
    if backup_at := last_backup_at(session):
        name = "last_backup_timestamp_seconds"
        yield _metric(Gauge, name, "The time of the last backup.", backup_at.timestamp())


def _health_metrics(health: SiteHealth) -> Iterator[Metric]:
    outbox, quarantine, unanswered = health.outbox, health.quarantine, health.unanswered
    messages = {"pending": outbox.pending, "dead": outbox.dead}
    faults = {fault.value: fault is outbox.transport_fault for fault in TransportFault}
    is_paused = outbox.paused_since is not None
    problems = dict.fromkeys(RESOLVED_TITLES, 0) | {problem.event: 1 for problem in health.problems}
    yield _metric(Gauge, "problem", "Whether there is this problem.", problems, "event")
    yield _metric(Gauge, "quarantine_inquiries", "Inquiries to review.", quarantine.count)
    yield _age("quarantine_oldest_inquiry", "the oldest quarantined inquiry", quarantine.oldest)
    yield _metric(Gauge, "unanswered_inquiries", "Inquiries without an answer.", unanswered.count)
    yield _age("unanswered_oldest_inquiry", "the oldest unanswered inquiry", unanswered.oldest)
    yield _metric(Gauge, "outbox_messages", "Undelivered messages.", messages, "state")
    yield _age("outbox_oldest_pending_message", "the oldest pending message", outbox.oldest_pending)
    yield _metric(Gauge, "outbox_paused", "Whether sending is paused.", is_paused)
    yield _age("mailer_heartbeat", "the last heartbeat", outbox.heartbeat_age, math.inf)
    is_overdue = health.backup_overdue_for is not None
    yield _metric(Gauge, "backup_overdue", "Whether three backups are missing.", is_overdue)
    yield _metric(Gauge, "mail_transport_unavailable", "Why no email is sent.", faults, "fault")


def _age(name: str, what: str, age: timedelta | None, without: float = 0.0) -> Metric:
    seconds = without if age is None else age.total_seconds()
    return _metric(Gauge, f"{name}_age_seconds", f"The age of {what}.", seconds)


def _metric(
    kind: type[Counter] | type[Gauge],
    name: str,
    description: str,
    value: float | Mapping[str, float],
    label: str = "",
) -> Metric:
    """One value or, by the value of ``label``, several."""
    metric = kind(f"frontdesk_{name}", description, labels=[label] if label else [])
    if isinstance(value, Mapping):
        for key, number in value.items():
            metric.add_metric([key.replace(" ", "_")], float(number))
    else:
        metric.add_metric([], float(value))
    return metric
