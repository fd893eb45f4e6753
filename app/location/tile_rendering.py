"""From vector tiles to the static map's grounds, houses and streets.

Layers and kinds are those of the Protomaps basemap schema, version 4
(https://docs.protomaps.com/basemaps/layers).
"""

import gzip
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import mapbox_vector_tile
from shapely import force_2d, line_merge, make_valid, remove_repeated_points, unary_union
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.location.map_colors import MapColors
from app.location.viewport import Viewport

TileSource = Callable[[int, int, int], bytes | None]
EXTENT = 4096
MARGIN = 40  # units around the picture that are drawn, too

# What is filled, from the ground up: (layer, kinds or none for all, colour).
AREAS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("earth", frozenset(), "earth"),
    ("landuse", frozenset({"farmland", "orchard", "meadow"}), "field"),
    ("landuse", frozenset({"school", "university", "college", "hospital", "zoo"}), "public"),
    (
        "landuse",
        frozenset(
            {"park", "grass", "grassland", "cemetery", "golf_course", "playground", "pitch"}
            | {"village_green", "allotments", "recreation_ground", "garden", "national_park"}
        ),
        "green",
    ),
    ("landuse", frozenset({"wood", "forest", "nature_reserve", "scrub"}), "wood"),
    ("landuse", frozenset({"beach", "sand"}), "sand"),
    ("water", frozenset(), "water"),
    ("landuse", frozenset({"pedestrian", "pier"}), "paved"),
    ("buildings", frozenset(), "building"),
)
# What is stroked, lesser roads first: (kinds, width in units, dashes, colour, casing).
ROADS: tuple[tuple[frozenset[str], int, str, str, str], ...] = (
    (frozenset({"ferry"}), 4, "14 10", "rail", ""),
    (frozenset({"path"}), 4, "3 7", "path", ""),
    (frozenset({"rail"}), 4, "", "rail", ""),
    (frozenset({"other"}), 8, "", "road", "casing"),
    (frozenset({"minor_road"}), 10, "", "road", "casing"),
    (frozenset({"major_road", "highway"}), 15, "", "major", "major_casing"),
)


@dataclass(frozen=True)
class NamedPoint:
    """A point with a name to be written there."""

    layer: str
    kind: str
    name: str
    x: float
    y: float


@dataclass
class Shapes:
    """What the tiles hold, in units of the picture."""

    areas: dict[str, list[BaseGeometry]] = field(default_factory=dict)
    lines: dict[str, list[BaseGeometry]] = field(default_factory=dict)
    names: dict[tuple[str, str], list[BaseGeometry]] = field(default_factory=dict)
    points: list[NamedPoint] = field(default_factory=list)


def load_shapes(view: Viewport, tiles: TileSource, zooms: tuple[int, int]) -> Shapes:
    """All that stands in ``view``, out of ``tiles`` whose levels are ``zooms``."""
    level = round(-math.log2(view.unit * 1024))  # a tile is about 1024 units wide
    level = min(max(level, zooms[0]), zooms[1])
    size = 1 / (1 << level) / view.unit
    left, top = view.left * (1 << level), view.top * (1 << level)
    frame = view.frame.buffer(MARGIN, join_style="mitre")
    across, down = frame.bounds[2] / size, frame.bounds[3] / size
    shapes = Shapes()
    for x in range(math.floor(left), math.floor(left + across) + 1):
        for y in range(math.floor(top), math.floor(top + down) + 1):
            packed = tiles(level, x % (1 << level), y) if 0 <= y < 1 << level else None
            if packed:
                corner = ((x - left) * size, (y - top) * size)
                for layer, said, geometry in _features(packed, corner, size / EXTENT):
                    part = geometry.intersection(frame)
                    if not part.is_empty:
                        _sort(layer, said, part, shapes)
    return shapes


def _features(
    packed: bytes, corner: tuple[float, float], scale: float
) -> Iterator[tuple[str, dict[str, Any], BaseGeometry]]:
    """Layer, properties and shape (in units of the picture) of each thing in a tile."""

    def in_picture(x: float, y: float) -> tuple[float, float]:
        return corner[0] + x * scale, corner[1] + y * scale

    options = {"y_coord_down": True, "transformer": in_picture}
    found = mapbox_vector_tile.decode(gzip.decompress(packed), default_options=options)
    for layer, contents in found.items():
        for one in contents["features"]:
            geometry = shape(one["geometry"])
            # Rounding to whole units can make an outline cross itself.
            solid = make_valid(geometry) if "Polygon" in geometry.geom_type else geometry
            yield layer, one["properties"], solid


