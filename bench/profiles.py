"""How long the benchmarks measure."""

from dataclasses import dataclass

CONNECTIONS = (1, 8, 32)


@dataclass(frozen=True)
class Profile:
    """``seconds`` per measurement, ``rounds`` in which the servers take turns, ``messages`` for
    one mailer to deliver, ``old_inquiries`` in the largest database.
    """

    seconds: int
    rounds: int
    messages: int
    old_inquiries: int


FULL = Profile(seconds=2, rounds=3, messages=1_000, old_inquiries=1_000_000)
QUICK = Profile(seconds=1, rounds=1, messages=300, old_inquiries=100_000)
