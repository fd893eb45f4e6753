"""What pages may state of the settings, so that they cannot be wrong.

A text stands for ``{{ settings.… }}``; a passage between ``::: when settings.…`` and
``:::`` is shown only where that holds (or, with ``not`` before the name, does not).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from markdown_it.token import Token

PageSettings = Mapping[str, str | bool]
NO_SETTINGS: PageSettings = MappingProxyType({})
WHEN = "when"


def page_settings(
    *,
    retention_days: int,
    quarantine_retention_days: int,
    notification_detail: str,
    send_acknowledgement: bool,
    map_tiles: bool,
) -> PageSettings:
    """``map_tiles``: whether visitors are offered streets from elsewhere."""
    modes = {
        f"settings.notification_detail_{mode}": mode == notification_detail
        for mode in ("full", "contact", "minimal")
    }
    return {
        "settings.retention_days": str(retention_days),
        "settings.quarantine_retention_days": str(quarantine_retention_days),
        "settings.send_acknowledgement": send_acknowledgement,
        "settings.map_tiles": map_tiles,
        **modes,
    }


def filter_conditional_blocks(
    tokens: Sequence[Token], settings: PageSettings
) -> tuple[list[Token], list[tuple[int, str]]]:
    """``tokens`` without the blocks whose condition is false, and the errors by line (from 0)."""
    kept: list[Token] = []
    faults: list[tuple[int, str]] = []
    inside, nested, shown = False, 0, True
    for token in tokens:
        opens = token.type == "container_block_open"
        closes = token.type == "container_block_close"
        if opens and not inside and token.info.split()[:1] == [WHEN]:
            inside = True
            shown, fault = _holds(token.info.split()[1:], settings)
            faults += [(token.map[0] if token.map else 0, fault)] if fault else []
        elif closes and inside and not nested:
            inside, shown = False, True
        else:
            nested += (opens - closes) if inside else 0  # a fault, which is told elsewhere
            kept += [token] if shown else []
    return kept, faults


def _holds(words: Sequence[str], settings: PageSettings) -> tuple[bool, str]:
    wanted, name = words[:1] != ["not"], words[-1] if words else ""
    value = settings.get(name)
    if len(words) != (1 if wanted else 2) or not isinstance(value, bool):
        known = ", ".join(name for name, value in settings.items() if isinstance(value, bool))
        return True, f"::: when {' '.join(words)}: known are {known} (with or without not)"
    return value is wanted, ""
