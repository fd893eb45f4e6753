"""Fields and validators of the contact form.

A validator that JSON Schema can express has a ``json_schema``; see ``schemas``.
"""

import re
from collections.abc import Callable
from typing import Any

from wtforms import Field, SelectField, StringField
from wtforms.validators import StopValidation, ValidationError

from app.contact.pii_detection import find_pii
from app.contact.spam.text_features import link_hosts
from app.contact.text_normalization import fold

MAX_MESSAGE_LENGTH = 5000

# Character classes: the inside of ``[…]``, with the same meaning in Python and in ECMAScript.
SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # str.isspace()
# Line ends and control characters. Without the tab: text pasted from a table has tabs.
CONTROL = r"\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029"
# Not str.isprintable(): to it, a letter that is newer than Python's Unicode tables is invisible.
INVISIBLE = SPACE + CONTROL + r"\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"

# Patterns for a whole text.
LINE = f"[^{CONTROL}]*"
VISIBLE_LINE = f"[^{CONTROL}]*[^{INVISIBLE}][^{CONTROL}]*"
NOT_BLANK = rf"[\s\S]*[^{SPACE}][\s\S]*"


def normalize_line_ends(text: str | None) -> str:
    """``text`` with LF line ends: browsers send CR LF."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n")


class LineField(StringField):
    """A single-line text field. ``data`` is never None and never longer than a message."""

    data: str

    def __init__(
        self, label: str = "", validators: Any = (), description: str = "", **kwargs: Any
    ) -> None:
        super().__init__(label, validators, [clean_line], description, **kwargs)


def clean_line(text: str | None) -> str:
    return (text or "")[:MAX_MESSAGE_LENGTH].replace("\t", " ").strip()


class MaxLength:
    """Rejects longer text before any other validator reads it.

    Counts the text as sent, including surrounding spaces. ``message`` may contain the ``limit``
    and the number of characters ``over`` it.
    """

    def __init__(self, limit: int, message: str) -> None:
        self.field_flags = {"maxlength": limit}
        self.json_schema = {"maxLength": limit}
        self._limit, self._message = limit, message

    def __call__(self, _form: object, field: Field) -> None:
        over = len(_raw_text(field)) - self._limit
        if over > 0:
            raise StopValidation(self._message.format(limit=self._limit, over=over))


class Pattern:
    """Rejects text that does not match ``pattern`` as a whole."""

    def __init__(self, pattern: str, message: str) -> None:
        self.json_schema = {"pattern": f"^{pattern}$"}
        self._pattern, self._message = re.compile(pattern), message

    def __call__(self, _form: object, field: Field) -> None:
        if not self._pattern.fullmatch(_raw_text(field)):
            raise StopValidation(self._message)


def valid_choice(message: str) -> Callable[[object, SelectField], None]:
    """A validator that rejects a value that is not one of the field's choices."""

    def check(_form: object, field: SelectField) -> None:
        if field.data not in (field.choices or ()):
            raise ValidationError(message)

    return check


def no_pii(_form: object, field: Field) -> None:
    """Rejects text with a number that the clinic does not want to receive this way."""
    if kind := find_pii(field.data):
        raise ValidationError(f"Please remove the {kind}. We never need it here.")


def no_link(_form: object, field: Field) -> None:
    """Rejects a name with a link, which would make a phishing email of the notification."""
    if link_hosts(fold(field.data)):
        raise ValidationError("Please remove the link from your name. It can be in your message.")


def _raw_text(field: Field) -> str:
    return normalize_line_ends(field.raw_data[0] if field.raw_data else "")
