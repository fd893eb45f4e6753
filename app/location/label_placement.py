"""Labels of the static map: along streets, and horizontally for places and water.

They are placed in order of importance; a label that would overlap another one or a pin is
left out. Every name comes from the map data and is escaped.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise

from shapely import LineString, Point, Polygon, box, line_merge, unary_union
from shapely.affinity import rotate
from shapely.geometry.base import BaseGeometry

from app.location.map_colors import MapColors
from app.location.tile_rendering import Feature
from app.location.viewport import FRAME, HEIGHT, WIDTH

LETTER_WIDTH = 0.54  # average, in font sizes
MAX_DEVIATION = 7.0  # units that a street may deviate from a straight line under its label
ROAD_SIZES = {"highway": 28, "major_road": 28, "minor_road": 23, "path": 21, "ferry": 22}
NEAR_DISTANCE = 60  # units around a pin
MIN_MAJOR_SIZE = 26  # units: these labels are placed first, and small screens show no others
LABEL_AREA = FRAME.buffer(-14) - box(0, HEIGHT - 76, WIDTH, HEIGHT)


@dataclass(frozen=True)
class LabelStyle:
    """``size`` and letter ``spacing`` are in units; ``attributes`` are further SVG attributes."""

    size: float
    color: str = "label"
    spacing: float = 0
    attributes: str = ""
    dot: bool = False
    uppercase: bool = False


@dataclass(frozen=True)
class Label:
    """``x`` and ``y`` are the middle of the text; ``angle`` is in degrees clockwise."""

    text: str
    style: LabelStyle
    x: float
    y: float
    angle: float = 0.0

    @property
    def area(self) -> Polygon:
        size = self.style.size
        width = len(self.text) * (size * LETTER_WIDTH + self.style.spacing)
        half = size * 0.55
        flat = box(self.x - width / 2, self.y - half, self.x + width / 2, self.y + half)
        return rotate(flat, self.angle, origin=(self.x, self.y))


WATER = LabelStyle(27, "water_label", 3, ' font-style="italic"')
LANDMARK = LabelStyle(23, dot=True)
GREEN = LabelStyle(23, "green_label", attributes=' font-style="italic"')
NEIGHBORHOOD = LabelStyle(21, "place_label", 3, uppercase=True)
# (layer, kinds or an empty set for all, style), the most important first.
POINTS: tuple[tuple[str, frozenset[str], LabelStyle], ...] = (
    ("pois", frozenset({"lighthouse", "ferry_terminal", "station", "hospital"}), LANDMARK),
    ("water", frozenset(), WATER),
    ("pois", frozenset({"park", "beach", "garden", "cemetery"}), GREEN),
    ("pois", frozenset({"marketplace", "school", "library", "university"}), LANDMARK),
    ("places", frozenset({"neighbourhood"}), NEIGHBORHOOD),
)


def place_labels(
    features: Sequence[Feature], colors: MapColors, pin_areas: Sequence[Polygon], scale: float = 1
) -> Iterator[str]:
    """The labels as SVG text, none of them on ``pin_areas``.

    With a ``scale`` above 1, for small screens, only the major labels, that many times larger.
    """
    occupied: list[BaseGeometry] = list(pin_areas)
    placed: set[str] = set()
    streets = list(_street_labels(features, pin_areas, scale))
    major = [label for label in streets if label.style.size >= MIN_MAJOR_SIZE * scale]
    for label in (*major, *_point_labels(features, scale), *streets):
        if label.text in placed or (scale > 1 and label.style.size < MIN_MAJOR_SIZE * scale):
            continue
        if LABEL_AREA.contains(label.area) and not any(map(label.area.intersects, occupied)):
            placed.add(label.text)
            occupied.append(label.area.buffer(6))
            yield _render_label(label, colors)


def _street_labels(
    features: Iterable[Feature], pin_areas: Sequence[Polygon], scale: float
) -> Iterator[Label]:
    """Streets near a pin come first, then the long ones."""
    near = unary_union(pin_areas).buffer(NEAR_DISTANCE)
    parts: dict[tuple[str, str], list[BaseGeometry]] = {}
    for feature in features:
        is_line = (feature.layer, feature.dimensions) == ("roads", 1)
        if is_line and feature.name and feature.kind in ROAD_SIZES:
            parts.setdefault((feature.kind, feature.name), []).append(feature.geometry)
    streets = [
        (name, LabelStyle(ROAD_SIZES[kind] * scale), line_merge(unary_union(lines)))
        for (kind, name), lines in parts.items()
    ]
    for name, style, line in sorted(
        streets, key=lambda street: (not near.intersects(street[2]), -street[2].length, street[0])
    ):
        width = (len(name) * LETTER_WIDTH + 1) * style.size
        for x, y, angle in _straight_runs(line, width):
            yield Label(name, style, x, y, angle)


def _straight_runs(line: BaseGeometry, width: float) -> Iterator[tuple[float, float, float]]:
    """Middle and angle of each straight stretch that fits ``width``, on the longest run first."""
    parts = [part.simplify(MAX_DEVIATION).coords for part in getattr(line, "geoms", [line])]
    runs = [LineString(pair) for points in parts for pair in pairwise(points)]
    for run in sorted(runs, key=lambda run: -run.length):
        visible = run.intersection(LABEL_AREA)
        if visible.geom_type != "LineString" or visible.length < width:
            continue
        (ax, ay), (bx, by) = visible.coords[0], visible.coords[-1]
        angle = math.degrees(math.atan((by - ay) / (bx - ax))) if bx != ax else 90.0
        for fraction in (0.5, 0.4, 0.6, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8):
            middle = visible.interpolate(fraction, normalized=True)
            if min(fraction, 1 - fraction) * visible.length >= width / 2:
                yield middle.x, middle.y, angle


def _point_labels(features: Iterable[Feature], scale: float) -> Iterator[Label]:
    for layer, kinds, unscaled in POINTS:
        style = replace(unscaled, size=unscaled.size * scale, spacing=unscaled.spacing * scale)
        for feature in features:
            point, is_shown = feature.geometry, not kinds or feature.kind in kinds
            if isinstance(point, Point) and feature.name and feature.layer == layer and is_shown:
                text = feature.name.upper() if style.uppercase else feature.name
                yield Label(text, style, point.x, point.y + (style.size if style.dot else 0))


def _render_label(label: Label, colors: MapColors) -> str:
    style = label.style
    rotation = f"rotate({label.angle:.0f})" if round(label.angle) else ""
    spacing = f' letter-spacing="{style.spacing:.0f}"' if style.spacing else ""
    color, halo = colors[style.color], colors["halo"]
    dot = (
        f'<circle cx="{label.x:.0f}" cy="{label.y - style.size:.0f}" r="7" '
        f'fill="{color}" stroke="{halo}" stroke-width="4"/>'
    )
    return (
        (dot if style.dot else "")
        + f'<text transform="translate({label.x:.0f} {label.y:.0f}){rotation}" '
        f'y="{style.size * 0.35:.0f}" text-anchor="middle" font-size="{style.size:.0f}"{spacing}'
        f'{style.attributes} fill="{color}" stroke="{halo}">{escape(label.text)}</text>'
    )
