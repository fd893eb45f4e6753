"""How long everything is measured."""

from dataclasses import dataclass

CONNECTIONS = (1, 8, 32)


@dataclass(frozen=True)
class Profile:
    """``seconds`` of one measurement, ``rounds`` in which all rivals take turns, ``mails``
    for one mailer to deliver, ``old`` inquiries in the largest database.
    """

    seconds: int
    rounds: int
    mails: int
    old: int


FULL = Profile(seconds=2, rounds=3, mails=1_000, old=1_000_000)
QUICK = Profile(seconds=1, rounds=1, mails=300, old=100_000)