def _sort(layer: str, said: dict[str, Any], geometry: BaseGeometry, shapes: Shapes) -> None:
    kind, name = str(said.get("kind", "")), str(said.get("name:en") or said.get("name") or "")
    if geometry.geom_type == "Point":
        if name:
            shapes.points.append(NamedPoint(layer, kind, name, geometry.x, geometry.y))
    elif "Polygon" in geometry.geom_type or geometry.geom_type == "GeometryCollection":
        shapes.areas.setdefault(f"{layer}/{kind}", []).append(geometry)
    elif layer == "roads":
        shapes.lines.setdefault(kind, []).append(geometry)
        if name:
            shapes.names.setdefault((kind, name), []).append(geometry)
    elif layer == "water":
        shapes.lines.setdefault("stream", []).append(geometry)


def render_shapes(shapes: Shapes, colors: MapColors) -> Iterator[str]:
    """The grounds, then streams, houses and streets, as SVG elements."""
    for layer, kinds, colour in AREAS:
        found = [
            geometry
            for key, geometries in shapes.areas.items()
            for geometry in geometries
            if key.split("/")[0] == layer and (not kinds or key.split("/")[1] in kinds)
        ]
        if course := path(unary_union(found)) if found else "":
            edge = f' stroke="{colors["building_edge"]}"' if colour == "building" else ""
            yield f'<path fill="{colors[colour]}"{edge} d="{course}"/>'
        if layer == "water" and (streams := shapes.lines.get("stream")):
            yield _stroke(unary_union(streams), colors["water"], 5)
    yield from _streets(shapes, colors)


def _streets(shapes: Shapes, colors: MapColors) -> Iterator[str]:
    courses = []
    for kinds, width, dashes, colour, casing in ROADS:
        if found := [line for kind in kinds for line in shapes.lines.get(kind, ())]:
            merged = line_merge(unary_union(found))
            courses.append((merged, width, dashes, colors[colour], colors.get(casing)))
    # All casings lie under all roads, so that crossings are open.
    for merged, width, _, _, casing_colour in courses:
        if casing_colour:
            yield _stroke(merged, casing_colour, width + 4)
    for merged, width, dashes, colour, _ in courses:
        yield _stroke(merged, colour, width, dashes)


def _stroke(lines: BaseGeometry, colour: str, width: int, dashes: str = "") -> str:
    dash = f' stroke-dasharray="{dashes}"' if dashes else ' stroke-linecap="round"'
    return (
        f'<path fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-linejoin="round"{dash} d="{path(lines)}"/>'
    )


def path(geometry: BaseGeometry) -> str:
    """The ``d`` of a path through whole units, in steps from point to point."""
    flat = remove_repeated_points(force_2d(geometry.simplify(0.8)))
    return "".join(_course(points, closed) for points, closed in _courses(flat))


def _courses(geometry: BaseGeometry) -> Iterator[tuple[list[tuple[int, int]], bool]]:
    for part in getattr(geometry, "geoms", [geometry]):
        if hasattr(part, "geoms"):
            yield from _courses(part)
        elif part.geom_type == "Polygon":
            for ring in (part.exterior, *part.interiors):
                yield _whole(ring.coords)[:-1], True
        elif part.geom_type == "LineString":
            yield _whole(part.coords), False


def _whole(coordinates: Any) -> list[tuple[int, int]]:
    return [(round(x), round(y)) for x, y in coordinates]


def _course(points: list[tuple[int, int]], closed: bool) -> str:  # noqa: FBT001 - one caller
    steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(points) if (ax, ay) != (bx, by)]
    if not points or (closed and len(steps) < 2):
        return ""
    start = f"M{points[0][0]} {points[0][1]}".replace(" -", "-")
    walk = "l" + " ".join(f"{x} {y}" for x, y in steps) if steps else ""
    return start + walk.replace(" -", "-") + ("z" if closed else "")
