"""Fields and validators of the contact form.

A validator that JSON Schema can express has a ``json_schema``; see ``schemas``.
"""

import re
from collections.abc import Callable
from typing import Any

from wtforms import Field, SelectField, StringField
from wtforms.validators import StopValidation, ValidationError

from app.contact.invisible_characters import INVISIBLE, VISIBLE, clean_line
from app.contact.pii_detection import find_pii
from app.contact.spam.text_features import link_hosts
from app.contact.text_normalization import fold

MAX_MESSAGE_LENGTH = 5000

# Patterns for a whole text.
LINE = r"[^\n\r]*"
VISIBLE_LINE = rf"[^\n\r]*[^{INVISIBLE}][^\n\r]*"
VISIBLE_TEXT = rf"[\s\S]*[^{INVISIBLE}][\s\S]*"


def normalize_line_ends(text: str | None) -> str:
    """``text`` with LF line ends: browsers send CR LF."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n")


class LineField(StringField):
    """A single-line text field without invisible characters.

    ``data`` is never None and never longer than a message. ``clean`` is called for it first.
    """

    data: str

    def __init__(
        self,
        label: str = "",
        validators: Any = (),
        description: str = "",
        clean: Callable[[str], str] = str,
        **kwargs: Any,
    ) -> None:
        filters = (_limited, clean, clean_line)
        super().__init__(label, validators, filters, description, **kwargs)


def _limited(text: str | None) -> str:
    return (text or "")[:MAX_MESSAGE_LENGTH]


class MaxLength:
    """Rejects longer text before any other validator reads it.

    Counts the text as sent, including surrounding spaces. ``message`` may contain the ``limit``
    and how much it is ``over``: "120 characters".
    """

    def __init__(self, limit: int, message: str) -> None:
        self.field_flags = {"maxlength": limit}
        self.json_schema = {"maxLength": limit}
        self._limit, self._message = limit, message

    def __call__(self, _form: object, field: Field) -> None:
        over = len(_raw_text(field)) - self._limit
        if over > 0:
            characters = f"{over:,} character{'s' if over > 1 else ''}"
            raise StopValidation(self._message.format(limit=self._limit, over=characters))


class Pattern:
    """Rejects text that does not match ``pattern`` as a whole."""

    def __init__(self, pattern: str, message: str) -> None:
        self.json_schema = {"pattern": f"^{pattern}$"}
        self._pattern, self._message = re.compile(pattern), message

    def __call__(self, _form: object, field: Field) -> None:
        if not self._pattern.fullmatch(_raw_text(field)):
            raise StopValidation(self._message)


def visible(message: str) -> Callable[[object, Field], None]:
    """A validator that rejects text without any visible character. A pattern knows most of them."""

    def check(_form: object, field: Field) -> None:
        if not VISIBLE.search(field.data):
            raise StopValidation(message)

    return check


def valid_choice(message: str) -> Callable[[object, SelectField], None]:
    """A validator that rejects a value that is not one of the field's choices."""

    def check(_form: object, field: SelectField) -> None:
        if field.data not in (field.choices or ()):
            raise ValidationError(message)

    return check


def no_pii(_form: object, field: Field) -> None:
    """Rejects text with a number that the clinic does not want to receive this way."""
    if kind := find_pii(field.data):
        raise ValidationError(f"Please remove the {kind}. We don\u2019t need it here.")


def no_link(_form: object, field: Field) -> None:
    """Rejects a name with a link, which would make a phishing email of the notification."""
    if link_hosts(fold(field.data)):
        raise ValidationError(
            "Please remove the link from your name. You can put it in your message."
        )


def _raw_text(field: Field) -> str:
    return normalize_line_ends(field.raw_data[0] if field.raw_data else "")
