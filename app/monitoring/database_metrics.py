"""Metrics of the database, counted at each scrape.

The tables are counted in full: 0.3 s of CPU time for a million inquiries on SQLite.
"""

import math
from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.contact.models import Inquiry
from app.contact.queries import QuarantineStats, quarantine_stats
from app.database import Database
from app.database.engines import NotDurableError
from app.maintenance.backup import last_backup_at
from app.outbox.models import DeliveryAttempt, Outcome
from app.outbox.stats import OutboxStats, TransportFault, outbox_stats
from app.version import version

Samples = Mapping[str, float]


class DatabaseCollector(Collector):
    """Every host reports the same numbers: use their maximum, not their sum."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        yield _gauges("build_info", "The version of Frontdesk.", "version", {version(): 1})
        try:
            metrics = list(self._from_database())
        except (SQLAlchemyError, NotDurableError):
            metrics = []
        yield _gauge("database_up", "Whether the database answers.", bool(metrics))
        yield from metrics

    def _from_database(self) -> Iterator[Metric]:
        with self._database.read_session() as session:
            now = self._database.now(session)
            inquiries, attempts = _count_inquiries(session), _count_attempts(session)
            stats, quarantine = outbox_stats(session, now), quarantine_stats(session, now)
            backup_at = last_backup_at(session)
        if backup_at:
            name = "last_backup_timestamp_seconds"
            yield _gauge(name, "The time of the last backup.", backup_at.timestamp())
        yield _counters("inquiries", "Inquiries received, by spam filter.", "state", inquiries)
        yield _counters("delivery_attempts", "Delivery attempts.", "outcome", attempts)
        yield from _quarantine_metrics(quarantine)
        yield from _outbox_metrics(stats)


def _count_inquiries(session: Session) -> dict[str, int]:
    """All inquiries; "quarantined" counts likely spam, also after it was released."""
    total, quarantined = session.execute(
        sa.select(sa.func.count(), sa.func.count(Inquiry.quarantine_reasons)).select_from(Inquiry)
    ).one()
    return {"received": total - quarantined, "quarantined": quarantined}


def _count_attempts(session: Session) -> dict[str, int]:
    query = sa.select(DeliveryAttempt.outcome, sa.func.count()).group_by(DeliveryAttempt.outcome)
    counts = {row[0]: row[1] for row in session.execute(query)}
    return {outcome.value: counts.get(outcome.value, 0) for outcome in Outcome}


def _quarantine_metrics(stats: QuarantineStats) -> Iterator[Metric]:
    age = stats.oldest.total_seconds() if stats.oldest else 0.0
    yield _gauge("quarantined_inquiries", "Quarantined inquiries to review.", stats.count)
    yield _gauge("quarantined_oldest_age_seconds", "The age of the oldest of them.", age)


def _outbox_metrics(stats: OutboxStats) -> Iterator[Metric]:
    messages = {"pending": stats.pending, "dead": stats.dead}
    oldest = stats.oldest_pending.total_seconds() if stats.oldest_pending else 0.0
    heartbeat = math.inf if stats.heartbeat_age is None else stats.heartbeat_age.total_seconds()
    faults = {fault.value: float(fault is stats.transport_fault) for fault in TransportFault}
    paused = stats.paused_since is not None
    yield _gauges("outbox_messages", "Messages not delivered, by state.", "state", messages)
    yield _gauge("outbox_oldest_age_seconds", "The age of the oldest pending message.", oldest)
    yield _gauge("outbox_paused", "Whether sending is paused.", paused)
    yield _gauge("mailer_heartbeat_age_seconds", "Time since a mailer's heartbeat.", heartbeat)
    yield _gauges("mail_transport_unavailable", "Why no email can be sent.", "fault", faults)


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(f"frontdesk_{name}", description, value=float(value))


def _gauges(name: str, description: str, label: str, samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(f"frontdesk_{name}", description, labels=[label]), samples)


def _counters(name: str, description: str, label: str, samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(f"frontdesk_{name}", description, labels=[label]), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for label, value in samples.items():
        family.add_metric([label.replace(" ", "_")], float(value))
    return family
