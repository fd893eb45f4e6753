"""Draw Null Harbor, the invented town of the demo clinic, and cut it into vector tiles.

    python clinic/make_basemap.py        # writes clinic/basemap.pmtiles, the same bytes each time

A real clinic needs none of this: it cuts its own town out of a Protomaps build
(``pmtiles extract … --bbox=…``). The layers and properties are those of the
Protomaps basemap schema, version 4 (https://docs.protomaps.com/basemaps/layers),
so that demo and real town are drawn by the same code.

Units: Web Mercator metres east and north of 0° N 0° E. Here on the equator they
are metres on the ground, too.
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import mapbox_vector_tile
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import write
from shapely import (
    LineString,
    MultiPolygon,
    Point,
    Polygon,
    STRtree,
    affinity,
    box,
    line_merge,
    unary_union,
)
from shapely.geometry.base import BaseGeometry

WORLD = 2 * math.pi * 6378137.0  # metres around the equator, the width of zoom 0
ZOOMS = range(10, 16)
REACH = 0.35  # degrees of open sea around 0° N 0° E, a hair less than two tiles of zoom 10
EXTENT = 4096  # units along a tile's edge
BUFFER = 128  # units that a shape goes on beyond the edge, so that no outline shows there

XY = tuple[float, float]


@dataclass(frozen=True)
class Feature:
    """One thing on the map, in ``layer``, shown in tiles from ``zoom`` on."""

    layer: str
    shape: BaseGeometry
    kind: str
    zoom: int = 10
    name: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, Any]:
        named = {"name": self.name, "name:en": self.name} if self.name else {}
        return {"kind": self.kind, "min_zoom": self.zoom, **named, **self.more}


# --- The ground: an island, its harbor, and what grows there -----------------------------

QUAY, TILT = (345.1, 200.4), math.radians(5.5)  # the clinic on Quay Street; the street's angle


def old_town(u: float, v: float) -> XY:
    """``u`` along Quay Street and ``v`` up from it, seen from the clinic's door."""
    c, s = math.cos(TILT), math.sin(TILT)
    return (QUAY[0] + u * c - v * s, QUAY[1] + u * s + v * c)


def rough(points: Sequence[XY], jag: float, rounds: int, seed: int) -> list[XY]:
    """A line through ``points``, broken up again and again the way a coast is."""
    random = Random(seed)  # noqa: S311 - a coast, not a key
    for _ in range(rounds):
        finer: list[XY] = []
        for (ax, ay), (bx, by) in pairwise(points):
            push = jag * (random.random() - 0.5)
            finer += [
                (ax, ay),
                ((ax + bx) / 2 - push * (by - ay), (ay + by) / 2 + push * (bx - ax)),
            ]
        points = [*finer, points[-1]]
    return list(points)


