"""Metrics of the database, counted at each scrape.

Tables are counted whole: 0.3 s of processor time for a million inquiries on SQLite.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime

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
    """Every host tells the same numbers of the database: take the greatest, not the sum."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        yield _labelled("build_info", "This version of Frontdesk.", "version", {version(): 1})
        try:
            found = list(self._of_database())
        except (SQLAlchemyError, NotDurableError):
            found = []
        yield _gauge("database_up", "Whether the database answers.", bool(found))
        yield from found

    def _of_database(self) -> Iterator[Metric]:
        with self._database.read_session() as session:
            now = self._database.now(session)
            inquiries, attempts = _count_inquiries(session), _count_attempts(session)
            seen, held = outbox_stats(session, now), quarantine_stats(session, now)
            made_at = last_backup_at(session)
        if made_at:
            yield _gauge("last_backup_timestamp_seconds", "When it was made.", _moment(made_at))
        yield _counter("inquiries", "Inquiries taken, by what became of them.", "state", inquiries)
        yield _counter("delivery_attempts", "Attempts to deliver, by outcome.", "outcome", attempts)
        yield from _of_held(held)
        yield from _of_outbox(seen)


def _count_inquiries(session: Session) -> dict[str, int]:
    """All inquiries; "quarantined" counts likely spam, whatever became of it later."""
    total, quarantined = session.execute(
        sa.select(sa.func.count(), sa.func.count(Inquiry.quarantine_reasons)).select_from(Inquiry)
    ).one()
    return {"received": total - quarantined, "quarantined": quarantined}


def _count_attempts(session: Session) -> dict[str, int]:
    query = sa.select(DeliveryAttempt.outcome, sa.func.count()).group_by(DeliveryAttempt.outcome)
    counts: dict[str, int] = dict(session.execute(query).all())
    return {outcome.value: counts.get(outcome.value, 0) for outcome in Outcome}


def _of_held(held: QuarantineStats) -> Iterator[Metric]:
    waited = held.oldest.total_seconds() if held.oldest else 0.0
    yield _gauge("quarantined_inquiries", "Quarantined inquiries nobody reviewed.", held.count)
    yield _gauge(
        "quarantined_oldest_age_seconds", "How long the oldest of them has waited.", waited
    )


def _of_outbox(seen: OutboxStats) -> Iterator[Metric]:
    mails = {"pending": seen.pending, "dead": seen.dead}
    oldest = seen.oldest_pending.total_seconds() if seen.oldest_pending else 0.0
    beat = math.inf if seen.heartbeat_age is None else seen.heartbeat_age.total_seconds()
    down = {fault.value: float(fault is seen.transport_fault) for fault in TransportFault}
    yield _labelled("outbox_messages", "Mails not delivered, by state.", "state", mails)
    yield _gauge("outbox_oldest_age_seconds", "How long the oldest mail has waited.", oldest)
    yield _gauge("outbox_paused", "Whether no mail may go out.", seen.paused_since is not None)
    yield _gauge("mailer_heartbeat_age_seconds", "Since the latest heartbeat of a mailer.", beat)
    yield _labelled(
        "mail_transport_unavailable",
        "Whether the mail server takes no mail, and why.",
        "fault",
        down,
    )


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"frontdesk_{name}", told, value=float(value))


def _labelled(name: str, told: str, label: str, samples: Samples) -> Metric:
    family = GaugeMetricFamily(f"frontdesk_{name}", told, labels=[label])
    return _filled(family, samples)


def _counter(name: str, told: str, label: str, samples: Samples) -> Metric:
    family = CounterMetricFamily(f"frontdesk_{name}", told, labels=[label])
    return _filled(family, samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for value, number in samples.items():
        family.add_metric([value.replace(" ", "_")], float(number))
    return family


def _moment(moment: datetime) -> float:
    return moment.timestamp()
