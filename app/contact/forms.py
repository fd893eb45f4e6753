"""The fields of an inquiry and their rules, defined once.

The API validates with the form, and ``schemas`` derives the JSON Schema from it. The page does
too, but its template (``templates/contact/section.html``) lists each field.
"""

import re
from dataclasses import replace
from functools import cached_property

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, RadioField, SelectField, TextAreaField
from wtforms.validators import ValidationError

from app.clinic import Clinic
from app.clinic.countries import example_phone
from app.contact import email_addresses, phone_numbers
from app.contact.email_addresses import clean_address, parse_address, plain_spelling
from app.contact.email_suggestion import suggest_email
from app.contact.models import InquiryData
from app.contact.validators import (
    LINE,
    MAX_MESSAGE_LENGTH,
    VISIBLE_LINE,
    VISIBLE_TEXT,
    LineField,
    MaxLength,
    Pattern,
    no_link,
    no_pii,
    normalize_line_ends,
    valid_choice,
    visible,
)

REPLY_BY = {"email": "Email", "phone": "Phone call", "text": "Text message"}
REPLIES_BY_PHONE = ("phone", "text")

EMAIL_ERROR = "Enter an email address in the correct format, like name@example.com"
PHONE_ERROR = "Enter a phone number, like {}"
NAME_ERROR, MESSAGE_ERROR = "Enter your name", "Enter your message"
ONE_LINE_ERROR = "Use one line for {}, with no special characters"
CONSENT_ERROR = "Check the box to agree to text messages, or choose another way to be answered"
CONSENT_CHANGED_ERROR = "Our words about text messages have changed. Please read them again"


class InquiryForm(FlaskForm):  # type: ignore[misc]
    """The fields of an inquiry. ``description`` appears in the API documentation.

    A field is required if its validators reject an empty value.
    """

    class Meta:
        csrf = False  # visitors have no session: see csrf.py and docs/decisions/0002

    name = LineField(
        "Your name",
        [
            MaxLength(100, "Name must be {limit} characters or fewer"),
            Pattern(LINE, ONE_LINE_ERROR.format("your name")),
            Pattern(VISIBLE_LINE, NAME_ERROR),
            visible(NAME_ERROR),
            no_link,
            no_pii,
        ],
        description="On one line, without links",
    )
    email = LineField(
        "Email address",
        [MaxLength(email_addresses.MAX_LENGTH, EMAIL_ERROR)],
        description="Where to reply",
        clean=clean_address,
    )
    phone = LineField(
        "Phone number",
        [MaxLength(phone_numbers.MAX_LENGTH, "Phone number must be {limit} characters or fewer")],
        description="Required when reply_by is phone or text",
        clean=phone_numbers.clean_phone,
    )
    reply_by = RadioField(
        "How should we reply?",
        [valid_choice("Choose how we should reply")],
        choices=REPLY_BY,
        default="email",
        validate_choice=False,
    )
    # A box whose value is its own words: so the words that are stored are those that were shown.
    text_consent = SelectField(
        "Text messages",
        default="",
        validate_choice=False,
        description="Needed when reply_by is text, if the visitor was shown these words and agrees",
    )
    voicemail_ok = BooleanField(
        "It\u2019s OK to leave me a voicemail", false_values=("", "no", "false")
    )
    best_time = LineField(
        "Best time to reach you",
        [
            MaxLength(100, "Best time must be {limit} characters or fewer"),
            Pattern(LINE, ONE_LINE_ERROR.format("the best time")),
            no_pii,
        ],
        description="When to call, on one line",
    )
    topic = SelectField(
        "What is your message about?",
        [valid_choice("Choose what your message is about")],
        validate_choice=False,
    )
    location = SelectField(
        "Which location is this about?", [valid_choice("Choose a location")], validate_choice=False
    )
    message = TextAreaField(
        "Your message",
        [
            MaxLength(
                MAX_MESSAGE_LENGTH,
                "Your message is {over} too long. The limit is {limit:,}.",
            ),
            Pattern(VISIBLE_TEXT, MESSAGE_ERROR),
            visible(MESSAGE_ERROR),
            no_pii,
        ],
        filters=[normalize_line_ends],
        description="Line breaks are kept",
    )

    def __init__(self, clinic: Clinic, formdata: MultiDict[str, str] | None = None) -> None:
        super().__init__(formdata=formdata)
        self._clinic = clinic
        self.text_consent.choices = {"": "No", clinic.text_consent: "Yes"}
        self.topic.choices = {topic.key: topic.label for topic in clinic.topics}
        self.location.choices = {place.key: place.name for place in clinic.locations}
        if len(clinic.locations) == 1:
            del self.location

    def validate_email(self, field: LineField) -> None:
        if (plain := plain_spelling(field.data)) != field.data:
            raise ValidationError(f"{EMAIL_ERROR}. Did you mean {plain}?")
        if not parse_address(field.data):
            raise ValidationError(EMAIL_ERROR)

    def validate_phone(self, field: LineField) -> None:
        needed = self.reply_by.data in REPLIES_BY_PHONE
        if (needed or field.data) and not self.phone_e164:
            raise ValidationError(PHONE_ERROR.format(example_phone(self._clinic.country)))

    def validate_text_consent(self, field: SelectField) -> None:
        if field.data not in (field.choices or ()):
            raise ValidationError(CONSENT_CHANGED_ERROR)
        if self.reply_by.data == "text" and not field.data:
            raise ValidationError(CONSENT_ERROR)

    @cached_property
    def phone_e164(self) -> str:
        """The phone number in E.164, or "" if it is not a possible number."""
        return phone_numbers.e164(self.phone.data, self._clinic.country)

    def inquiry_data(self) -> InquiryData:
        """The data, which is valid only if ``validate()`` returned True."""
        return InquiryData(
            name=self.name.data,
            email=self.email.data,
            phone=self.phone.data,
            phone_e164=self.phone_e164,
            reply_by=self.reply_by.data,
            voicemail_ok=self.voicemail_ok.data,
            best_time=self.best_time.data,
            topic=self.topic.data,
            location=self.location.data if "location" in self else self._clinic.locations[0].key,
            message=self.message.data or "",
            text_consent=self.text_consent.data if self.reply_by.data == "text" else "",
        )


