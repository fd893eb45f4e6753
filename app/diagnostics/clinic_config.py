"""Checks of clinic.toml: phones, mailboxes, opening hours, review."""

from functools import partial
from pathlib import Path

import phonenumbers

from app.clinic import Clinic
from app.clinic.countries import is_emergency_number
from app.clinic.models import Hours
from app.clinic.placeholders import NO_CRISIS_LINES
from app.diagnostics.result import (
    FIX_ADVICE,
    CheckResult,
    Level,
    line_with,
    ok,
    todo,
    warning_at,
)

# RFC 2606: nobody receives email there.
RESERVED = (".example", ".invalid", ".test", ".localhost", "example.com", "example.org")
LONGEST_NIGHT = 15 * 60  # minutes of a period past midnight that nobody has to look at


def check_config(clinic: Clinic, folder: Path) -> list[CheckResult]:
    """Check what is valid in clinic.toml but not good enough for real visitors."""
    file = folder / "clinic.toml"
    results = [ok("clinic", f"{clinic.name}; locations: {len(clinic.locations)}")]
    if clinic.demo:
        message = "production refuses the demo clinic"
        advice = "Start from `flask clinic new`, or remove the line"
        results = [todo("clinic", message, advice, file, line_with(file, "demo = true"))]
    return [
        *results,
        *_check_phones(clinic, file),
        *_check_mailboxes(clinic, file),
        *_check_hours(clinic, file),
        *_check_facts(clinic, file),
        _check_review(clinic, file),
        *_check_crisis(clinic, file),
    ]


def _check_phones(clinic: Clinic, file: Path) -> list[CheckResult]:
    numbers = dict.fromkeys(
        (clinic.phone, *(location.phone for location in clinic.locations if location.phone))
    )
    lines = [line.phone for line in clinic.crisis_lines if clinic.tel(line.phone).startswith("+")]
    country, warn = clinic.country, partial(warning_at, "phones", file)
    invalid = [
        warn(f'"{number}"', f"{number} is not a valid number in {country}", "Correct it")
        for number in (*numbers, *lines)
        if not phonenumbers.is_valid_number(phonenumbers.parse(number, country))
    ]
    return invalid or [ok("phones", ", ".join(numbers))]


def _check_crisis(clinic: Clinic, file: Path) -> list[CheckResult]:
    lines, phrases = clinic.crisis_lines, clinic.crisis_phrases
    if not lines:
        message = NO_CRISIS_LINES.format(country=clinic.country)
        return [CheckResult("crisis", Level.FAILED, message, FIX_ADVICE, str(file))]
    if not any(is_emergency_number(line.phone, clinic.country) for line in lines):
        message = f"no crisis line is an emergency number of {clinic.country}"
        return [warning_at("crisis", file, "[[crisis_lines]]", message, "Add it")]
    numbers, count = (
        ", ".join(line.phone for line in lines),
        sum(map(len, phrases.phrases.values())),
    )
    reviewer = (
        f"reviewed by {phrases.reviewer}" if phrases.reviewer else "not reviewed by a clinician"
    )
    return [ok("crisis", f"lines: {numbers}; phrases: {count}, {reviewer}")]


def _check_mailboxes(clinic: Clinic, file: Path) -> list[CheckResult]:
    warn = partial(warning_at, "mailboxes", file)
    groups = [topic.mailboxes for topic in clinic.topics]
    groups += [place.mailboxes for place in clinic.locations if place.mailboxes]
    used = dict.fromkeys(mailbox for mailboxes in groups for mailbox in mailboxes)
    others = (clinic.escalate_to or "", clinic.fallback_mailbox or "", clinic.email)
    results = [
        warn(address, f"{address} cannot receive email", "Use a mailbox that is read")
        for address in dict.fromkeys((*used, *others))
        if address.lower().endswith(RESERVED)
    ]
    if not clinic.fallback_mailbox:
        message = "no fallback mailbox for messages that another mailbox refuses"
        results.append(warn("topics", message, "Set fallback_mailbox"))
    if not clinic.escalate_to:
        message = "nobody but the front desk learns of an inquiry that stays unanswered"
        results.append(warn("topics", message, "Set escalate_to"))
    if clinic.digest is None:
        message = "the spam filter is off: without a [digest], nobody would see the quarantine"
        results.append(warn("topics", message, "Set [digest]"))
    return results or [ok("mailboxes", f"{len(used)} for {len(clinic.topics)} topics")]


def _check_hours(clinic: Clinic, file: Path) -> list[CheckResult]:
    warn = partial(warning_at, "hours", file)
    today = clinic.today()
    results = []
    for location in clinic.locations:
        if not any(location.hours.values()):
            message = f"{location.name} has no opening hours; visitors are asked to call"
            results.append(
                warn(f'"{location.key}"', message, "Fill in [locations.hours] if it has any")
            )
        days = location.special_days
        if days and all(day.last < today for day in days):
            message = f"all closed days and special hours of {location.name} are in the past"
            results.append(warn(str(days[-1].date), message, "Add the next ones"))
        results += [
            warn(
                f"{hours.opens}",
                f"{location.name} opens at {hours.opens:%H:%M} and closes at {hours.closes:%H:%M}"
                " on the next day",
                "Correct the times if that is too long",
            )
            for day in (*location.hours.values(), *(day.hours for day in location.special_hours))
            for hours in day
            if _is_very_long(hours)
        ]
    return results or [ok("hours", f"at every location, {clinic.time_zone}")]


def _is_very_long(hours: Hours) -> bool:
    """Whether the times look like 9 to 5 written as 09:00 to 05:00, or are the wrong way round."""
    minutes = (hours.closes.hour - hours.opens.hour) * 60 + hours.closes.minute - hours.opens.minute
    return hours.ends_next_day and not hours.is_all_day and minutes % 1440 >= LONGEST_NIGHT


def _check_facts(clinic: Clinic, file: Path) -> list[CheckResult]:
    """Warn about what visitors want to know and the clinic does not say."""
    missing = [name for name, text in clinic.care if not text]
    missing = [f"[care] {', '.join(missing)}"] if missing else []
    missing += [f"[[{name}]]" for name in ("prices", "team") if not getattr(clinic, name)]
    missing += [] if clinic.booking else ["[booking]"]
    if clinic.country == "US" and not clinic.links.hipaa_notice:
        missing.append("hipaa_notice in [links]")
    if not missing:
        return [ok("facts", "nothing that visitors ask for is missing")]
    message = f"visitors are told to ask you: {'; '.join(missing)}"
    return [warning_at("facts", file, "[care]", message, "Fill in what applies to you")]


def _check_review(clinic: Clinic, file: Path) -> CheckResult:
    warn = partial(warning_at, "review", file)
    if not clinic.review:
        message = "no clinician has approved the pages, and every medical page says so"
        return warn("[review]", message, "Have one read them, then fill in [review]")
    due = clinic.review.next_review
    if due and due < clinic.today():
        return warn("next_review", f"the next review was due on {due}", "Have the pages reviewed")
    return ok("review", f"{clinic.review.reviewer}, {clinic.review.reviewed}")
