"""Vector tiles to SVG: the areas, buildings, streams and streets of the static map.

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
from app.location.viewport import FRAME, Viewport

TileSource = Callable[[int, int, int], bytes | None]
EXTENT = 4096
MARGIN = 40  # units around the image that are drawn, too

# Filled areas, from bottom to top: (layer, kinds or an empty set for all, color).
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
# Lines, from bottom to top: (kinds, width in units, dash pattern, color, casing color).
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
    """A point that may get a label."""

    layer: str
    kind: str
    name: str
    x: float
    y: float


@dataclass
class Shapes:
    """The contents of the tiles, in units of the image.

    ``areas`` by (layer, kind), ``lines`` by kind and ``streets`` by (kind, name).
    """

    areas: dict[tuple[str, str], list[BaseGeometry]] = field(default_factory=dict)
    lines: dict[str, list[BaseGeometry]] = field(default_factory=dict)
    streets: dict[tuple[str, str], list[BaseGeometry]] = field(default_factory=dict)
    points: list[NamedPoint] = field(default_factory=list)


def load_shapes(viewport: Viewport, tiles: TileSource, zooms: tuple[int, int]) -> Shapes:
    """Everything inside ``viewport``. ``tiles`` have zoom levels from ``zooms[0]`` to the other."""
    zoom = round(-math.log2(viewport.unit * 1024))  # a tile is about 1024 units wide
    zoom = min(max(zoom, zooms[0]), zooms[1])
    tile_count = 1 << zoom
    size = 1 / tile_count / viewport.unit
    left, top = viewport.left * tile_count, viewport.top * tile_count
    frame = FRAME.buffer(MARGIN, join_style="mitre")
    columns, rows = frame.bounds[2] / size, frame.bounds[3] / size
    shapes = Shapes()
    for x in range(math.floor(left), math.floor(left + columns) + 1):
        for y in range(math.floor(top), math.floor(top + rows) + 1):
            tile = tiles(zoom, x % tile_count, y) if 0 <= y < tile_count else None
            if tile:
                corner = ((x - left) * size, (y - top) * size)
                for layer, properties, geometry in _features(tile, corner, size / EXTENT):
                    visible = geometry.intersection(frame)
                    if not visible.is_empty:
                        _add_feature(shapes, layer, properties, visible)
    return shapes


def _features(
    tile: bytes, corner: tuple[float, float], scale: float
) -> Iterator[tuple[str, dict[str, Any], BaseGeometry]]:
    """Layer, properties and shape (in units of the image) of each feature of a gzipped tile."""

    def to_units(x: float, y: float) -> tuple[float, float]:
        return corner[0] + x * scale, corner[1] + y * scale

    options = {"y_coord_down": True, "transformer": to_units}
    layers = mapbox_vector_tile.decode(gzip.decompress(tile), default_options=options)
    for layer, contents in layers.items():
        for feature in contents["features"]:
            geometry = shape(feature["geometry"])
            # Rounding to whole units can make an outline cross itself.
            is_area = "Polygon" in geometry.geom_type
            yield layer, feature["properties"], make_valid(geometry) if is_area else geometry


def _add_feature(
    shapes: Shapes, layer: str, properties: dict[str, Any], geometry: BaseGeometry
) -> None:
    kind = str(properties.get("kind", ""))
    name = str(properties.get("name:en") or properties.get("name") or "")
    if geometry.geom_type == "Point":
        if name:
            shapes.points.append(NamedPoint(layer, kind, name, geometry.x, geometry.y))
    elif "Polygon" in geometry.geom_type or geometry.geom_type == "GeometryCollection":
        shapes.areas.setdefault((layer, kind), []).append(geometry)
    elif layer == "roads":
        shapes.lines.setdefault(kind, []).append(geometry)
        if name:
            shapes.streets.setdefault((kind, name), []).append(geometry)
    elif layer == "water":
        shapes.lines.setdefault("stream", []).append(geometry)


def render_shapes(shapes: Shapes, colors: MapColors) -> Iterator[str]:
    """SVG elements, from bottom to top."""
    for layer, kinds, color in AREAS:
        areas = [
            area
            for (area_layer, kind), geometries in shapes.areas.items()
            for area in geometries
            if area_layer == layer and (not kinds or kind in kinds)
        ]
        if data := path_data(unary_union(areas)) if areas else "":
            edge = f' stroke="{colors["building_edge"]}"' if color == "building" else ""
            yield f'<path fill="{colors[color]}"{edge} d="{data}"/>'
        if layer == "water" and (streams := shapes.lines.get("stream")):
            yield _line(unary_union(streams), colors["water"], 5)
    yield from _roads(shapes, colors)


def _roads(shapes: Shapes, colors: MapColors) -> Iterator[str]:
    roads = []
    for kinds, width, dashes, color, casing in ROADS:
        if lines := [line for kind in kinds for line in shapes.lines.get(kind, ())]:
            merged = line_merge(unary_union(lines))
            roads.append((merged, width, dashes, colors[color], colors.get(casing)))
    # All casings lie under all roads, so that crossings are open.
    for merged, width, _, _, casing_color in roads:
        if casing_color:
            yield _line(merged, casing_color, width + 4)
    for merged, width, dashes, color, _ in roads:
        yield _line(merged, color, width, dashes)


def _line(lines: BaseGeometry, color: str, width: int, dashes: str = "") -> str:
    dash = f' stroke-dasharray="{dashes}"' if dashes else ' stroke-linecap="round"'
    return (
        f'<path fill="none" stroke="{color}" stroke-width="{width}" '
        f'stroke-linejoin="round"{dash} d="{path_data(lines)}"/>'
    )


def path_data(geometry: BaseGeometry) -> str:
    """The ``d`` attribute of a path, in whole units relative to the previous point."""
    flat = remove_repeated_points(force_2d(geometry.simplify(0.8)))
    return "".join(_subpath(points, closed) for points, closed in _subpaths(flat))


def _subpaths(geometry: BaseGeometry) -> Iterator[tuple[list[tuple[int, int]], bool]]:
    """The points of each ring or line, and whether it is closed."""
    for part in getattr(geometry, "geoms", [geometry]):
        if hasattr(part, "geoms"):
            yield from _subpaths(part)
        elif part.geom_type == "Polygon":
            for ring in (part.exterior, *part.interiors):
                yield _rounded(ring.coords)[:-1], True
        elif part.geom_type == "LineString":
            yield _rounded(part.coords), False


def _rounded(coordinates: Any) -> list[tuple[int, int]]:
    return [(round(x), round(y)) for x, y in coordinates]


def _subpath(points: list[tuple[int, int]], closed: bool) -> str:  # noqa: FBT001 - one caller
    steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(points) if (ax, ay) != (bx, by)]
    if not points or (closed and len(steps) < 2):
        return ""
    start = f"M{points[0][0]} {points[0][1]}".replace(" -", "-")
    line = "l" + " ".join(f"{x} {y}" for x, y in steps) if steps else ""
    return start + line.replace(" -", "-") + ("z" if closed else "")
