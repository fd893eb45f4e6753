"""The basemap of the demo clinic's invented town, and the script that builds it."""

import gzip
import importlib.util
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pytest
from pmtiles.reader import MmapSource, all_tiles
from shapely import Point, unary_union
from shapely.geometry import shape

from app.location.markers import Marker
from app.location.pmtiles_reader import PMTilesReader
from app.location.viewport import mercator

STREETS = {"quay": "Quay Street", "hill": "Lighthouse Road"}


def contents(basemap: PMTilesReader, *at: int) -> dict[str, Any]:
    tile = basemap.tile(*at)
    assert tile is not None
    decoded: dict[str, Any] = mapbox_vector_tile.decode(
        gzip.decompress(tile), default_options={"y_coord_down": True}
    )
    return decoded


@pytest.mark.parametrize("key", STREETS)
def test_each_marker_is_on_its_street(
    basemap: PMTilesReader, clinic_markers: tuple[Marker, ...], key: str
) -> None:
    marker = next(marker for marker in clinic_markers if marker.key == key)
    x, y = (part * 2**15 for part in mercator(marker.latitude, marker.longitude))
    roads = contents(basemap, 15, int(x), int(y))["roads"]["features"]
    street = unary_union(
        [
            shape(road["geometry"])
            for road in roads
            if road["properties"].get("name") == STREETS[key]
        ]
    )
    meters_per_unit = 40_075_016.7 / 2**15 / 4096
    assert street.distance(Point(x % 1 * 4096, y % 1 * 4096)) * meters_per_unit < 3


def test_basemap_has_every_place_named_in_the_directions(basemap: PMTilesReader) -> None:
    names = {
        feature["properties"].get("name")
        for x in (16382, 16383, 16384, 16385)
        for y in (16382, 16383, 16384)
        for layer in contents(basemap, 15, x, y).values()
        for feature in layer["features"]
    }
    assert names >= {"Quay Street", "Lantern Lane", "Lighthouse Road", "Null Harbor Light"}
    assert names >= {"Null Harbor Pier", "Ferry line A", "Signal Park", "Null Harbor"}


def test_layers_follow_the_protomaps_schema(basemap: PMTilesReader) -> None:
    layers = contents(basemap, 15, 16384, 16383)
    assert set(layers) <= {"earth", "water", "landuse", "roads", "buildings", "places", "pois"}
    for layer in layers.values():
        assert all("kind" in feature["properties"] for feature in layer["features"])


def test_file_is_small_and_attributed_to_an_invented_town(
    basemap: PMTilesReader, basemap_file: Path
) -> None:
    assert basemap_file.stat().st_size < 120_000
    assert basemap.metadata.attribution == "Invented town"
    assert (basemap.metadata.min_zoom, basemap.metadata.max_zoom) == (10, 15)


# The tile encoder uses a deprecated function of shapely.
@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_script_reproduces_the_file(clinic_dir: Path, basemap_file: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_basemap", clinic_dir / "make_basemap.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    rebuilt = tmp_path / "basemap.pmtiles"
    script.main(rebuilt)
    # Compared uncompressed: another zlib may compress the same tiles to other bytes.
    assert _tiles(rebuilt) == _tiles(basemap_file)


def _tiles(file: Path) -> dict[tuple[int, int, int], bytes]:
    with file.open("rb") as opened:
        tiles: Any = all_tiles(MmapSource(opened))  # type: ignore[no-untyped-call]
        return {at: gzip.decompress(tile) for at, tile in tiles}
