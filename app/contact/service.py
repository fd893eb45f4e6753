"""What page and API do alike with checked words: look for signs of spam, then store."""

from dataclasses import replace

from flask import current_app, request

from app import clock
from app.contact.crisis_detection import maybe_in_danger
from app.contact.idempotency import Submissions
from app.contact.models import Words
from app.contact.repository import Desk, Receipt, Submission, receive_inquiry
from app.contact.spam.recent_submissions import look_back
from app.contact.spam.scoring import Facts, judge
from app.services import current_services


def submissions() -> Submissions:
    """The application's maker of submission keys."""
    made = current_app.extensions["submissions"]
    assert isinstance(made, Submissions)
    return made


def take_in(
    words: Words,
    submission: Submission,
    *,
    honeypot: str = "",
    from_browser: bool = True,
    elapsed: int | None = None,
) -> Receipt:
    """Store ``words``, held or on its way. Raises as ``receive_inquiry`` does.

    ``honeypot``, ``from_browser`` and ``elapsed`` are what ``Facts`` says of them.
    """
    desk = current_services().inquiries
    # Without a digest nobody would hear of what is held: nothing is.
    if not current_app.config["SCREENING"] or desk.clinic.digest is None:
        return receive_inquiry(desk, words, submission)
    submission = submissions().traced(submission, words, request.remote_addr)
    others = look_back(desk.database, submission)
    facts = Facts(
        name=words.name,
        email=words.email,
        best_time=words.best_time,
        message=words.message,
        honeypot=honeypot,
        from_browser=from_browser,
        elapsed=elapsed,
        same_words=others.same_words,
        one_source=others.one_source,
    )
    now = others.asked_at or clock.now()
    submission = replace(submission, known=others.same_key, now=now)
    return receive_inquiry(desk, words, submission, quarantine_reasons=_reasons(facts, words, desk))


def _reasons(facts: Facts, words: Words, desk: Desk) -> tuple[str, ...]:
    verdict = judge(facts, desk.clinic.spam_filter)
    # A false alarm costs the front desk a mail; nobody in danger waits for a digest.
    if not verdict.held or maybe_in_danger(words, desk.clinic.crisis_phrases):
        return ()
    return verdict.reasons
