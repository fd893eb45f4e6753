"""Who the clinic is: name, phones, mailboxes, hours, review."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import phonenumbers

from app import clock
from app.clinic import Clinic
from app.diagnostics.clinic_files import warning_at
from app.diagnostics.result import CheckResult, ok

# RFC 2606: nobody ever gets a mail there.
RESERVED = (".example", ".invalid", ".test", ".localhost", "example.com", "example.org")
Warn = Callable[[str, str, str, str], CheckResult]


def check_config(clinic: Clinic, folder: Path) -> list[CheckResult]:
    """Of a clinic.toml that could be read: what will not do for real visitors."""
    warn: Warn = partial(_warn, folder / "clinic.toml")
    findings = [ok("identity", f"{clinic.name}; locations: {len(clinic.locations)}")]
    if clinic.demo:
        advice = "Start from `flask clinic new`, or remove the line"
        findings = [warn("identity", "demo = true", "production refuses the demo clinic", advice)]
    return [
        *findings,
        *_phones(clinic, warn),
        *_mailboxes(clinic, warn),
        *_hours(clinic, warn),
        *_review(clinic, warn),
        ok("danger", _danger(clinic)),
    ]


def _warn(file: Path, part: str, words: str, says: str, do: str) -> CheckResult:
    return warning_at(part, file, words, says, do)


def _phones(clinic: Clinic, warn: Warn) -> list[CheckResult]:
    numbers = (clinic.phone, *(place.phone for place in clinic.locations if place.phone))
    wrong = [
        warn("phones", f'"{number}"', f"{number} is not in use in {clinic.country}", "Correct it")
        for number in dict.fromkeys(numbers)
        if not phonenumbers.is_valid_number(phonenumbers.parse(number, clinic.country))
    ]
    return wrong or [ok("phones", ", ".join(dict.fromkeys(numbers)))]


def _mailboxes(clinic: Clinic, warn: Warn) -> list[CheckResult]:
    used = dict.fromkeys(mailbox for topic in clinic.topics for mailbox in topic.mailboxes)
    findings = [
        warn("mailboxes", address, f"no mail ever arrives at {address}", "Name one that is read")
        for address in dict.fromkeys((*used, clinic.fallback_mailbox or "", clinic.email))
        if address.lower().endswith(RESERVED)
    ]
    if not clinic.fallback_mailbox:
        says, advice = "no mailbox gets what another one refuses", "Set fallback_mailbox"
        findings.append(warn("mailboxes", "topics", says, advice))
    if clinic.digest is None:
        says, advice = "screening is idle: no [digest] would tell of what is held", "Set [digest]"
        findings.append(warn("mailboxes", "topics", says, advice))
    return findings or [ok("mailboxes", f"{len(used)} for {len(clinic.topics)} topics")]


def _hours(clinic: Clinic, warn: Warn) -> list[CheckResult]:
    today = clock.now().astimezone(clinic.zone).date()
    findings = []
    for place in clinic.locations:
        key = f'"{place.key}"'
        if not any(place.hours.values()):
            says = f"{place.name} has no opening hours; visitors read that they should call"
            findings.append(warn("hours", key, says, "Fill in [locations.hours], if it has some"))
        if place.closed and all(day.date < today for day in place.closed):
            says = f"all days on which {place.name} stays closed are over"
            findings.append(warn("hours", str(place.closed[-1].date), says, "Name the coming ones"))
    return findings or [ok("hours", f"of every location, {clinic.time_zone}")]


def _review(clinic: Clinic, warn: Warn) -> list[CheckResult]:
    if not clinic.review:
        says = "no clinician has signed the pages off, and every page says so"
        return [warn("review", "[review]", says, "Let one read them, then fill in [review]")]
    due = clinic.review.next_review
    if due and due < clock.now().astimezone(clinic.zone).date():
        says = f"the next one was due on {due}"
        return [warn("review", "next_review", says, "Have the pages read again")]
    return [ok("review", f"{clinic.review.reviewer}, {clinic.review.reviewed}")]


def _danger(clinic: Clinic) -> str:
    words = clinic.crisis_phrases
    count = sum(map(len, words.phrases.values()))
    by = f"reviewed by {words.reviewer}" if words.reviewer else "not yet reviewed by a clinician"
    return f"phrases that may mean danger: {count}, {by}"
