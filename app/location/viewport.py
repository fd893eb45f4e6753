"""The area that the static map shows, in the Web Mercator projection.

One CSS pixel is two units, so that whole numbers are precise enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shapely import box

from app.location.markers import Marker

WIDTH, HEIGHT = 1440, 1080  # units; 4:3, and phones show a square cut from the middle
FRAME = box(0, 0, WIDTH, HEIGHT)
MARKER_AREA = (700, 640)  # units around the middle that contain all markers, also in the square
MIN_UNIT = 1 / (512 * 2**16)  # of the world's width per unit: zoom 16, two units per pixel
EQUATOR_LENGTH = 40_075_016.7  # meters
STREET_MARGIN = 4000  # meters around the initial view


def mercator(latitude: float, longitude: float) -> tuple[float, float]:
    """Project degrees to x from 0 (180° W) to 1 (180° E), y from 0 (85.05° N) to 1 (85.05° S)."""
    y = math.asinh(math.tan(math.radians(latitude))) / math.tau
    return longitude / 360 + 0.5, 0.5 - y


def degrees(x: float, y: float) -> tuple[float, float]:
    """Latitude and longitude of a point of ``mercator``."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y)))), (x - 0.5) * 360


@dataclass(frozen=True)
class Viewport:
    """``left``, ``top`` and the size of a ``unit`` are fractions of the world's width."""

    left: float
    top: float
    unit: float
    latitude: float

    @property
    def meters_per_unit(self) -> float:
        """Meters on the ground for one unit, in the middle of the image."""
        return self.unit * EQUATOR_LENGTH * math.cos(math.radians(self.latitude))

    def position(self, marker: Marker) -> tuple[float, float]:
        """The position of the tip of ``marker``, in units from the top left."""
        x, y = mercator(marker.latitude, marker.longitude)
        return (x - self.left) / self.unit, (y - self.top) / self.unit


def street_bounds(markers: Sequence[Marker]) -> tuple[float, float, float, float]:
    """West, south, east and north, in degrees, of the streets that a map of ``markers`` needs.

    It is the initial view with a margin on each side, because visitors move the map.
    """
    view = fit_viewport(markers)
    width, height = view.unit * WIDTH, view.unit * HEIGHT
    meters = EQUATOR_LENGTH * math.cos(math.radians(view.latitude))
    margin = max(width / 4, STREET_MARGIN / meters)
    north, west = degrees(view.left - margin, view.top - margin)
    south, east = degrees(view.left + width + margin, view.top + height + margin)
    return west, south, east, north


def fit_viewport(markers: Sequence[Marker]) -> Viewport:
    """A viewport that shows all markers, no closer than zoom 16."""
    points = [mercator(marker.latitude, marker.longitude) for marker in markers]
    xs, ys = zip(*points, strict=True)
    unit = max(
        MIN_UNIT,
        (max(xs) - min(xs)) / MARKER_AREA[0],
        (max(ys) - min(ys)) / MARKER_AREA[1],
    )
    return Viewport(
        left=(max(xs) + min(xs)) / 2 - unit * WIDTH / 2,
        # The heads of the pins are above their points, so the middle moves up a little.
        top=(max(ys) + min(ys)) / 2 - unit * (HEIGHT / 2 + 24),
        unit=unit,
        latitude=sum(marker.latitude for marker in markers) / len(markers),
    )
