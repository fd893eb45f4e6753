"""Tiles out of one PMTiles file, and what is said when the file is not right."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import write

from app.clinic import ClinicError
from app.location.pmtiles_reader import PMTilesReader

TOWN = (15, 16384, 16383)  # north and east of 0, 0


def write_basemap(
    file: Path,
    tiles: dict[tuple[int, int, int], bytes],
    tile_type: TileType = TileType.MVT,
    compression: Compression = Compression.GZIP,
) -> Path:
    """A PMTiles file of ``tiles`` (z, x, y), a degree around 0, 0."""
    header = {
        "tile_type": tile_type,
        "tile_compression": compression,
        "min_lon_e7": -10_000_000,
        "min_lat_e7": -10_000_000,
        "max_lon_e7": 10_000_000,
        "max_lat_e7": 10_000_000,
    }
    with write(str(file)) as writer:
        for at in sorted(tiles, key=lambda at: zxy_to_tileid(*at)):
            writer.write_tile(zxy_to_tileid(*at), tiles[at])
        writer.finalize(header, {"attribution": "Somebody"})
    return file


def test_a_tile_comes_as_it_is_stored(basemap: PMTilesReader) -> None:
    packed = basemap.tile(*TOWN)
    assert packed is not None
    assert b"Quay Street" in gzip.decompress(packed)


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
def test_where_the_file_has_nothing_there_is_no_tile(
    basemap: PMTilesReader, z: int, x: int, y: int
) -> None:
    assert basemap.tile(z, x, y) is None


def test_many_threads_read_the_same_bytes(basemap: PMTilesReader) -> None:
    places = [(15, x, y) for x in range(16380, 16388) for y in range(16380, 16388)] * 4
    alone = [basemap.tile(*at) for at in places]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda at: basemap.tile(*at), places)) == alone


def test_tiles_stored_plain_are_served_gzipped(tmp_path: Path) -> None:
    file = write_basemap(tmp_path / "plain", {(3, 4, 4): b"plain"}, compression=Compression.NONE)
    packed = PMTilesReader(file).tile(3, 4, 4)
    assert packed is not None
    assert gzip.decompress(packed) == b"plain"


def test_directories_in_several_levels_are_followed(tmp_path: Path) -> None:
    # So many separate entries that the root directory must point to others.
    places = [(9, x, y) for x in range(150) for y in range(150)]
    tiles = {(z, x, y): f"{x} {y}".encode() * (1 + (x * y) % 7) for z, x, y in places}
    opened = PMTilesReader(write_basemap(tmp_path / "large", tiles, compression=Compression.NONE))
    for at in [(9, 0, 0), (9, 77, 140), (9, 149, 149)]:
        packed = opened.tile(*at)
        assert packed is not None
        assert gzip.decompress(packed) == tiles[at]


def test_pictures_instead_of_vector_tiles_are_refused_by_name(tmp_path: Path) -> None:
    file = write_basemap(tmp_path / "raster.pmtiles", {(0, 0, 0): b"png"}, TileType.PNG)
    with pytest.raises(ClinicError, match=r"raster\.pmtiles.*contains PNG tiles"):
        PMTilesReader(file)


def test_a_packing_that_browsers_cannot_read_is_refused(tmp_path: Path) -> None:
    file = write_basemap(tmp_path / "zstd", {(0, 0, 0): b"z"}, compression=Compression.ZSTD)
    with pytest.raises(ClinicError, match="ZSTD"):
        PMTilesReader(file)


@pytest.mark.parametrize("length", [0, 5, 60, 127, 500, 40_000, -1])
def test_a_file_cut_short_is_refused_at_the_start(
    tmp_path: Path, basemap_file: Path, length: int
) -> None:
    file = tmp_path / "half.pmtiles"
    file.write_bytes(basemap_file.read_bytes()[:length])
    with pytest.raises(ClinicError, match=re.escape(str(file))):
        PMTilesReader(file)


def test_something_else_under_that_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "basemap.pmtiles"
    file.write_bytes(b"<!doctype html>" * 100)
    with pytest.raises(ClinicError, match=re.escape(str(file))):
        PMTilesReader(file)


def test_a_folder_under_that_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClinicError, match=re.escape(str(tmp_path))):
        PMTilesReader(tmp_path)


def test_a_file_cut_short_later_gives_an_error_not_a_crash(
    tmp_path: Path, basemap_file: Path
) -> None:
    file = tmp_path / "basemap.pmtiles"
    file.write_bytes(basemap_file.read_bytes())
    opened = PMTilesReader(file)
    with file.open("r+b") as changed:
        changed.truncate(3000)
    with pytest.raises(OSError, match="truncated"):
        opened.tile(*TOWN)
