"""schema.org JSON-LD of the clinic, for search engines: the same facts that visitors read."""

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from app.clinic.models import WEEKDAYS, Clinic, Hours, Location
from app.clinic.opening_hours import OpeningHours

Node = dict[str, object]


def script(*nodes: Node) -> Markup:
    """The script element with ``nodes``."""
    graph = {"@context": "https://schema.org", "@graph": nodes}
    data = htmlsafe_json_dumps(graph, ensure_ascii=False, separators=(",", ":"))
    return Markup('<script type="application/ld+json">{}</script>').format(data)


def organization_node(clinic: Clinic, site_url: str) -> Node:
    """The clinic as a whole: a MedicalClinic, or with several locations an organization."""
    return {
        "@type": "MedicalClinic" if len(clinic.locations) == 1 else "MedicalOrganization",
        "@id": f"{site_url}/#clinic",
        "name": clinic.name,
        "url": f"{site_url}/",
        "email": clinic.email,
        "telephone": clinic.tel(clinic.phone),
        "logo": f"{site_url}/favicon.svg",
    }


def clinic_node(clinic: Clinic, site_url: str) -> Node:
    """The same with address and hours: of the clinic, or of one MedicalClinic per location."""
    organization = organization_node(clinic, site_url)
    clinics = [_medical_clinic(clinic, location, site_url) for location in clinic.locations]
    if len(clinics) == 1:
        telephone = {"telephone": clinics[0]["telephone"]}
        return clinics[0] | organization | telephone
    return organization | {"department": clinics}


def _medical_clinic(clinic: Clinic, location: Location, site_url: str) -> Node:
    return {
        "@type": "MedicalClinic",
        "@id": f"{site_url}/#{location.key}",
        "name": f"{clinic.name}, {location.name}",
        "telephone": clinic.tel(location.phone or clinic.phone),
        "address": _address(location),
        "geo": {
            "@type": "GeoCoordinates",
            "latitude": location.latitude,
            "longitude": location.longitude,
        },
        "openingHoursSpecification": _opening_hours(location),
        "specialOpeningHoursSpecification": [
            _hours(times, validFrom=str(day.date), validThrough=str(day.last))
            for day, _ in OpeningHours(location, clinic.today()).special_days
            for times in map(_times, day.hours or [None])
        ],
    }


def _address(location: Location) -> Node:
    optional = {"addressRegion": location.region, "postalCode": location.postal_code}
    return {
        "@type": "PostalAddress",
        "streetAddress": ", ".join(location.address),
        "addressLocality": location.city,
        **{name: value for name, value in optional.items() if value},
        "addressCountry": location.country,
    }


def _opening_hours(location: Location) -> list[Node]:
    """One specification per period of hours, with all the weekdays that have it."""
    days: dict[tuple[str, str], list[str]] = {}
    for weekday in WEEKDAYS:
        for hours in location.hours.get(weekday, ()):
            days.setdefault(_times(hours), []).append(weekday.capitalize())
    return [_hours(times, dayOfWeek=names) for times, names in days.items()]


def _times(hours: Hours | None) -> tuple[str, str]:
    """Opening and closing time. Equal times mean "closed all day", so all day ends at 23:59.

    A closing time before the opening time is on the next day (schema.org).
    """
    if hours is None:
        return "00:00", "00:00"
    return f"{hours.opens:%H:%M}", "23:59" if hours.is_all_day else f"{hours.closes:%H:%M}"


def _hours(times: tuple[str, str], **days: object) -> Node:
    opens, closes = times
    return {"@type": "OpeningHoursSpecification", "opens": opens, "closes": closes, **days}
