"""Stores sample inquiries on the first ``make run``, for a look at the mailbox and the console.

Not part of ``app.dev.run``, which does not load the application.
"""

import sqlalchemy as sa

from app import create_app
from app.clinic import Clinic
from app.clinic.countries import example_phone
from app.contact.models import Inquiry, InquiryData
from app.contact.phone_numbers import e164
from app.contact.spam.scoring import SpamSignals
from app.services import get_services

SAMPLE = "\n\n(This is a sample inquiry.)"
QUESTION = "Do you have an appointment next week? I can come on weekday mornings."
CRISIS = "I can't go on like this. Can somebody call me today?"
ADVERTISEMENT = "We bring your website to the first page of search results. Only $99 a month."


def main() -> None:
    """Do nothing if there is an inquiry already."""
    services = get_services(create_app())
    with services.database.read_session() as session:
        if session.scalar(sa.select(sa.exists(Inquiry.id))):
            return
    question = _inquiry(services.clinic, "Robin Sample", QUESTION)
    crisis = _inquiry(services.clinic, "Kim Sample", CRISIS, reply_by="phone")
    advertisement = _inquiry(services.clinic, "Website Sample", ADVERTISEMENT)
    services.inquiries.submit(question, SpamSignals(), visitor=None)
    services.inquiries.submit(crisis, SpamSignals(), visitor=None)
    services.inquiries.submit(advertisement, SpamSignals(honeypot="filled in"), visitor=None)


def _inquiry(clinic: Clinic, name: str, message: str, reply_by: str = "email") -> InquiryData:
    phone = example_phone(clinic.country) if reply_by == "phone" else ""
    return InquiryData(
        name=name,
        email=f"{name.split(maxsplit=1)[0].lower()}@example.com",
        phone=phone,
        phone_e164=e164(phone, clinic.country),
        reply_by=reply_by,
        voicemail_ok=True,
        best_time="",
        topic=clinic.topics[0].key,
        location=clinic.locations[0].key,
        message=message + SAMPLE,
    )


if __name__ == "__main__":
    main()
