"""Settings that pages can mention, so that what they say is always true.

``{{ settings.… }}`` shows a setting. A block from ``::: when settings.…`` to ``:::`` is shown
only if that setting is on (or, with ``not`` before the name, off).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from markdown_it.token import Token

PageSettings = Mapping[str, str | bool]
NO_SETTINGS: PageSettings = MappingProxyType({})


def page_settings(
    *,
    retention_days: int,
    quarantine_retention_days: int,
    notification_detail: str,
    send_acknowledgement: bool,
    map_tiles: bool,
) -> PageSettings:
    """``map_tiles``: whether visitors can load street images from another host."""
    details = {
        f"settings.notification_detail_{detail}": detail == notification_detail
        for detail in ("full", "contact", "minimal")
    }
    return {
        "settings.retention_days": str(retention_days),
        "settings.quarantine_retention_days": str(quarantine_retention_days),
        "settings.send_acknowledgement": send_acknowledgement,
        "settings.map_tiles": map_tiles,
        **details,
    }


def filter_conditional_blocks(
    tokens: Sequence[Token], settings: PageSettings
) -> tuple[list[Token], list[tuple[int, str]]]:
    """``tokens`` without the blocks whose condition is false, and the issues by line (from 0)."""
    kept: list[Token] = []
    issues: list[tuple[int, str]] = []
    inside, nested, shown = False, 0, True
    for token in tokens:
        opens = token.type == "container_block_open"
        closes = token.type == "container_block_close"
        if opens and not inside and token.info.split()[:1] == ["when"]:
            inside = True
            shown, issue = _evaluate(token.info.split()[1:], settings)
            issues += [(token.map[0] if token.map else 0, issue)] if issue else []
        elif closes and inside and not nested:
            inside, shown = False, True
        else:
            nested += (opens - closes) if inside else 0  # the parser reports nested blocks
            kept += [token] if shown else []
    return kept, issues


def _evaluate(condition: Sequence[str], settings: PageSettings) -> tuple[bool, str]:
    expected, name = condition[:1] != ["not"], condition[-1] if condition else ""
    value = settings.get(name)
    if len(condition) != (1 if expected else 2) or not isinstance(value, bool):
        known = ", ".join(name for name, value in settings.items() if isinstance(value, bool))
        return True, f"::: when {' '.join(condition)}: use one of {known} (with or without not)"
    return value is expected, ""
