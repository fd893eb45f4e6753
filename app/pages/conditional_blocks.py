"""Conditional blocks: text of a page that is shown only with certain settings or facts.

A block from ``::: when settings.NAME`` to ``:::`` is shown only if that setting is on (or, with
``not`` before the name, off). ``::: when link.NAME`` and ``::: when care.NAME`` test for entries
of clinic.toml. The privacy page uses such blocks and ``{{ settings.NAME }}``, so that it always
describes the actual settings. A block that lists a fact, such as ``::: prices``, is its own
condition.
"""

import re
from collections.abc import Mapping, Sequence

from app.pages.render_rules import BLOCKS, LISTS

PageSettings = Mapping[str, str | bool]
FENCE = re.compile(r"\s{0,3}:::+(.*)")
CONDITIONAL = "when"


def page_settings(
    *,
    retention_days: int,
    quarantine_retention_days: int,
    notification_detail: str,
    send_acknowledgement: bool,
    map_tiles: bool,
) -> PageSettings:
    """Return the settings that pages can use.

    ``map_tiles``: whether visitors can load street images from another host.
    """
    return {
        "settings.retention_days": str(retention_days),
        "settings.quarantine_retention_days": str(quarantine_retention_days),
        "settings.send_acknowledgement": send_acknowledgement,
        "settings.map_tiles": map_tiles,
        "settings.notification_detail_full": notification_detail == "full",
        "settings.notification_detail_contact": notification_detail == "contact",
        "settings.notification_detail_minimal": notification_detail == "minimal",
    }


def resolve_blocks(text: str, conditions: Mapping[str, bool]) -> tuple[str, list[tuple[int, str]]]:
    """``text`` without the blocks whose condition is false, and the issues by line (from 0).

    Issues are unknown blocks, nested blocks, and blocks that are never closed or never opened.
    What is removed leaves empty lines, so that line numbers stay the same.
    """
    kept: list[str] = []
    issues: list[tuple[int, str]] = []
    start, current, shown = 0, "", True
    for number, line in enumerate(text.splitlines()):
        if not (fence := FENCE.match(line)):
            kept.append(line if shown else "")
            continue
        kind, *condition = fence[1].split() or [""]
        shown = conditions.get(kind, False) if kind in LISTS else shown
        kept.append(line if shown and CONDITIONAL not in (kind, current) else "")
        if kind not in (*BLOCKS, CONDITIONAL, ""):
            issues.append((number, f"unknown block ::: {kind}"))
        if kind and current:
            issues.append((number, f"::: {kind} starts before ::: {current} is closed"))
        if not kind and not current:
            issues.append((number, "::: closes a block that was never opened"))
        if kind not in LISTS:
            shown = True
        if kind == CONDITIONAL:
            shown, issue = _evaluate(condition, conditions)
            issues += [(number, issue)] if issue else []
        start, current = number, kind
    if current:
        issues.append((start, f"::: {current} is never closed"))
    return "\n".join(kept), issues


def _evaluate(condition: Sequence[str], conditions: Mapping[str, bool]) -> tuple[bool, str]:
    expected, name = condition[:1] != ["not"], condition[-1] if condition else ""
    if len(condition) != (1 if expected else 2) or name not in conditions:
        reason = f"use one of {', '.join(conditions)} (with or without not)"
        return True, f"::: when {' '.join(condition)}: {reason}"
    return conditions[name] is expected, ""
