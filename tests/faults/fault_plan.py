"""The faults to inject into the site's processes: written by the runner, read by injection.py.

The plan is passed in an environment variable, so that processes started by the site itself, such
as gunicorn's workers, inherit it.
"""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "FAULT_PLAN"

KILL, TERM = "kill", "term"
POISON = "this mail is poison"  # a message with this text kills its mailer


@dataclass(frozen=True)
class Trigger:
    """Do ``action`` every ``every``-th time a point is reached, at most ``limit`` times."""

    action: str = KILL
    every: int = 3
    limit: int = 3


# Seconds. As in production, the deadline is shorter than the lease.
SHORT_TIMES = {
    "app.outbox.retry_schedule.MIN_DELAY": 1.0,
    "app.outbox.retry_schedule.MAX_DELAY": 4.0,
    "app.outbox.retry_schedule.LEASE": 15.0,
    "app.outbox.retry_schedule.MIN_PROBE_DELAY": 1.0,
    "app.outbox.retry_schedule.MAX_PROBE_DELAY": 2.0,
    "app.outbox.signals.DEADLINE": 11.0,
    "app.outbox.transports.smtp.COMMAND_TIMEOUT": 3.0,
    "app.outbox.transports.smtp.FINAL_REPLY_TIMEOUT": 8.0,
}
REAL_TIMES: dict[str, float] = {}


@dataclass(frozen=True)
class FaultPlan:
    """``journal``: the file where a process records each fault before it happens.
    ``clock_offset``: a file with seconds to add to the application's clock, and with
    ``database_clock`` also to PostgreSQL's as the application reads it. ``quota``: a file with the
    maximum number of SQLite pages. ``bugs``: names of bugs to introduce. ``cloud``: the hosts to
    use as Microsoft's. ``library_clock``: a file with seconds to add to the clock by which the
    libraries of Microsoft, Google and Amazon sign.
    """

    journal: str
    points: dict[str, Trigger] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=lambda: dict(SHORT_TIMES))
    clock_offset: str = ""
    database_clock: bool = False
    quota: str = ""
    bugs: tuple[str, ...] = ()
    cloud: dict[str, str] = field(default_factory=dict)
    library_clock: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_env(cls) -> "FaultPlan":
        values: dict[str, Any] = json.loads(os.environ[VARIABLE])
        points = {name: Trigger(**trigger) for name, trigger in values.pop("points").items()}
        return cls(points=points, **values)

    def injected(self) -> Counter[str]:
        """How often the fault of each point happened, in all processes."""
        path = Path(self.journal)
        return Counter(path.read_text().splitlines() if path.exists() else ())
