"""Vector tiles to SVG: the areas, buildings, streams and streets of the static map.

Layers and kinds are those of the Protomaps basemap schema, version 4
(https://docs.protomaps.com/basemaps/layers).
"""

import gzip
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mapbox_vector_tile
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from shapely import (
    Polygon,
    force_2d,
    get_dimensions,
    get_parts,
    get_rings,
    line_merge,
    make_valid,
    remove_repeated_points,
    unary_union,
)
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.location.map_colors import MapColors
from app.location.pmtiles_reader import PMTilesReader
from app.location.viewport import FRAME, Viewport

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
class Feature:
    """Something on the map. ``geometry`` is in units of the image."""

    layer: str
    kind: str
    name: str
    geometry: BaseGeometry

    @property
    def dimensions(self) -> int:
        """0 for points, 1 for lines, 2 for areas."""
        return int(get_dimensions(self.geometry))


def load_features(viewport: Viewport, basemap: PMTilesReader) -> list[Feature]:
    """Everything inside ``viewport``."""
    zoom = round(-math.log2(viewport.unit * 1024))  # a tile is about 1024 units wide
    zoom = min(max(zoom, basemap.metadata.min_zoom), basemap.metadata.max_zoom)
    tile_count = 1 << zoom
    size = 1 / tile_count / viewport.unit
    left, top = viewport.left * tile_count, viewport.top * tile_count
    frame = FRAME.buffer(MARGIN, join_style="mitre")
    columns, rows = frame.bounds[2] / size, frame.bounds[3] / size
    features: list[Feature] = []
    for x in range(math.floor(left), math.floor(left + columns) + 1):
        for y in range(math.floor(top), math.floor(top + rows) + 1):
            if tile := basemap.tile(zoom, x % tile_count, y) if y >= 0 else None:
                corner = ((x - left) * size, (y - top) * size)
                features += _decode(tile, corner, size / EXTENT, frame)
    return features


def _decode(
    tile: bytes, corner: tuple[float, float], scale: float, frame: Polygon
) -> Iterator[Feature]:
    """The features of a gzipped tile inside ``frame``."""
    options = {
        "y_coord_down": True,
        "transformer": lambda x, y: (corner[0] + x * scale, corner[1] + y * scale),
    }
    layers = mapbox_vector_tile.decode(gzip.decompress(tile), default_options=options)
    for layer, contents in layers.items():
        for feature in contents["features"]:
            properties, geometry = feature["properties"], shape(feature["geometry"])
            # Rounding to whole units can make an outline cross itself.
            if "Polygon" in geometry.geom_type:
                geometry = make_valid(geometry)
            visible = geometry.intersection(frame)
            if not visible.is_empty:
                name = properties.get("name:en") or properties.get("name") or ""
                yield Feature(layer, str(properties.get("kind", "")), str(name), visible)


def read_properties(tile: bytes) -> dict[str, list[dict[str, Any]]]:
    """The properties of all features of a gzipped tile, by layer. Raises ValueError."""
    try:
        layers = mapbox_vector_tile.decode(gzip.decompress(tile))
    except (OSError, EOFError, zlib.error, DecodeError) as error:
        raise ValueError(f"not a vector tile ({type(error).__name__})") from None
    return {
        layer: [feature["properties"] for feature in contents["features"]]
        for layer, contents in layers.items()
    }


def _union(
    features: Iterable[Feature],
    dimensions: int,
    layer: str,
    kinds: frozenset[str] = frozenset(),
) -> BaseGeometry:
    """The union of the features of ``layer``, and of ``kinds`` if there are any."""
    return unary_union(
        [
            feature.geometry
            for feature in features
            if (feature.layer, feature.dimensions) == (layer, dimensions)
            and (not kinds or feature.kind in kinds)
        ]
    )


def render_features(features: Sequence[Feature], colors: MapColors) -> Iterator[str]:
    """SVG elements of the areas and lines, from bottom to top."""
    for layer, kinds, color in AREAS:
        if data := path_data(_union(features, 2, layer, kinds)):
            edge = f' stroke="{colors["building_edge"]}"' if color == "building" else ""
            yield f'<path fill="{colors[color]}"{edge} d="{data}"/>'
        if layer == "water":
            yield from _line(_union(features, 1, layer), colors["water"], 5)
    roads = [
        (line_merge(_union(features, 1, "roads", kinds)), width, dashes, colors[color], casing)
        for kinds, width, dashes, color, casing in ROADS
    ]
    # All casings lie under all roads, so that crossings are open.
    for lines, width, _, _, casing in roads:
        if casing:
            yield from _line(lines, colors[casing], width + 4)
    for lines, width, dashes, color, _ in roads:
        yield from _line(lines, color, width, dashes)


def _line(lines: BaseGeometry, color: str, width: int, dashes: str = "") -> Iterator[str]:
    if not lines.is_empty:
        dash = f' stroke-dasharray="{dashes}"' if dashes else ' stroke-linecap="round"'
        yield (
            f'<path fill="none" stroke="{color}" stroke-width="{width}" '
            f'stroke-linejoin="round"{dash} d="{path_data(lines)}"/>'
        )


def path_data(geometry: BaseGeometry) -> str:
    """The ``d`` attribute of a path, in whole units relative to the previous point."""
    flat = remove_repeated_points(force_2d(geometry.simplify(0.8)))
    parts = get_parts(get_parts(flat))  # twice, because a collection can contain collections
    rings, lines = get_rings(parts), parts[get_dimensions(parts) == 1]
    return "".join([*(_subpath(ring, "z") for ring in rings), *(_subpath(line) for line in lines)])


def _subpath(line: BaseGeometry, end: str = "") -> str:
    points = [(round(x), round(y)) for x, y in line.coords][: -1 if end else None]
    steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(points) if (ax, ay) != (bx, by)]
    if end and len(steps) < 2:
        return ""
    start = f"M{points[0][0]} {points[0][1]}"
    path = "l" + " ".join(f"{x} {y}" for x, y in steps) if steps else ""
    return (start + path).replace(" -", "-") + end
