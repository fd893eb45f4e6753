"""Opening hours as people type them: ``Mon-Fri 9am-5pm, Sat 10:00-14:00``."""

import re
from datetime import time

from app.clinic.models import WEEKDAYS

TIME = r"\d{1,2}(?::\d\d)?\s*(?:[ap]m)?"
PART = re.compile(
    rf"([a-z]{{3,9}})(?:\s*-\s*([a-z]{{3,9}}))?\s+({TIME})\s*-\s*({TIME})", re.IGNORECASE
)
EXAMPLE = "Mon-Fri 9am-5pm, Sat 10am-2pm"
SYNONYMS = {"\N{EN DASH}": "-", " to ": "-", "noon": "12pm", "midnight": "12am"}


def hours_toml(text: str) -> str:
    """Return the lines of ``[locations.hours]``.

    A day that is given twice has a break. Raises ValueError for anything else than days and times.
    """
    days: dict[str, list[str]] = {day: [] for day in WEEKDAYS}
    for words, short in SYNONYMS.items():
        text = text.replace(words, short)
    for part in text.split(","):
        if not (match := PART.fullmatch(part.strip())):
            raise ValueError(f"{part.strip()!r} is not days and times: write {EXAMPLE}")
        first, last, opens, closes = match.groups()
        begin, end = _day(first), _day(last or first)
        if end < begin:
            raise ValueError(f"{part.strip()!r}: begin with the earlier day of the week")
        for day in WEEKDAYS[begin : end + 1]:
            days[day].append(f"{{ opens = {_time(opens)}, closes = {_time(closes)} }}")
    return "\n".join(f"{day} = [{', '.join(periods)}]" for day, periods in days.items() if periods)


def _day(name: str) -> int:
    for number, day in enumerate(WEEKDAYS):
        if day.startswith(name.lower()):
            return number
    raise ValueError(f"{name!r} is not a day of the week")


def _time(text: str) -> time:
    clock, half = re.match(r"([\d:]+)\s*(\w*)", text).groups()  # type: ignore[union-attr]
    hour, _, minute = clock.partition(":")
    number = int(hour) % 12 + 12 * (half.lower() == "pm") if half else int(hour)
    return time(number, int(minute or 0))
