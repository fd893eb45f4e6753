"""What shall go wrong inside the site's processes: made by the bench, read by the hooks.

It travels in one environment variable, so it also reaches processes that the
site starts itself (gunicorn's workers).
"""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "FAULT_PLAN"

KILL, TERM = "kill", "term"
POISON = "this mail is poison"  # a mail with these words ends its mailer


@dataclass(frozen=True)
class Trigger:
    """Do ``act`` at every ``every``-th passing of a point, ``most`` times in all."""

    act: str = KILL
    every: int = 3
    most: int = 3


# Seconds. The proportions stay those of the real settings: deadline below lease.
SHORT_TIMES = {
    "app.outbox.retry_schedule.MIN_DELAY": 1.0,
    "app.outbox.retry_schedule.MAX_DELAY": 4.0,
    "app.outbox.retry_schedule.LEASE": 15.0,
    "app.outbox.retry_schedule.MIN_PROBE_DELAY": 1.0,
    "app.outbox.retry_schedule.MAX_PROBE_DELAY": 2.0,
    "app.outbox.signals.DEADLINE": 11.0,
    "app.outbox.smtp.COMMAND_TIMEOUT": 3.0,
    "app.outbox.smtp.FINAL_REPLY_TIMEOUT": 8.0,
}
REAL_TIMES: dict[str, float] = {}


@dataclass(frozen=True)
class FaultPlan:
    """``journal``: where a process writes what it is about to do, before it does it.
    ``shift``: a file with the seconds that the app's clock is off. ``quota``: a file
    with the number of pages that SQLite may use.
    """

    journal: str
    points: dict[str, Trigger] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=lambda: dict(SHORT_TIMES))
    shift: str = ""
    quota: str = ""
    broken: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_env(cls) -> "FaultPlan":
        values: dict[str, Any] = json.loads(os.environ[VARIABLE])
        points = {name: Trigger(**at) for name, at in values.pop("points").items()}
        return cls(points=points, **values)

    def happened(self) -> Counter[str]:
        """How often each point's fault was done, all processes together."""
        path = Path(self.journal)
        return Counter(path.read_text().splitlines() if path.exists() else ())