WEST_COAST: list[XY] = [old_town(-595, -38), (-390, 215), (-560, 375), (-700, 590), (-800, 830)]
POINT: list[XY] = [(-930, 900), (-1075, 985), (-1090, 1080), (-1000, 1165), (-940, 1280)]
NORTH_COAST: list[XY] = [
    *[(-990, 1560), (-930, 1900), (-700, 2250), (-330, 2420), (60, 2760), (620, 2900)],
    *[(1180, 2720), (1640, 2410), (2200, 2230), (2560, 1800), (2640, 1290), (2380, 900)],
]
EAST_COAST: list[XY] = [
    *[(2420, 480), (2180, 90), (1900, -230), (1560, -450), (1270, -430), (1090, -200)],
    *[(1000, 40), old_town(560, -38)],
]
ISLAND = Polygon(
    rough([*WEST_COAST, *POINT], 0.42, 4, 3)
    + rough([POINT[-1], *NORTH_COAST, *EAST_COAST], 0.5, 4, 11)
)
MOLES = unary_union(
    [
        LineString([old_town(-585, -30), (-205, -40), (-120, -150), (40, -205)]).buffer(8),
        LineString([(1000, 60), (905, -110), (640, -215), (330, -240)]).buffer(8),
    ]
)
FERRY_PIER = LineString([old_town(-250, -34), old_town(-250, -190)]).buffer(7, cap_style="flat")
JETTIES = unary_union(
    [
        LineString([old_town(u, -34), old_town(u, -120)]).buffer(2.2, cap_style="flat")
        for u in (90, 150, 210, 270)
    ]
)
LAND = unary_union([ISLAND, MOLES, FERRY_PIER])
BEACH = (
    LineString(WEST_COAST[1:]).buffer(75).intersection(ISLAND) - ISLAND.buffer(-24)
).difference(Point(old_town(-595, -38)).buffer(150))
SIGNAL_PARK = (
    Polygon([(-62, 512), (-300, 752), (-190, 862), (-60, 886), (-52, 800), (-38, 640)])
    .buffer(-28)
    .buffer(14)
)
POND = affinity.rotate(Point(-150, 742).buffer(44), 0).simplify(1)
POND = affinity.scale(POND, 1.0, 0.62)
POINT_GREEN = ISLAND & Polygon(
    [(-740, 940), (-650, 1062), (-690, 1290), (-900, 1340), (-1300, 1300), (-1300, 800)]
).buffer(-30).buffer(30)
WEST_COMMON = (
    ISLAND
    & Polygon(
        [(-330, 255), (-480, 440), (-610, 670), (-690, 880), (-900, 860), (-700, 400), (-420, 150)]
    )
    .buffer(-25)
    .buffer(25)
) - BEACH
HILL_PARK = (
    Polygon([(-590, 1060), (-420, 955), (-290, 1080), (-320, 1300), (-570, 1290)])
    .buffer(-55)
    .buffer(39)
)
WOODS = (
    unary_union(
        [
            Polygon(
                rough(
                    [(-860, 1420), (-620, 1330), (-400, 1500), (-520, 1850), (-800, 1900)],
                    0.4,
                    3,
                    5,
                )
            ),
            Polygon(
                rough(
                    [(1250, 1350), (1900, 1250), (2300, 1500), (1850, 2050), (1300, 1900)],
                    0.4,
                    3,
                    6,
                )
            ),
        ]
    )
    .buffer(30)
    .buffer(-30)
)
FIELDS = MultiPolygon(
    [
        Polygon([(180, 1750), (720, 1660), (880, 2250), (300, 2420)]),
        Polygon([(760, 1640), (1160, 1540), (1260, 2080), (920, 2220)]),
        Polygon([(1500, 250), (2050, 420), (1980, 800), (1480, 640)]),
    ]
)
CEMETERY = Polygon([(300, 1240), (560, 1200), (590, 1390), (330, 1420)])
SCHOOL = Polygon([(760, 610), (925, 640), (905, 760), (742, 730)])
MARKET_SQUARE = Polygon(
    [old_town(u, v) for u, v in [(-205, 198), (-118, 198), (-118, 282), (-205, 282)]]
)
QUAYSIDE = Polygon([old_town(u, v) for u, v in [(-595, -38), (560, -38), (560, 0), (-595, 0)]])
BROOK: list[XY] = [
    (1190, 1800),
    (1120, 1450),
    (1190, 1180),
    (1120, 900),
    (1180, 560),
    (1090, 260),
    (1010, 60),
]


