"""The invented town: what is in it, and that the script still makes this very file."""

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
    packed = basemap.tile(*at)
    assert packed is not None
    decoded: dict[str, Any] = mapbox_vector_tile.decode(
        gzip.decompress(packed), default_options={"y_coord_down": True}
    )
    return decoded


@pytest.mark.parametrize("key", STREETS)
def test_each_pin_stands_on_its_own_street(
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
    metres = 40_075_016.7 / 2**15 / 4096
    assert street.distance(Point(x % 1 * 4096, y % 1 * 4096)) * metres < 3


def test_the_town_has_what_the_directions_speak_of(basemap: PMTilesReader) -> None:
    names = {
        feature["properties"].get("name")
        for x in (16382, 16383, 16384, 16385)
        for y in (16382, 16383, 16384)
        for layer in contents(basemap, 15, x, y).values()
        for feature in layer["features"]
    }
    assert names >= {"Quay Street", "Lantern Lane", "Lighthouse Road", "Null Harbor Light"}
    assert names >= {"Null Harbor Pier", "Ferry line A", "Signal Park", "Null Harbor"}


def test_its_layers_are_those_of_the_protomaps_schema(basemap: PMTilesReader) -> None:
    layers = contents(basemap, 15, 16384, 16383)
    assert set(layers) <= {"earth", "water", "landuse", "roads", "buildings", "places", "pois"}
    for layer in layers.values():
        assert all("kind" in feature["properties"] for feature in layer["features"])


def test_the_file_is_small_and_says_that_it_is_invented(
    basemap: PMTilesReader, basemap_file: Path
) -> None:
    assert basemap_file.stat().st_size < 120_000
    assert basemap.metadata.attribution == "Invented town"
    assert (basemap.metadata.min_zoom, basemap.metadata.max_zoom) == (10, 15)


# The tile encoder calls an older name of a function of shapely's.
@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_the_script_makes_this_very_map(
    clinic_dir: Path, basemap_file: Path, tmp_path: Path
) -> None:
    spec = importlib.util.spec_from_file_location("make_basemap", clinic_dir / "make_basemap.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    again = tmp_path / "basemap.pmtiles"
    script.main(again)
    # Tile by tile, unpacked: another zlib may pack the same tiles into other bytes.
    assert _tiles(again) == _tiles(basemap_file)


def _tiles(file: Path) -> dict[tuple[int, int, int], bytes]:
    with file.open("rb") as opened:
        found: Any = all_tiles(MmapSource(opened))  # type: ignore[no-untyped-call]
        return {at: gzip.decompress(packed) for at, packed in found}
