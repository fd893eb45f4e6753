"""How many rows there have been, in tables that only grow, without counting all of them
at each scrape.

The first scrape of a process counts the whole table. Then rows that are old enough for
no transaction to be under way before them are remembered as a number, and only those
since are counted. So every process, on every host, tells the same. After a restore the
last row remembered is not there any more, and all is counted anew.
"""

from collections import Counter
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.contact.inquiry import Inquiry
from app.outbox.message import DeliveryAttempt

SETTLED = timedelta(minutes=2)  # no transaction of ours lasts so long


class Total:
    """Rows by ``label``. ``position`` orders them and has an index; ``written_at`` tells
    how old one is, ``identity`` that it is still the same one.
    """

    def __init__(
        self,
        label: sa.ColumnElement[str],
        *,
        position: InstrumentedAttribute[Any],
        written_at: InstrumentedAttribute[datetime],
        identity: InstrumentedAttribute[Any],
    ) -> None:
        self._label = label
        self._position = position
        self._written_at = written_at
        self._identity = identity
        self._lock = Lock()
        self._forget()

    def count(self, session: Session, now: datetime) -> dict[str, int]:
        with self._lock:
            if not self._last_is_there(session):
                self._forget()
            self._remember(session, now)
            return dict(self._settled + self._since(session))

    def _forget(self) -> None:
        self._settled: Counter[str] = Counter()
        self._last: tuple[Any, Any] | None = None  # position and identity

    def _last_is_there(self, session: Session) -> bool:
        if self._last is None:
            return True
        position, identity = self._last
        same = sa.exists().where(self._position == position, self._identity == identity)
        return bool(session.scalar(sa.select(same)))

    def _remember(self, session: Session, now: datetime) -> None:
        last = session.execute(
            sa.select(self._position, self._identity)
            .where(self._written_at < now - SETTLED, *self._after())
            .order_by(self._position.desc())
            .limit(1)
        ).one_or_none()
        if last is not None:
            self._settled += self._since(session, self._position <= last[0])
            self._last = (last[0], last[1])

    def _since(self, session: Session, *conditions: sa.ColumnElement[bool]) -> Counter[str]:
        query = sa.select(self._label, sa.func.count()).select_from(self._position.class_)
        wanted = query.where(*self._after(), *conditions).group_by(self._label)
        return Counter({row[0]: row[1] for row in session.execute(wanted)})

    def _after(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (self._position > self._last[0],) if self._last else ()


def inquiries() -> Total:
    """``held`` counts what was held back as likely spam, whatever became of it later."""
    return Total(
        sa.literal_column(
            "case when held_because is null then 'received' else 'held' end", sa.String
        ),
        position=Inquiry.created_at,
        written_at=Inquiry.created_at,
        identity=Inquiry.id,
    )


def attempts() -> Total:
    return Total(
        DeliveryAttempt.outcome.expression,
        position=DeliveryAttempt.id,
        written_at=DeliveryAttempt.ended_at,
        identity=DeliveryAttempt.token,
    )