def ground() -> Iterator[Feature]:
    sea = box(-REACH, -REACH, REACH, REACH)
    sea = affinity.scale(sea, WORLD / 360, WORLD / 360, origin=(0, 0)).buffer(3000)
    yield Feature("earth", LAND, "earth")
    yield Feature("water", sea - LAND, "ocean")
    yield Feature("water", POND, "lake", 14)
    yield Feature("water", LineString(rough(BROOK, 0.25, 3, 8)), "stream", 13, "Mill Brook")
    yield Feature("landuse", FIELDS, "farmland", 12)
    yield Feature("landuse", WOODS & ISLAND, "wood", 11)
    yield Feature("landuse", POINT_GREEN, "grass", 12)
    yield Feature("landuse", WEST_COMMON, "grass", 13)
    yield Feature("landuse", BEACH, "beach", 12)
    yield Feature("landuse", QUAYSIDE, "pedestrian", 14)
    yield Feature("landuse", MARKET_SQUARE, "pedestrian", 14)
    yield Feature("landuse", SIGNAL_PARK - POND, "park", 12)
    yield Feature("landuse", HILL_PARK, "park", 12)
    yield Feature("landuse", CEMETERY, "cemetery", 13)
    yield Feature("landuse", SCHOOL, "school", 13)
    yield Feature("landuse", unary_union([MOLES, FERRY_PIER, JETTIES]), "pier", 13)
    for name, kind, x, y, zoom in (
        ("Null Harbor", "bay", 560, 70, 14),
        ("Meridian Sea", "sea", -760, 330, 10),
        ("Zero Sound", "bay", 300, -900, 13),
    ):
        yield Feature("water", Point(x, y), kind, zoom, name)


# --- The streets -------------------------------------------------------------------------

Street = tuple[str, str, str, list[XY]]


def streets() -> list[Street]:
    """Name, kind, kind in detail, and course of each."""
    along = old_town

    def quiet(name: str, *course: XY) -> Street:
        return (name, "minor_road", "residential", list(course))

    def straight(name: str, start: XY, end: XY) -> Street:
        return quiet(name, along(*start), along(*end))

    lighthouse_road: list[XY] = [
        *[along(-330, 290), (-545, 985), (-601.1, 1024.1), (-690, 1062), (-905, 1066)],
    ]
    return [
        ("Quay Street", "major_road", "secondary", [along(-575, 0), along(545, 0)]),
        ("Coast Road", "major_road", "secondary", [
            *[along(545, 0), (1010, 330), (1240, 300), (1560, 20), (1880, 120), (2180, 520)],
            *[(2170, 900), (2370, 1290), (2280, 1720), (1960, 2080), (1420, 2300), (800, 2580)],
            *[(180, 2520), (0, 2300)],
        ]),
        ("Meridian Avenue", "major_road", "primary", [
            *[along(-330, 0), along(-330, 500), (-40, 900), (0, 1200), (0, 2300)],
        ]),
        ("Market Street", "major_road", "tertiary", [along(-500, 190), along(560, 190)]),
        ("Mill Road", "major_road", "tertiary", [
            *[along(560, 190), (1130, 640), (1560, 900), (2170, 900)],
        ]),
        ("Lighthouse Road", "major_road", "tertiary", lighthouse_road),
        straight("Chandler Street", (-330, 95), (500, 95)),
        straight("Compass Street", (-330, 290), (560, 290)),
        straight("Almond Street", (-330, 390), (450, 390)),
        straight("Orchard Street", (-330, 500), (310, 500)),
        straight("Lantern Lane", (40, 0), (40, 500)),
        straight("Anchor Lane", (-110, 0), (-110, 390)),
        straight("Ropewalk", (-220, 0), (-220, 190)),
        straight("Custom House Lane", (175, 0), (175, 290)),
        straight("Sailmaker Street", (310, 0), (310, 500)),
        straight("Gull Lane", (450, 0), (450, 390)),
        straight("Tern Lane", (-430, 0), (-430, 190)),
        straight("Net Lane", (-500, 0), (-500, 190)),
        quiet("Kelp Street", along(-500, 190), (-330, 480), (-560, 700), (-660, 870)),
        quiet("Spyglass Lane", (-140, 583), (-330, 480)),
        quiet("Plover Lane", (-345, 786), (-500, 640)),
        quiet("Beacon Street", (-480, 921), (-620, 790)),
        quiet("Chart Street", (-245, 688), (-445, 590)),
        quiet("Juniper Street", (-300, 743), (-190, 880), (-40, 900)),
        quiet("Laurel Street", (-445, 886), (-250, 1060), (0, 1130)),
        quiet("Hillcrest Road", (-601.1, 1024.1), (-600, 1280), (-400, 1420), (0, 1480)),
        quiet("Heather Street", (-40, 900), (340, 830), (620, 800), along(560, 290)),
        quiet("Beech Street", (-18, 1015), (365, 945), (690, 890)),
        quiet("Hazel Street", (160, 865), (205, 1093), (230, 1300), (0, 1340)),
        quiet("Fern Street", (0, 1130), (380, 1060), (760, 980), (1130, 640)),
        quiet("Willow Street", along(40, 500), (340, 830), (380, 1060), (410, 1240)),
        quiet("Alder Street", (620, 800), (760, 980), (880, 1180)),
        quiet("Rowan Street", (410, 1200), (640, 1170), (880, 1180), (1000, 1000)),
        quiet("Cooper Street", along(560, 190), (905, 560), (960, 700), (944, 800)),
        quiet("Equator Road", (1560, 20), (1320, -60), (1250, -250), (1420, -330)),
        quiet("Kestrel Road", (0, 1480), (420, 1480), (900, 1460), (1150, 1560)),
        ("Pier Approach", "other", "service", [along(-250, 0), along(-250, -180)]),
        ("West Beach Walk", "path", "footway", [
            *[along(-575, 0), (-375, 250), (-535, 405), (-668, 615), (-770, 850), (-900, 950)],
            *[(-1000, 1040), (-905, 1066)],
        ]),
        ("", "path", "footway", [(-62, 540), (-160, 690), (-230, 760), (-120, 860)]),
        ("", "path", "footway", [(-270, 715), (-190, 700), (-60, 700)]),
        ("", "path", "footway", [
            *[(-560, 1050), (-440, 1120), (-350, 1250), (-480, 1265), (-600, 1200)],
        ]),
        ("Ferry line A", "ferry", "ferry", [
            *[along(-250, -190), (170, -150), (190, -420), (60, -2500), (-300, -9000)],
        ]),
    ]  # fmt: skip


