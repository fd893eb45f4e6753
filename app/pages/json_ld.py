"""schema.org JSON-LD for search engines: the same facts that visitors read."""

import json

from markupsafe import Markup

from app.clinic import Clinic, Location
from app.clinic.opening_hours import WEEKDAYS
from app.pages.loader import Page

Node = dict[str, object]
# "<" could end the script element; "&" and ">" could mislead a careless parser.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def page_script(clinic: Clinic, page: Page, site_url: str) -> Markup:
    """The script element of an information page; the front page describes the clinic, too."""
    node = page_node(clinic, page, site_url)
    if page.path != "/":
        return _script([node])
    # Leaving the citations out keeps the front page within the first round trip.
    node.pop("citation", None)
    return _script([node, *clinic_nodes(clinic, site_url)])


def clinic_script(clinic: Clinic, site_url: str) -> Markup:
    """The script element that describes only the clinic."""
    return _script(clinic_nodes(clinic, site_url))


def _script(nodes: list[Node]) -> Markup:
    graph = {"@context": "https://schema.org", "@graph": nodes}
    data = json.dumps(graph, ensure_ascii=False, separators=(",", ":")).translate(ESCAPES)
    return Markup(f'<script type="application/ld+json">{data}</script>')  # noqa: S704 - escaped


def page_node(clinic: Clinic, page: Page, site_url: str) -> Node:
    """``page`` as a MedicalWebPage; a review is mentioned only if there was one."""
    node: Node = {
        "@type": "MedicalWebPage",
        "@id": f"{site_url}{page.path}",
        "url": f"{site_url}{page.path}",
        "name": page.title,
        "description": page.description,
        "inLanguage": clinic.language,
        "publisher": {"@id": f"{site_url}/#clinic"},
    }
    reviewed = page.reviewed or (clinic.review and clinic.review.reviewed)
    if reviewed:
        node["lastReviewed"] = reviewed.isoformat()
    if clinic.review:
        person = {"name": clinic.review.reviewer, "honorificSuffix": clinic.review.credentials}
        node["reviewedBy"] = {"@type": "Person", **person}
    if links := [reference.link for reference in page.references if reference.link]:
        node["citation"] = links
    return node


def clinic_nodes(clinic: Clinic, site_url: str) -> list[Node]:
    """One MedicalClinic, or an organization with one MedicalClinic per location."""
    common = {"url": f"{site_url}/", "email": clinic.email, "logo": f"{site_url}/favicon.svg"}
    if len(clinic.locations) == 1:
        node = _medical_clinic(clinic, clinic.locations[0])
        return [{**node, "@id": f"{site_url}/#clinic", "name": clinic.name, **common}]
    departments = [
        {
            **_medical_clinic(clinic, location),
            "@id": f"{site_url}/#{location.key}",
            "name": f"{clinic.name}, {location.name}",
        }
        for location in clinic.locations
    ]
    organization: Node = {
        "@type": "MedicalOrganization",
        "@id": f"{site_url}/#clinic",
        "name": clinic.name,
        "telephone": clinic.tel(clinic.phone),
        "department": departments,
    }
    return [organization | common]


def _medical_clinic(clinic: Clinic, location: Location) -> Node:
    node: Node = {
        "@type": "MedicalClinic",
        "telephone": clinic.tel(location.phone or clinic.phone),
        "address": {
            "@type": "PostalAddress",
            "streetAddress": ", ".join(location.address),
            "addressLocality": location.city,
            "addressRegion": location.region,
            "postalCode": location.postal_code,
            "addressCountry": location.country,
        },
        "geo": {
            "@type": "GeoCoordinates",
            "latitude": location.latitude,
            "longitude": location.longitude,
        },
    }
    if hours := _opening_hours(location):
        node["openingHoursSpecification"] = hours
    if location.closed:
        # Equal times mean "closed all day".
        node["specialOpeningHoursSpecification"] = [
            _hours_node("00:00", "00:00")
            | {"validFrom": day.date.isoformat(), "validThrough": day.date.isoformat()}
            for day in location.closed
        ]
    return node


def _opening_hours(location: Location) -> list[Node]:
    """One specification per period of hours, with all the weekdays that have it."""
    days: dict[tuple[str, str], list[str]] = {}
    for weekday in WEEKDAYS:
        for hours in location.hours.get(weekday, ()):
            period = (f"{hours.opens:%H:%M}", f"{hours.closes:%H:%M}")
            days.setdefault(period, []).append(weekday.capitalize())
    return [_hours_node(*period) | {"dayOfWeek": names} for period, names in days.items()]


def _hours_node(opens: str, closes: str) -> Node:
    return {"@type": "OpeningHoursSpecification", "opens": opens, "closes": closes}
