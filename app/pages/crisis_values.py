"""The clinic's crisis lines as pages can mention them."""

from app.clinic import Clinic
from app.clinic.countries import is_emergency_number
from app.pages.parser import PlaceholderValue


def crisis_values(clinic: Clinic) -> dict[str, PlaceholderValue]:
    """The emergency number, and a phrase like ``call or text 988`` for the next crisis line.

    Each is a link. A preview may have no crisis lines yet.
    """
    lines = clinic.crisis_lines
    if not lines:
        missing = PlaceholderValue("(number missing in clinic.toml)")
        return {"clinic.emergency_number": missing, "clinic.call_crisis_line": missing}
    for_danger = [line for line in lines if is_emergency_number(line.phone, clinic.country)]
    emergency = (for_danger or lines)[0]
    crisis = next((line for line in lines if line not in for_danger), emergency)
    call = f"call {crisis.phone}"
    if crisis.text:
        same = crisis.text == crisis.phone
        call = f"call or text {crisis.phone}" if same else f"{call} or text {crisis.text}"
    return {
        "clinic.emergency_number": _call(clinic, emergency.phone, emergency.phone),
        "clinic.call_crisis_line": _call(clinic, crisis.phone, call),
    }


def _call(clinic: Clinic, phone: str, text: str) -> PlaceholderValue:
    return PlaceholderValue(text, f"tel:{clinic.tel(phone)}")