ROAD_ZOOMS = {"major_road": 11, "minor_road": 13, "other": 14, "path": 14, "ferry": 11}
WIDTHS = {"major_road": 13.0, "minor_road": 10.0, "other": 6.0, "path": 4.0, "ferry": 0.0}


def roads() -> Iterator[Feature]:
    for name, kind, detail, course in streets():
        more = {"kind_detail": detail, "sort_rank": 400 - 10 * ROAD_ZOOMS[kind]}
        yield Feature("roads", LineString(course), kind, ROAD_ZOOMS[kind], name, more)


# --- The houses --------------------------------------------------------------------------


def houses() -> list[Polygon]:
    """Rows of houses on both sides of each street, thinner away from the old town."""
    random = Random(1)  # noqa: S311 - houses, not keys
    lines = [(LineString(course), kind) for _, kind, _, course in streets()]
    keep_free = unary_union(
        [line.buffer(WIDTHS[kind] / 2 + 1.5) for line, kind in lines]
        + [SIGNAL_PARK, HILL_PARK, POND, BEACH, POINT_GREEN, WEST_COMMON, CEMETERY, SCHOOL]
        + [MARKET_SQUARE, QUAYSIDE]
        + [WOODS, FIELDS, ISLAND.boundary.buffer(18), LineString(BROOK).buffer(14)]
    )  # fmt: skip
    built: list[Polygon] = []
    for line, kind in lines:
        if kind not in ("major_road", "minor_road"):
            continue
        for side in (1, -1):
            built += _row(line, side, WIDTHS[kind] / 2, random)
    built = [house for house in built if ISLAND.contains(house)]
    return _apart([house for house in built if not keep_free.intersects(house)])


