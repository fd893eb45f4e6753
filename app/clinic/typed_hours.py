"""Opening hours as people type them: ``Mon-Fri 9am-5pm, Sat 10:00-14:00``."""

import re
from collections.abc import Sequence
from datetime import time

from app.clinic.models import WEEKDAYS

TIME = r"\d{1,2}(?:[:.]\d\d)?\s*(?:[ap]m)?"
PART = re.compile(
    rf"(?:([a-z]{{3,9}})(?:\s*-\s*([a-z]{{3,9}}))?\s+)?({TIME})\s*-\s*({TIME})", re.IGNORECASE
)
EXAMPLE = "Mon-Fri 9am-noon, 1pm-5pm, Sat 10am-2pm"
SYNONYMS = {"\N{EN DASH}": "-", " to ": "-", "noon": "12pm", "midnight": "12am"}
EARLIEST_CLOSING = 6  # o'clock: "1-5" means the afternoon


def hours_toml(text: str) -> str:
    """Return the lines of ``[locations.hours]``.

    A day with two times has a break; a part without days belongs to those before it. Raises
    ValueError for anything else than days and times.
    """
    days: dict[str, list[str]] = {day: [] for day in WEEKDAYS}
    for words, short in SYNONYMS.items():
        text = text.replace(words, short)
    current: Sequence[str] = ()
    for part in map(str.strip, re.split("[,;]", text)):
        match = PART.fullmatch(part)
        if not match or not (match[1] or current):
            raise ValueError(f"{part!r} is not days and times: write {EXAMPLE}")
        first, last, opens, closes = match.groups()
        if first:
            begin, end = _day(first), _day(last or first)
            if end < begin:
                raise ValueError(f"{part!r}: begin with the earlier day of the week")
            current = WEEKDAYS[begin : end + 1]
        _refuse_twelve_hour_clock(part, opens, closes)
        for day in current:
            days[day].append(f"{{ opens = {_time(opens)}, closes = {_time(closes)} }}")
    return "\n".join(f"{day} = [{', '.join(periods)}]" for day, periods in days.items() if periods)


def _refuse_twelve_hour_clock(part: str, opens: str, closes: str) -> None:
    """Raise ValueError for times such as 9-5, which would end at night; 18-2 and 9:00-5:00 may."""
    if not (opens.isdigit() and closes.isdigit()):
        return
    start, end = int(opens), int(closes)
    if start <= 12 and 0 < end < 12 and end <= max(start, EARLIEST_CLOSING):
        afternoon = start == 12 or start < end
        start = start % 12 + 12 * afternoon
        raise ValueError(
            f"{part!r} would close at {end} in the morning: write"
            f" {opens}{'pm' if afternoon else 'am'}-{closes}pm or {start:02}:00-{end + 12}:00"
        )


def _day(name: str) -> int:
    for number, day in enumerate(WEEKDAYS):
        if day.startswith(name.lower()):
            return number
    raise ValueError(f"{name!r} is not a day of the week")


def _time(text: str) -> time:
    clock, half = re.match(r"([\d:.]+)\s*(\w*)", text).groups()  # type: ignore[union-attr]
    hour, _, minute = clock.replace(".", ":").partition(":")
    number = int(hour) % 12 + 12 * (half.lower() == "pm") if half else int(hour)
    return time(number, int(minute or 0))
