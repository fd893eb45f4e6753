"""The markers of both maps: one per location, numbered when there are several."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

from markupsafe import Markup, escape

from app.clinic import Location
from app.clinic.opening_hours import hours_lines

# SVG path of a pin, 26 units wide: its tip is at 0,0 and its head is centered on 0,-24.
PIN_PATH = "M0 0C-3-8-13-13-13-24a13 13 0 1 1 26 0C13-13 3-8 0 0z"
OSM_ATTRIBUTION = (
    '<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap contributors</a>'
)
LINK = re.compile(
    r"""<a\s[^>]*?href=["'](https?://[^"'<>\s]+)["'][^>]*>(.*?)</a>""", re.IGNORECASE | re.DOTALL
)
TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Marker:
    """A location on a map. ``label`` is its number, empty for the only location."""

    key: str
    label: str
    name: str
    address: tuple[str, ...]
    hours: tuple[str, ...]
    latitude: float
    longitude: float

    @property
    def title(self) -> str:
        return f"{self.label}. {self.name}" if self.label else self.name


def location_markers(locations: Sequence[Location]) -> tuple[Marker, ...]:
    """One marker per location, in the same order."""
    return tuple(
        Marker(
            key=location.key,
            label=str(number) if len(locations) > 1 else "",
            name=location.name,
            address=location.address_lines,
            hours=hours_lines(location),
            latitude=location.latitude,
            longitude=location.longitude,
        )
        for number, location in enumerate(locations, 1)
    )


def directions(latitude: float, longitude: float) -> tuple[tuple[str, str], ...]:
    """Name and URL of each service that gives directions to a point.

    The URLs contain coordinates only, so that the services do not learn that it is a clinic.
    """
    lat, lon = f"{latitude:.6f}", f"{longitude:.6f}"
    return (
        ("Google Maps", f"https://www.google.com/maps/dir/?api=1&destination={lat}%2C{lon}"),
        ("Apple Maps", f"https://maps.apple.com/directions?destination={lat},{lon}"),
        ("OpenStreetMap", f"https://www.openstreetmap.org/directions?to={lat}%2C{lon}"),
    )


def sanitize_attribution(attribution: str) -> tuple[Markup, str]:
    """``attribution`` as safe HTML, which keeps only web links, and as plain text.

    An empty attribution becomes OpenStreetMap's, whose license (ODbL) requires visible credit.
    """
    attribution = attribution or OSM_ATTRIBUTION
    before, *rest = LINK.split(attribution)  # text, URL, label, text, URL, label, text …
    links = (
        Markup('<a href="{}" rel="noreferrer">{}</a>{}').format(
            unescape(url), _text(label), _text(after)
        )
        for url, label, after in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    )
    return escape(_text(before)) + Markup().join(links), " ".join(_text(attribution).split())


def _text(html: str) -> str:
    return unescape(TAG.sub("", html))
