"""What stands on both maps: one marker per location, numbered when there are several.

Also the escaping that they share. Nothing here touches a request.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from app.clinic import Location
from app.clinic.opening_hours import hours_lines

# A drop, 26 units wide, whose point is at 0,0 and whose head is centred on 0,-24.
PIN_PATH = "M0 0C-3-8-13-13-13-24a13 13 0 1 1 26 0C13-13 3-8 0 0z"
OSM_ATTRIBUTION = (
    '<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap contributors</a>'
)


@dataclass(frozen=True)
class Marker:
    """One location as a map needs it. ``label`` is its number, empty for the only one."""

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
    """The markers of ``locations``, in their order."""
    several = len(locations) > 1
    return tuple(
        Marker(
            key=place.key,
            label=str(number) if several else "",
            name=place.name,
            address=place.address_lines,
            hours=hours_lines(place),
            latitude=place.latitude,
            longitude=place.longitude,
        )
        for number, place in enumerate(locations, 1)
    )


def directions(latitude: float, longitude: float) -> tuple[tuple[str, str], ...]:
    """(service, address) of the pages that lead to a point.

    Coordinates only: a map service need not know that it is a clinic.
    """
    at = f"{latitude:.6f}", f"{longitude:.6f}"
    return (
        ("Google Maps", "https://www.google.com/maps/dir/?api=1&destination={}%2C{}".format(*at)),
        ("Apple Maps", "https://maps.apple.com/directions?destination={},{}".format(*at)),
        ("OpenStreetMap", "https://www.openstreetmap.org/directions?to={}%2C{}".format(*at)),
    )


def mercator(latitude: float, longitude: float) -> tuple[float, float]:
    """Degrees -> x, y from 0 to 1: eastward from 180° W, downward from 85.05° N."""
    y = math.asinh(math.tan(math.radians(latitude))) / math.tau
    return longitude / 360 + 0.5, 0.5 - y


class _Credit(HTMLParser):
    """Keeps the words of an attribution and its web links, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.html = self.text = ""
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get("href") or ""
        if tag == "a" and not self._open and urlsplit(url).scheme in ("http", "https"):
            self.html += f'<a href="{escape(url)}" rel="noreferrer">'
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open:
            self.html += "</a>"
            self._open = False

    def handle_data(self, data: str) -> None:
        self.html += escape(data)
        self.text += data


def sanitize_attribution(attribution: str) -> tuple[str, str]:
    """An attribution as (harmless HTML, plain text).

    Without one the data is taken for OpenStreetMap's, whose licence (ODbL)
    asks for the credit to stay visible.
    """
    parser = _Credit()
    parser.feed(attribution or OSM_ATTRIBUTION)
    parser.close()
    parser.handle_endtag("a")
    return parser.html, " ".join(parser.text.split())