def _row(line: LineString, side: int, edge: float, random: Random) -> Iterator[Polygon]:
    at: float = 6
    while at < line.length - 6:
        spot, ahead = line.interpolate(at), line.interpolate(at + 1)
        out = math.hypot(spot.x - 150, spot.y - 350)  # metres from the middle of the old town
        loose = min(max((out - 450) / 700, 0), 1)
        width, depth = random.uniform(12, 26) - 8 * loose, random.uniform(13, 20) - 6 * loose
        gap = random.choice((0.6, 0.6, 3, 6)) + loose * random.uniform(8, 26)
        set_back = edge + 4 + loose * random.uniform(2, 8) + depth / 2
        if random.random() > 0.12 + 0.2 * (out > 1500):
            angle = math.atan2(ahead.y - spot.y, ahead.x - spot.x)
            house = affinity.rotate(
                _plan(width, depth, random), angle, origin=(0, 0), use_radians=True
            )
            yield affinity.translate(
                house,
                spot.x - side * set_back * math.sin(angle),
                spot.y + side * set_back * math.cos(angle),
            )
        at += width + gap


def _plan(width: float, depth: float, random: Random) -> Polygon:
    """The ground plan of one house: a plain one, or one with a wing."""
    w, d = width / 2, depth / 2
    plain: list[XY] = [(-w, -d), (w, -d), (w, d), (-w, d)]
    if random.random() < 0.65:
        return Polygon(plain)
    wing = random.uniform(-0.3, 0.4) * w
    return Polygon([(-w, -d), (w, -d), (w, d), (wing, d), (wing, d * 0.35), (-w, d * 0.35)])


def _apart(built: Sequence[Polygon]) -> list[Polygon]:
    """``built`` without those that stand on an earlier one."""
    tree, kept = STRtree(built), list[Polygon]()
    gone: set[int] = set()
    for index, house in enumerate(built):
        if index in gone:
            continue
        kept.append(house)
        gone.update(int(other) for other in tree.query(house, "intersects") if other > index)
    return kept


SHEDS = [  # the ferry terminal, the fish hall, the lighthouse, the school, the town hall
    Polygon([old_town(u, v) for u, v in [(-240, -34), (-212, -34), (-212, -14), (-240, -14)]]),
    Polygon([old_town(u, v) for u, v in [(330, -36), (420, -36), (420, -14), (330, -14)]]),
    Point(-925, 1066).buffer(9),
    Polygon([(775, 640), (880, 660), (876, 684), (800, 670), (792, 712), (764, 706)]),
]


def buildings() -> Iterator[Feature]:
    for house in [*houses(), *SHEDS]:
        yield Feature("buildings", house, "building", 14, more={"height": 8})


def names() -> Iterator[Feature]:
    town = {"kind_detail": "town", "population": 4200, "population_rank": 6}
    yield Feature("places", Point(430, 730), "locality", 10, "Null Harbor", town)
    for name, spot in (
        ("Old Harbor", (560, 360)),
        ("Lighthouse Hill", (-240, 1180)),
        ("Eastside", (1060, 860)),
        ("Point Zero", (1450, -180)),
    ):
        yield Feature("places", Point(spot), "neighbourhood", 13, name)
    pier = old_town(-250, -150)
    for name, kind, at in (
        ("Null Harbor Light", "lighthouse", (-925.0, 1066.0)),
        ("Null Harbor Pier", "ferry_terminal", pier),
        ("Signal Park", "park", (-108.0, 815.0)),
        ("Hill Park", "park", (-440.0, 1215.0)),
        ("Market Square", "marketplace", MARKET_SQUARE.centroid.coords[0]),
        ("Harbor School", "school", (834.0, 700.0)),
        ("Lighthouse Hill", "bus_stop", (-628.0, 1046.0)),
        ("West Beach", "beach", (-600.0, 560.0)),
    ):
        yield Feature("pois", Point(at), kind, 14, name)


# --- Tiles -------------------------------------------------------------------------------


