"""The one set of rules for what a visitor writes, for the page and for the API."""

import re
from functools import cached_property
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)

from app.clinic import Clinic
from app.contact import typo
from app.contact.characters import CONTROLS, VISIBLE
from app.contact.inquiry import Words
from app.contact.private_numbers import private_number

NAME_LENGTH = 100
EMAIL_LENGTH = 254  # RFC 5321 4.5.3.1.3: a path of 256 octets, less its angle brackets
PHONE_LENGTH = 40
BEST_TIME_LENGTH = 100
MESSAGE_LENGTH = 5000
# Digits and what people put between them, and an extension.
PHONE = re.compile(
    r"[\d\s()+./\-\u2010-\u2015]{1,30}(?:(?:ext|x|extension|#)\.?\s?\d{1,7})?", re.IGNORECASE
)
REPLY_BY = {"email": "Email", "phone": "Phone call", "text": "Text message"}

HONEYPOT_LABEL = "This field is for validation purposes and should be left unchanged"


def one_line(text: str | None) -> str:
    return (text or "").replace("\t", " ").strip()


def unix_lines(text: str | None) -> str:
    """Browsers send line ends as CR LF, API clients mostly as LF: one form is stored."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n")


class ContactForm(FlaskForm):  # type: ignore[misc]
    """What a visitor sends. Each error says what to do, in the words of the field."""

    most_characters = MESSAGE_LENGTH

    class Meta:
        csrf = False  # visitors have no session to ride on: docs/decisions/0002

    name = StringField("Your name", filters=[one_line])
    email = StringField("Email address", filters=[one_line])
    phone = StringField("Phone number", filters=[one_line])
    reply_by = RadioField(
        "How should we reply?",
        choices=REPLY_BY,
        default="email",
        validate_choice=False,
    )
    voicemail_ok = BooleanField("You may leave a voicemail", false_values=("", "no", "false"))
    best_time = StringField("Best time to reach you", filters=[one_line])
    topic = SelectField("What is your message about?", validate_choice=False, default="")
    location = SelectField("Which location?", validate_choice=False, default="")
    message = TextAreaField("Your message", filters=[unix_lines])
    email_asked = HiddenField()
    email_choice = RadioField(choices={"meant": "", "typed": ""}, validate_choice=False, default="")
    honeypot = StringField(HONEYPOT_LABEL)
    opened = HiddenField()

    def __init__(self, clinic: Clinic, formdata: MultiDict[str, str] | None = None) -> None:
        super().__init__(formdata=formdata)
        self._clinic = clinic
        self.topic.choices = {topic.key: topic.label for topic in clinic.topics}
        self.location.choices = {place.key: place.name for place in clinic.locations}
        if len(clinic.locations) == 1:
            del self.location

    def validate_name(self, field: StringField) -> None:
        _check_line(field, "Name", NAME_LENGTH)
        if not VISIBLE.search(_text(field)):
            raise ValidationError("Enter your name")
        _check_private(field)

    def validate_email(self, field: StringField) -> None:
        try:
            # test_environment admits .test and .example: syntax is judged, nothing is looked up.
            validate_email(
                _text(field), check_deliverability=False, test_environment=True, strict=True
            )
            long = len(_text(field).encode()) > EMAIL_LENGTH
        except EmailNotValidError:
            long = True
        if long:
            raise ValidationError(
                "Enter an email address in the correct format, like name@example.com"
            )

    def validate_phone(self, field: StringField) -> None:
        wanted = self.reply_by.data in ("phone", "text")
        if (wanted or field.data) and not self._e164:
            raise ValidationError("Enter a phone number, like 212-555-0142")

    def validate_reply_by(self, field: RadioField) -> None:
        if field.data not in REPLY_BY:
            raise ValidationError("Choose how we should reply")

    def validate_best_time(self, field: StringField) -> None:
        _check_line(field, "Best time", BEST_TIME_LENGTH)
        _check_private(field)

    def validate_topic(self, field: SelectField) -> None:
        if field.data not in {topic.key for topic in self._clinic.topics}:
            raise ValidationError("Choose what your message is about")

    def validate_location(self, field: SelectField) -> None:
        if field.data not in {place.key for place in self._clinic.locations}:
            raise ValidationError("Choose a location")

    def validate_message(self, field: TextAreaField) -> None:
        over = len(_text(field)) - MESSAGE_LENGTH
        if not _text(field).strip():
            raise ValidationError("Enter your message")
        if over > 0:
            raise ValidationError(
                f"Message must be {MESSAGE_LENGTH:,} characters or fewer. It is {over:,} too long"
            )
        _check_private(field)

    @cached_property
    def _e164(self) -> str:
        """The phone number in E.164, or "" when it is none that can be called from anywhere."""
        if not PHONE.fullmatch(_text(self.phone)):
            return ""
        try:
            number = phonenumbers.parse(_text(self.phone), self._clinic.country)
        except phonenumbers.NumberParseException:
            return ""
        possible = phonenumbers.is_possible_number_with_reason(number)
        if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
            return ""
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    @property
    def email_question(self) -> str | None:
        """The address the visitor probably meant, until it was asked about once."""
        if self.errors.get("email") or self.email_asked.data == self.email.data:
            return None
        return typo.meant(_text(self.email))

    def words(self) -> Words:
        """What was written, once ``validate()`` has said yes."""
        meant = typo.meant(_text(self.email)) if self.email_choice.data == "meant" else None
        return Words(
            name=_text(self.name),
            email=meant or _text(self.email),
            phone=_text(self.phone),
            phone_e164=self._e164,
            reply_by=self.reply_by.data,
            voicemail_ok=self.voicemail_ok.data,
            best_time=_text(self.best_time),
            topic=self.topic.data,
            location=self.location.data if "location" in self else self._clinic.locations[0].key,
            message=_text(self.message),
        )


def _text(field: StringField) -> str:
    return field.data or ""


def _check_line(field: Any, label: str, most: int) -> None:
    sent = field.raw_data[0] if field.raw_data else ""  # what the space around it hides is judged
    if len(sent) > most:
        raise ValidationError(f"{label} must be {most} characters or fewer")
    if CONTROLS.search(sent):
        raise ValidationError(f"{label} must be on one line, without control characters")


def _check_private(field: StringField) -> None:
    if kind := private_number(_text(field)):
        raise ValidationError(f"Please remove the {kind}. We never need it here.")
