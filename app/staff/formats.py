"""How times are written in the console: in the clinic's time zone."""

from datetime import datetime, time, timedelta

from flask import Flask

from app import clock
from app.services import current_services


def init_formats(app: Flask) -> None:
    """Add the filters ``local_time``, ``end_time`` and ``hours`` to templates."""
    app.add_template_filter(local_time)
    app.add_template_filter(end_time)
    app.add_template_filter(hours)


def local_time(moment: datetime, *, inline: bool = False) -> str:
    """Format as ``Today, 2:05 PM``, ``Mon, Nov 30, 2:05 PM`` or, in another year, with it.

    ``inline``: within a sentence.
    """
    zone = current_services().clinic.zone
    local, today = moment.astimezone(zone), clock.now().astimezone(zone)
    clock_time = f"{local:%-I:%M %p}"
    if local.date() == today.date():
        return f"{'today' if inline else 'Today'}, {clock_time}"
    year = "" if local.year == today.year else f", {local.year}"
    return f"{local:%a, %b %-d}{year}, {clock_time}"


def end_time(moment: datetime) -> str:
    """Format the end of a period within a sentence: midnight is the end of the day before."""
    local = moment.astimezone(current_services().clinic.zone)
    if local.time() != time():
        return local_time(moment, inline=True)
    return f"the end of {local - timedelta(days=1):%a, %b %-d}"


def hours(duration: timedelta) -> str:
    """Format as ``12 min``, ``3 h 20 min`` or ``26 h``."""
    minutes = int(duration.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes >= 600 or not minutes % 60:
        return f"{minutes // 60} h"
    return f"{minutes // 60} h {minutes % 60} min"


def sentence(error: Exception) -> str:
    """Return the message of an error with a capital and a period."""
    text = str(error).removesuffix(".")
    return f"{text[:1].upper()}{text[1:]}."