def cut(features: Sequence[Feature]) -> Iterator[tuple[int, bytes]]:
    """Each tile's PMTiles id with its gzipped contents, in the order of the ids."""
    tree = STRtree([one.shape for one in features])
    busy = unary_union([one.shape for one in features if one.kind != "ocean"]).envelope
    open_sea = b""
    for zoom in ZOOMS:
        middle, side = 1 << (zoom - 1), WORLD / (1 << zoom)
        near = range(math.floor(-REACH / 360 * 2 * middle), math.ceil(REACH / 360 * 2 * middle))
        tiles = sorted(
            (zxy_to_tileid(zoom, middle + x, middle - 1 - y), x, y) for x in near for y in near
        )
        for number, x, y in tiles:
            tile = box(x * side, y * side, (x + 1) * side, (y + 1) * side)
            frame = tile.buffer(BUFFER * side / EXTENT, join_style="mitre")
            if frame.intersects(busy):
                yield number, _tile(features, tree, zoom, tile, frame)
            else:  # the same bytes for all, so they are stored once
                open_sea = open_sea or _tile(features, tree, zoom, tile, frame)
                yield number, open_sea


def _tile(
    features: Sequence[Feature], tree: STRtree, zoom: int, tile: Polygon, frame: Polygon
) -> bytes:
    unit = (tile.bounds[2] - tile.bounds[0]) / EXTENT
    layers: dict[str, list[dict[str, Any]]] = {}
    for index in sorted(tree.query(frame)):
        one = features[index]
        shape = _clip(one.shape, frame, tile, unit)
        if one.zoom <= zoom and not shape.is_empty:
            found = {"geometry": shape, "properties": one.properties}
            layers.setdefault(one.layer, []).append(found)
    encoded = mapbox_vector_tile.encode(
        [{"name": name, "features": found} for name, found in layers.items()],
        default_options={"quantize_bounds": tile.bounds, "extents": EXTENT},
    )
    return gzip.compress(encoded, 9, mtime=0)


def _clip(shape: BaseGeometry, frame: Polygon, tile: Polygon, unit: float) -> BaseGeometry:
    """The part of ``shape`` for one tile: a point belongs to one tile only, for its label."""
    if isinstance(shape, Point):
        return shape if tile.contains(shape) else Point()
    part = shape.simplify(unit).intersection(frame)
    return line_merge(part) if "LineString" in part.geom_type else part


def main(file: Path) -> None:
    features = [*ground(), *roads(), *buildings(), *names()]
    header = {
        "tile_compression": Compression.GZIP,
        "tile_type": TileType.MVT,
        **{f"min_{axis}_e7": round(-REACH * 1e7) for axis in ("lon", "lat")},
        **{f"max_{axis}_e7": round(REACH * 1e7) for axis in ("lon", "lat")},
        "center_zoom": 15,
        "center_lon_e7": 0,
        "center_lat_e7": 50000,
    }
    metadata = {
        "name": "Null Harbor",
        "description": "An invented town for the demo clinic, in the Protomaps basemap schema",
        "version": "4.0.0",
        "type": "baselayer",
        "attribution": "Invented town",
        "vector_layers": list(_described(features)),
    }
    with write(str(file)) as tiles:
        for number, packed in cut(features):
            tiles.write_tile(number, packed)
        tiles.finalize(header, metadata)
    print(f"{file}: {len(features)} features, {file.stat().st_size:,} bytes")


def _described(features: Iterable[Feature]) -> Iterator[dict[str, Any]]:
    """What the format wants said of each layer: its name, its fields, its zooms."""
    fields: dict[str, dict[str, str]] = {}
    for one in features:
        for key, value in one.properties.items():
            told = "String" if isinstance(value, str) else "Number"
            fields.setdefault(one.layer, {})[key] = told
    for name, known in fields.items():
        yield {"id": name, "fields": known, "minzoom": ZOOMS[0], "maxzoom": ZOOMS[-1]}


if __name__ == "__main__":
    main(Path(__file__).with_name("basemap.pmtiles"))
