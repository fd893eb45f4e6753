"""schema.org JSON-LD for search engines: the same facts that visitors read."""

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from app.clinic import Clinic, Location
from app.clinic.models import WEEKDAYS, Hours
from app.clinic.opening_hours import OpeningHours
from app.pages.loader import Page

Node = dict[str, object]


def page_script(clinic: Clinic, page: Page, site_url: str) -> Markup:
    """The script element of an information page; the front page describes the clinic, too."""
    nodes = [page_node(clinic, page, site_url)]
    if page.path == "/":
        # Leaving the citations out keeps the front page within the first round trip.
        nodes[0].pop("citation", None)
        nodes.append(clinic_node(clinic, site_url))
    graph = {"@context": "https://schema.org", "@graph": nodes}
    data = htmlsafe_json_dumps(graph, ensure_ascii=False, separators=(",", ":"))
    return Markup('<script type="application/ld+json">{}</script>').format(data)


def page_node(clinic: Clinic, page: Page, site_url: str) -> Node:
    """``page`` as a web page; a review of a medical page is mentioned only if there was one."""
    node: Node = {
        "@type": "MedicalWebPage" if page.meta.medical else "WebPage",
        "@id": f"{site_url}{page.path}",
        "url": f"{site_url}{page.path}",
        "name": page.meta.title,
        "description": page.meta.description,
        "inLanguage": clinic.language,
        "publisher": {"@id": f"{site_url}/#clinic"},
    }
    reviewed = page.meta.reviewed or (clinic.review and clinic.review.reviewed)
    if reviewed and page.meta.medical:
        node["lastReviewed"] = reviewed.isoformat()
    if clinic.review and page.meta.medical:
        person = {"name": clinic.review.reviewer, "honorificSuffix": clinic.review.credentials}
        node["reviewedBy"] = {"@type": "Person", **person}
    if links := [reference.link for reference in page.references if reference.link]:
        node["citation"] = links
    return node


def clinic_node(clinic: Clinic, site_url: str) -> Node:
    """A MedicalClinic, or an organization with one MedicalClinic per location."""
    clinics = [_medical_clinic(clinic, location, site_url) for location in clinic.locations]
    common: Node = {
        "@id": f"{site_url}/#clinic",
        "name": clinic.name,
        "url": f"{site_url}/",
        "email": clinic.email,
        "logo": f"{site_url}/favicon.svg",
    }
    if len(clinics) == 1:
        return clinics[0] | common
    telephone = clinic.tel(clinic.phone)
    organization = {"@type": "MedicalOrganization", "telephone": telephone, "department": clinics}
    return organization | common


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
