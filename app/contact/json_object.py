"""Strict reading of a JSON object of strings and booleans.

Flask-WTF's own JSON reading answers 500 to a list and takes nested objects; a
public door must say clearly what is wrong instead.
"""

import json
from typing import NoReturn


class NotAnObjectError(Exception):
    """The body is not one well-formed JSON object."""


def parse(body: bytes) -> dict[str, object]:
    """The members of the object in ``body`` (UTF-8). Raises NotAnObjectError."""
    try:
        found = json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        reason = (
            error.args[0] if isinstance(error, _RefusedError) else "The body is not valid JSON."
        )
        raise NotAnObjectError(reason) from None
    if not isinstance(found, dict):
        raise NotAnObjectError("The body must be a JSON object.")
    return found


def faults(
    members: dict[str, object], texts: frozenset[str], flags: frozenset[str]
) -> list[tuple[str, str]]:
    """(name, what is wrong) for each member that is unknown or of the wrong type."""
    return [
        (name, wrong)
        for name, value in members.items()
        if (wrong := _fault(name, value, texts, flags))
    ]


def _fault(name: str, value: object, texts: frozenset[str], flags: frozenset[str]) -> str:
    if name in flags:
        return "" if isinstance(value, bool) else "Must be true or false"
    if name not in texts:
        return "Is not a known field"
    if not isinstance(value, str):
        return "Must be a string"
    return "" if _encodable(value) else "Must be valid Unicode text"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell and no mail can carry
        return False
    return True


class _RefusedError(ValueError):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError("A member name stands twice in one object.")
    return members


def _no_constant(_name: str) -> NoReturn:
    raise _RefusedError("NaN and Infinity are not JSON.")
