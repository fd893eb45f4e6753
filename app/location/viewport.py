"""The part of the world that the static map shows, and how it is measured.

Drawn in half pixels (``WIDTH`` x ``HEIGHT`` units for a box half as wide), so
that whole numbers are fine enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shapely import Polygon, box

from app.location.markers import Marker, mercator

WIDTH, HEIGHT = 1440, 1080  # units; the box is 4:3, and a square cut from its middle on phones
ROOM = (700, 640)  # units around the middle that hold all markers, also in that square
CLOSEST = 1 / (512 * 2**16)  # of the world per unit: zoom 16, two units to a pixel
EQUATOR = 40_075_016.7  # metres


@dataclass(frozen=True)
class Viewport:
    """``left`` and ``top`` of the picture and its ``unit``, all in widths of the world."""

    left: float
    top: float
    unit: float
    latitude: float

    @property
    def frame(self) -> Polygon:
        """The picture's edge, in units."""
        return box(0, 0, WIDTH, HEIGHT)

    @property
    def metres(self) -> float:
        """How long one unit is on the ground in the middle of the picture."""
        step = 0.001  # degrees
        _, y1 = mercator(self.latitude, 0)
        _, y2 = mercator(self.latitude + step, 0)
        return self.unit * EQUATOR * step / 360 / (y1 - y2)

    def place(self, marker: Marker) -> tuple[float, float]:
        """Where ``marker`` stands, in units from the top left."""
        x, y = mercator(marker.latitude, marker.longitude)
        return (x - self.left) / self.unit, (y - self.top) / self.unit


def fit_viewport(places: Sequence[Marker]) -> Viewport:
    """A view that shows all markers, at most as close as zoom 16."""
    xs, ys = zip(*(mercator(marker.latitude, marker.longitude) for marker in places), strict=True)
    unit = max(CLOSEST, (max(xs) - min(xs)) / ROOM[0], (max(ys) - min(ys)) / ROOM[1])
    return Viewport(
        left=(max(xs) + min(xs)) / 2 - unit * WIDTH / 2,
        # The markers' heads stand above their points: the middle moves up a little.
        top=(max(ys) + min(ys)) / 2 - unit * (HEIGHT / 2 + 24),
        unit=unit,
        latitude=sum(marker.latitude for marker in places) / len(places),
    )
