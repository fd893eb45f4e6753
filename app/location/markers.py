"""The markers of both maps: one per location, numbered when there are several."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from app.clinic import Location
from app.clinic.opening_hours import hours_lines

# SVG path of a pin, 26 units wide: its tip is at 0,0 and its head is centered on 0,-24.
PIN_PATH = "M0 0C-3-8-13-13-13-24a13 13 0 1 1 26 0C13-13 3-8 0 0z"
OSM_ATTRIBUTION = (
    '<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap contributors</a>'
)


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
    point = f"{latitude:.6f}", f"{longitude:.6f}"
    return (
        (
            "Google Maps",
            "https://www.google.com/maps/dir/?api=1&destination={}%2C{}".format(*point),
        ),
        ("Apple Maps", "https://maps.apple.com/directions?destination={},{}".format(*point)),
        ("OpenStreetMap", "https://www.openstreetmap.org/directions?to={}%2C{}".format(*point)),
    )


class _AttributionParser(HTMLParser):
    """Keeps the text of an attribution and its web links, and drops everything else."""

    def __init__(self) -> None:
        super().__init__()
        self.html = self.text = ""
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get("href") or ""
        if tag == "a" and not self._in_link and urlsplit(url).scheme in ("http", "https"):
            self.html += f'<a href="{escape(url)}" rel="noreferrer">'
            self._in_link = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._in_link:
            self.html += "</a>"
            self._in_link = False

    def handle_data(self, data: str) -> None:
        self.html += escape(data)
        self.text += data


def sanitize_attribution(attribution: str) -> tuple[str, str]:
    """``attribution`` as (safe HTML, plain text).

    An empty attribution becomes OpenStreetMap's, whose license (ODbL) requires visible credit.
    """
    parser = _AttributionParser()
    parser.feed(attribution or OSM_ATTRIBUTION)
    parser.close()
    parser.handle_endtag("a")
    return parser.html, " ".join(parser.text.split())
