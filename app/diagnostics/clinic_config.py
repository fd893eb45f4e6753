"""Checks of clinic.toml: phones, mailboxes, opening hours, review."""

from functools import partial
from pathlib import Path

import phonenumbers

from app.clinic import Clinic
from app.diagnostics.result import CheckResult, ok, warning_at

# RFC 2606: nobody receives email there.
RESERVED = (".example", ".invalid", ".test", ".localhost", "example.com", "example.org")


def check_config(clinic: Clinic, folder: Path) -> list[CheckResult]:
    """Check what is valid in clinic.toml but not good enough for real visitors."""
    file = folder / "clinic.toml"
    results = [ok("clinic", f"{clinic.name}; locations: {len(clinic.locations)}")]
    if clinic.demo:
        message = "production refuses the demo clinic"
        advice = "Start from `flask clinic new`, or remove the line"
        results = [warning_at("clinic", file, "demo = true", message, advice)]
    phrases = clinic.crisis_phrases
    reviewer = (
        f"reviewed by {phrases.reviewer}" if phrases.reviewer else "not reviewed by a clinician"
    )
    phrase_count = sum(map(len, phrases.phrases.values()))
    return [
        *results,
        *_check_phones(clinic, file),
        *_check_mailboxes(clinic, file),
        *_check_hours(clinic, file),
        _check_review(clinic, file),
        ok("crisis", f"crisis phrases: {phrase_count}, {reviewer}"),
    ]


def _check_phones(clinic: Clinic, file: Path) -> list[CheckResult]:
    numbers = dict.fromkeys(
        (clinic.phone, *(location.phone for location in clinic.locations if location.phone))
    )
    country, warn = clinic.country, partial(warning_at, "phones", file)
    invalid = [
        warn(f'"{number}"', f"{number} is not a valid number in {country}", "Correct it")
        for number in numbers
        if not phonenumbers.is_valid_number(phonenumbers.parse(number, country))
    ]
    return invalid or [ok("phones", ", ".join(numbers))]


def _check_mailboxes(clinic: Clinic, file: Path) -> list[CheckResult]:
    warn = partial(warning_at, "mailboxes", file)
    used = dict.fromkeys(mailbox for topic in clinic.topics for mailbox in topic.mailboxes)
    results = [
        warn(address, f"{address} cannot receive email", "Use a mailbox that is read")
        for address in dict.fromkeys((*used, clinic.fallback_mailbox or "", clinic.email))
        if address.lower().endswith(RESERVED)
    ]
    if not clinic.fallback_mailbox:
        message = "no fallback mailbox for messages that another mailbox refuses"
        results.append(warn("topics", message, "Set fallback_mailbox"))
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
        if location.closed and all(day.date < today for day in location.closed):
            message = f"all closed days of {location.name} are in the past"
            results.append(warn(str(location.closed[-1].date), message, "Add the next ones"))
    return results or [ok("hours", f"at every location, {clinic.time_zone}")]


def _check_review(clinic: Clinic, file: Path) -> CheckResult:
    warn = partial(warning_at, "review", file)
    if not clinic.review:
        message = "no clinician has approved the pages, and every page says so"
        return warn("[review]", message, "Have one read them, then fill in [review]")
    due = clinic.review.next_review
    if due and due < clinic.today():
        return warn("next_review", f"the next review was due on {due}", "Have the pages reviewed")
    return ok("review", f"{clinic.review.reviewer}, {clinic.review.reviewed}")
