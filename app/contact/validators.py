"""Text fields and validators of the contact form.

A validator that can be stated in JSON Schema has a ``json_schema``; see ``schemas``.
"""

import re
from collections.abc import Callable
from typing import Any

from wtforms import Field, SelectField, StringField
from wtforms.validators import StopValidation, ValidationError

from app.contact.pii_detection import find_private_number

MESSAGE_LENGTH = 5000


def unix_lines(text: str | None) -> str:
    """Browsers send CR LF, API clients mostly LF: line ends are stored as LF."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n")


class LineField(StringField):
    """A single-line text field. ``data`` is what the form shows again: never None, and
    no longer than a message.
    """

    data: str

    def __init__(
        self, label: str = "", validators: Any = (), description: str = "", **more: Any
    ) -> None:
        super().__init__(label, validators, [one_line], description, **more)


def one_line(text: str | None) -> str:
    return (text or "")[:MESSAGE_LENGTH].replace("\t", " ").strip()


class MaxLength:
    """Refuses longer text before any other validator reads it.

    Counts the text as it was sent, with the spaces around it. ``message`` may name the
    ``limit`` and the number of characters ``over`` it.
    """

    def __init__(self, limit: int, message: str) -> None:
        self.field_flags = {"maxlength": limit}
        self.json_schema = {"maxLength": limit}
        self._limit, self._message = limit, message

    def __call__(self, _form: object, field: Field) -> None:
        over = len(_sent(field)) - self._limit
        if over > 0:
            raise StopValidation(self._message.format(limit=self._limit, over=over))


class Pattern:
    """Refuses text that does not match ``pattern`` as a whole."""

    def __init__(self, pattern: str, message: str) -> None:
        self.json_schema = {"pattern": f"^{pattern}$"}
        self._pattern, self._message = re.compile(pattern), message

    def __call__(self, _form: object, field: Field) -> None:
        if not self._pattern.fullmatch(_sent(field)):
            raise StopValidation(self._message)


def one_of_the_choices(message: str) -> Callable[[object, SelectField], None]:
    """A validator that refuses what is not among the field's choices."""

    def check(_form: object, field: SelectField) -> None:
        if field.data not in (field.choices or ()):
            raise ValidationError(message)

    return check


def no_private_number(_form: object, field: Field) -> None:
    """Refuses text with a number that the clinic does not want to receive this way."""
    if kind := find_private_number(field.data):
        raise ValidationError(f"Please remove the {kind}. We never need it here.")


def _sent(field: Field) -> str:
    return unix_lines(field.raw_data[0] if field.raw_data else "")
