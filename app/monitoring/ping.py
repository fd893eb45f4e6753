"""The dead-man's switch: a ping each minute, only while all is well.

It is the one channel that notices a dead machine, for what is awaited is the ping.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.contact.queries import quarantine_stats
from app.monitoring.health_rules import Severity, judge, worst
from app.outbox.stats import look_over
from app.scheduler import Afterwards, Chore, every

PAUSE = timedelta(minutes=1)


def ping_chore(ping: Callable[[], object]) -> Chore:
    """Call ``ping`` each minute unless something is wrong that should wake somebody.

    A database that does not answer ends the ping too: no turn can be taken on it.
    """

    def call() -> None:
        ping()

    def do(session: Session, now: datetime) -> Afterwards | None:
        loudest = worst(judge(look_over(session, now), quarantine_stats(session, now)))
        return None if loudest is Severity.PAGE else call

    return Chore("ping", every(PAUSE), do)
