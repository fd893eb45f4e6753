"""Tiles from a PMTiles file, and errors for invalid files."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pmtiles.tile import Compression, TileType

from app.clinic import ClinicError
from app.location.pmtiles_reader import PMTilesReader
from tests.location.conftest import write_basemap

TOWN = (15, 16384, 16383)  # north and east of 0, 0


def test_tile_is_returned_as_stored(basemap: PMTilesReader) -> None:
    tile = basemap.tile(*TOWN)
    assert tile is not None
    assert b"Quay Street" in gzip.decompress(tile)


@pytest.mark.parametrize(
    ("z", "x", "y"),
    [
        (9, 256, 255),  # below the file's zooms
        (16, 32768, 32767),  # above them
        (15, 0, 0),  # far from the town
        (12, 4096, 0),  # no such tile in the world
        (40, 1, 1),
        (15, 10**30, 3),
    ],
)
def test_missing_tile_is_none(basemap: PMTilesReader, z: int, x: int, y: int) -> None:
    assert basemap.tile(z, x, y) is None


def test_threads_read_the_same_bytes(basemap: PMTilesReader) -> None:
    places = [(15, x, y) for x in range(16380, 16388) for y in range(16380, 16388)] * 4
    expected = [basemap.tile(*at) for at in places]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda at: basemap.tile(*at), places)) == expected


def test_nested_directories_are_followed(tmp_path: Path) -> None:
    # So many entries that the root directory must point to others.
    places = [(9, x, y) for x in range(150) for y in range(150)]
    tiles = {(z, x, y): f"{x} {y}".encode() * (1 + (x * y) % 7) for z, x, y in places}
    reader = PMTilesReader(write_basemap(tmp_path / "large", tiles))
    for at in [(9, 0, 0), (9, 77, 140), (9, 149, 149)]:
        assert reader.tile(*at) == tiles[at]


def test_raster_tiles_are_rejected(tmp_path: Path) -> None:
    file = write_basemap(tmp_path / "raster.pmtiles", {(0, 0, 0): b"png"}, TileType.PNG)
    with pytest.raises(ClinicError, match=r"raster\.pmtiles.*contains PNG tiles"):
        PMTilesReader(file)


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.ZSTD])
def test_compression_other_than_gzip_is_rejected(tmp_path: Path, compression: Compression) -> None:
    file = write_basemap(tmp_path / "other", {(0, 0, 0): b"z"}, compression=compression)
    with pytest.raises(ClinicError, match=compression.name):
        PMTilesReader(file)


@pytest.mark.parametrize("length", [0, 5, 60, 127, 500, 40_000, -1])
def test_truncated_file_is_rejected(tmp_path: Path, basemap_file: Path, length: int) -> None:
    file = tmp_path / "half.pmtiles"
    file.write_bytes(basemap_file.read_bytes()[:length])
    with pytest.raises(ClinicError, match=re.escape(str(file))):
        PMTilesReader(file)


def test_file_of_another_format_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "basemap.pmtiles"
    file.write_bytes(b"<!doctype html>" * 100)
    with pytest.raises(ClinicError, match=re.escape(str(file))):
        PMTilesReader(file)


def test_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ClinicError, match=re.escape(str(tmp_path))):
        PMTilesReader(tmp_path)


def test_file_truncated_later_raises_an_error(tmp_path: Path, basemap_file: Path) -> None:
    file = tmp_path / "basemap.pmtiles"
    file.write_bytes(basemap_file.read_bytes())
    reader = PMTilesReader(file)
    with file.open("r+b") as changed:
        changed.truncate(3000)
    with pytest.raises(OSError, match="truncated"):
        reader.tile(*TOWN)