# The fields that can have an error, from top to bottom.
PAGE_ORDER = (
    *("topic", "location", "message"),
    *("name", "email", "reply_by", "phone", "text_consent", "voicemail_ok", "best_time"),
)


class ContactForm(InquiryForm):
    """The form on the page: an inquiry, and the fields that only the page sends.

    The page suggests a correction of an address once. ``confirmed_email`` is the address for
    which it did, ``email_choice`` the visitor's answer, and no answer keeps a valid address.
    """

    confirmed_email = LineField()
    email_choice = LineField()  # "suggested" or "typed"
    honeypot = LineField("This field is for validation purposes and should be left unchanged")
    elapsed_seconds = LineField()

    def in_page_order(self) -> list[Field]:
        """The visible fields, from top to bottom."""
        return [self[name] for name in PAGE_ORDER if name in self]

    def validate_email(self, field: LineField) -> None:
        """Accept an address that is not clear: the page asks what was meant."""
        chosen = self.email_choice.data == "suggested" and self._likely_email
        if not (self.email_suggestion or chosen or parse_address(field.data)):
            raise ValidationError(EMAIL_ERROR)

    @property
    def email_suggestion(self) -> str | None:
        """A correction of the address, unless the visitor has already answered a suggestion."""
        typed = self.email.data
        answered = self.confirmed_email.data == typed and (
            self.email_choice.data or parse_address(typed)
        )
        return None if self.errors.get("email") or answered else self._likely_email

    @cached_property
    def _likely_email(self) -> str | None:
        return suggest_email(self.email.data)

    @property
    def email_answers(self) -> list[tuple[str, str]]:
        """The values of ``email_choice`` with their labels."""
        keep = f"keep {self.email.data}" if parse_address(self.email.data) else "I will correct it"
        return [("suggested", f"Yes, use {self.email_suggestion}"), ("typed", f"No, {keep}")]

    @property
    def elapsed(self) -> int | None:
        """Seconds from opening the page to sending, as reported by its script."""
        text = self.elapsed_seconds.data
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None

    def inquiry_data(self) -> InquiryData:
        """The data, with the suggested address if the visitor chose it."""
        inquiry = super().inquiry_data()
        suggestion = self._likely_email if self.email_choice.data == "suggested" else None
        return replace(inquiry, email=suggestion or inquiry.email)
