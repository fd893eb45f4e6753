"""Names on the static map: streets along their course, places and waters across.

Set one after the other, the important first; a name that would lie on
another, or on a marker, is left out. Every name comes from outside and is escaped.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise

from shapely import LineString, Polygon, box, line_merge, unary_union
from shapely.affinity import rotate
from shapely.geometry.base import BaseGeometry

from app.location.map_colors import MapColors
from app.location.tile_rendering import Shapes
from app.location.viewport import HEIGHT, WIDTH

LETTER = 0.54  # width of a letter, in font sizes, on average
STRAIGHT = 7.0  # units that a street may stray from a straight line under its name
ROAD_SIZES = {"highway": 28, "major_road": 28, "minor_road": 23, "path": 21, "ferry": 22}
NEAR = 60  # units around a marker
MAJOR = 26  # units: names from this size on are set first, and alone on small screens
FRAME = box(0, 0, WIDTH, HEIGHT).buffer(-14) - box(0, HEIGHT - 76, WIDTH, HEIGHT)


@dataclass(frozen=True)
class LabelStyle:
    """How a kind of name looks: ``size`` and letter ``spacing`` in units."""

    size: float
    colour: str = "label"
    spacing: float = 0
    more: str = ""
    dot: bool = False
    capitals: bool = False


@dataclass(frozen=True)
class Label:
    """A name and where its middle stands; ``angle`` in degrees clockwise."""

    text: str
    style: LabelStyle
    x: float
    y: float
    angle: float = 0.0

    @property
    def ground(self) -> Polygon:
        size = self.style.size
        width = len(self.text) * (size * LETTER + self.style.spacing)
        half = size * 0.55
        flat = box(self.x - width / 2, self.y - half, self.x + width / 2, self.y + half)
        return rotate(flat, self.angle, origin=(self.x, self.y))


WATER = LabelStyle(27, "water_label", 3, ' font-style="italic"')
LANDMARK = LabelStyle(23, dot=True)
GREEN = LabelStyle(23, "green_label", more=' font-style="italic"')
QUARTER = LabelStyle(21, "place_label", 3, capitals=True)
# (layer, kinds or none for all, style), the important first.
POINTS: tuple[tuple[str, frozenset[str], LabelStyle], ...] = (
    ("pois", frozenset({"lighthouse", "ferry_terminal", "station", "hospital"}), LANDMARK),
    ("water", frozenset(), WATER),
    ("pois", frozenset({"park", "beach", "garden", "cemetery"}), GREEN),
    ("pois", frozenset({"marketplace", "school", "library", "university"}), LANDMARK),
    ("places", frozenset({"neighbourhood"}), QUARTER),
)


def place_labels(
    shapes: Shapes, colors: MapColors, taken: Sequence[Polygon], grow: float = 1
) -> Iterator[str]:
    """The names as SVG text, none of them on the grounds in ``taken``.

    With ``grow`` the main names only, that many times larger: for a small picture.
    """
    covered: list[BaseGeometry] = list(taken)
    set_already: set[str] = set()
    wanted = [
        *_street_labels(shapes, taken, grow, major=True),
        *_point_labels(shapes, grow),
        *_street_labels(shapes, taken, grow, major=False),
    ]
    for label in wanted:
        if label.text in set_already or (grow > 1 and label.style.size < MAJOR * grow):
            continue
        if FRAME.contains(label.ground) and not any(map(label.ground.intersects, covered)):
            set_already.add(label.text)
            covered.append(label.ground.buffer(6))
            yield _text(label, colors)


def _street_labels(
    shapes: Shapes, markers: Sequence[Polygon], grow: float, *, major: bool
) -> Iterator[Label]:
    """Streets beside a marker come first, then the long ones."""
    near = unary_union(markers).buffer(NEAR)
    wanted = [
        (name, LabelStyle(ROAD_SIZES[kind] * grow), line_merge(unary_union(lines)))
        for (kind, name), lines in shapes.names.items()
        if kind in ROAD_SIZES and (ROAD_SIZES[kind] >= MAJOR) == major
    ]
    for name, style, line in sorted(
        wanted, key=lambda one: (not near.intersects(one[2]), -one[2].length, one[0])
    ):
        width = (len(name) * LETTER + 1) * style.size
        for x, y, angle in _straight_runs(line, width):
            yield Label(name, style, x, y, angle)


def _straight_runs(line: BaseGeometry, width: float) -> Iterator[tuple[float, float, float]]:
    """Middle and angle of straight places for a name ``width`` long; the longest run first."""
    bent = [part.simplify(STRAIGHT).coords for part in getattr(line, "geoms", [line])]
    runs = [LineString(pair) for one in bent for pair in pairwise(one)]
    for run in sorted(runs, key=lambda run: -run.length):
        visible = run.intersection(FRAME)
        if visible.geom_type != "LineString" or visible.length < width:
            continue
        (ax, ay), (bx, by) = visible.coords[0], visible.coords[-1]
        angle = math.degrees(math.atan((by - ay) / (bx - ax))) if bx != ax else 90.0
        for share in (0.5, 0.4, 0.6, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8):
            middle = visible.interpolate(share, normalized=True)
            if min(share, 1 - share) * visible.length >= width / 2:
                yield middle.x, middle.y, angle


def _point_labels(shapes: Shapes, grow: float) -> Iterator[Label]:
    for layer, kinds, plain in POINTS:
        style = replace(plain, size=plain.size * grow, spacing=plain.spacing * grow)
        for point in shapes.points:
            if point.layer == layer and (not kinds or point.kind in kinds):
                text = point.name.upper() if style.capitals else point.name
                yield Label(text, style, point.x, point.y + (style.size if style.dot else 0))


def _text(label: Label, colors: MapColors) -> str:
    style = label.style
    turn = f"rotate({label.angle:.0f})" if round(label.angle) else ""
    spaced = f' letter-spacing="{style.spacing:.0f}"' if style.spacing else ""
    colour, halo = colors[style.colour], colors["halo"]
    dot = (
        f'<circle cx="{label.x:.0f}" cy="{label.y - style.size:.0f}" r="7" '
        f'fill="{colour}" stroke="{halo}" stroke-width="4"/>'
    )
    return (
        (dot if style.dot else "")
        + f'<text transform="translate({label.x:.0f} {label.y:.0f}){turn}" '
        f'y="{style.size * 0.35:.0f}" text-anchor="middle" font-size="{style.size:.0f}"{spaced}'
        f'{style.more} fill="{colour}" stroke="{halo}">{escape(label.text)}</text>'
    )
