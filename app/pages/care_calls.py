"""The buttons at the end of care cards: whom to call, by the kind of the card."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from app.clinic import Clinic


def care_calls(clinic: Clinic) -> Mapping[str, Markup]:
    """An emergency card ends with the crisis lines, the others with the clinic's phone."""
    lines = []
    for line in clinic.crisis_lines:
        lines.append((f"tel:{clinic.tel(line.phone)}", f"Call {line.phone}"))
        if line.text:
            lines.append((f"sms:{line.text}", f"Text {line.text}"))
    clinic_phone = _buttons([(f"tel:{clinic.tel(clinic.phone)}", f"Call {clinic.phone}")])
    return {"emergency": _buttons(lines), "urgent": clinic_phone, "ask": clinic_phone}


def _buttons(calls: Iterable[tuple[str, str]]) -> Markup:
    items = (Markup('<li><a href="{}">{}</a></li>').format(*call) for call in calls)
    return Markup('<ul class="call">{}</ul>\n').format(Markup().join(items))
