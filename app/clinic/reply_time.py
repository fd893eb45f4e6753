"""``reply_within`` of clinic.toml: how soon the front desk answers, in opening hours."""

import re
from dataclasses import dataclass
from typing import Self

PATTERN = re.compile(r"([1-9]\d?) business (day|hour)s?")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class ReplyTime:
    """A number of days or hours in which the clinic is open. ``unit`` is "day" or "hour"."""

    amount: int
    unit: str

    def __str__(self) -> str:
        """As in a sentence: ``one business day``, ``12 business hours``."""
        number = NUMBERS[self.amount - 1] if self.amount <= len(NUMBERS) else self.amount
        return f"{number} business {self.unit}{'s' if self.amount > 1 else ''}"

    @classmethod
    def parse(cls, text: object) -> Self:
        """Raises ValueError, which says how to write it."""
        match = PATTERN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(
                "write a number of business days or hours,"
                ' such as "1 business day" or "4 business hours"'
            )
        return cls(int(match[1]), match[2])
