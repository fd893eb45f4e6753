"""schema.org JSON-LD, for those who search: the same facts that visitors read."""

import json

from markupsafe import Markup

from app.clinic import Clinic, Location
from app.clinic.opening_hours import WEEKDAYS
from app.pages.loader import Page

Node = dict[str, object]
# "<" could end the script element, "&" and ">" a sloppy reader's patience.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def page_script(clinic: Clinic, page: Page, site: str) -> Markup:
    """The script element for an information page; the front page describes the clinic too."""
    node = web_page(clinic, page, site)
    if page.path != "/":
        return script([node])
    # The front page comes in one flight: its list of references says the same.
    node.pop("citation", None)
    return script([node, *clinic_nodes(clinic, site)])


def clinic_script(clinic: Clinic, site: str) -> Markup:
    """The script element that describes the clinic alone."""
    return script(clinic_nodes(clinic, site))


def script(nodes: list[Node]) -> Markup:
    """``nodes`` as a JSON-LD script element."""
    graph = {"@context": "https://schema.org", "@graph": nodes}
    data = json.dumps(graph, ensure_ascii=False, separators=(",", ":")).translate(ESCAPES)
    return Markup(f'<script type="application/ld+json">{data}</script>')  # noqa: S704 - escaped


def web_page(clinic: Clinic, page: Page, site: str) -> Node:
    """``page`` as a MedicalWebPage; a review is mentioned only where one took place."""
    node: Node = {
        "@type": "MedicalWebPage",
        "@id": f"{site}{page.path}",
        "url": f"{site}{page.path}",
        "name": page.title,
        "description": page.description,
        "inLanguage": clinic.language,
        "publisher": {"@id": f"{site}/#clinic"},
    }
    reviewed = page.reviewed or (clinic.review and clinic.review.reviewed)
    if reviewed:
        node["lastReviewed"] = reviewed.isoformat()
    if clinic.review:
        person = {"name": clinic.review.reviewer, "honorificSuffix": clinic.review.credentials}
        node["reviewedBy"] = {"@type": "Person", **person}
    if cited := [reference.link for reference in page.references if reference.link]:
        node["citation"] = cited
    return node


def clinic_nodes(clinic: Clinic, site: str) -> list[Node]:
    """The clinic: one MedicalClinic, or an organization with one for each location."""
    common = {"url": f"{site}/", "email": clinic.email, "logo": f"{site}/favicon.svg"}
    if len(clinic.locations) == 1:
        node = _medical_clinic(clinic, clinic.locations[0])
        return [{**node, "@id": f"{site}/#clinic", "name": clinic.name, **common}]
    departments = [
        {
            **_medical_clinic(clinic, place),
            "@id": f"{site}/#{place.key}",
            "name": f"{clinic.name}, {place.name}",
        }
        for place in clinic.locations
    ]
    organization: Node = {
        "@type": "MedicalOrganization",
        "@id": f"{site}/#clinic",
        "name": clinic.name,
        "telephone": clinic.tel(clinic.phone),
        "department": departments,
    }
    return [organization | common]


def _medical_clinic(clinic: Clinic, place: Location) -> Node:
    node: Node = {
        "@type": "MedicalClinic",
        "telephone": clinic.tel(place.phone or clinic.phone),
        "address": {
            "@type": "PostalAddress",
            "streetAddress": ", ".join(place.address),
            "addressLocality": place.city,
            "addressRegion": place.region,
            "postalCode": place.postal_code,
            "addressCountry": place.country,
        },
        "geo": {
            "@type": "GeoCoordinates",
            "latitude": place.latitude,
            "longitude": place.longitude,
        },
    }
    if hours := _hours(place):
        node["openingHoursSpecification"] = hours
    if place.closed:
        # Equal times mean "closed all day" to those who read this.
        node["specialOpeningHoursSpecification"] = [
            _stretch("00:00", "00:00")
            | {"validFrom": day.date.isoformat(), "validThrough": day.date.isoformat()}
            for day in place.closed
        ]
    return node


def _hours(place: Location) -> list[Node]:
    """One specification for each stretch of hours, with all the days that keep it."""
    days: dict[tuple[str, str], list[str]] = {}
    for weekday in WEEKDAYS:
        for hours in place.hours.get(weekday, ()):
            stretch = (f"{hours.opens:%H:%M}", f"{hours.closes:%H:%M}")
            days.setdefault(stretch, []).append(weekday.capitalize())
    return [_stretch(*stretch) | {"dayOfWeek": names} for stretch, names in days.items()]


def _stretch(opens: str, closes: str) -> Node:
    return {"@type": "OpeningHoursSpecification", "opens": opens, "closes": closes}
