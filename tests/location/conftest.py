"""Fixtures for maps: the demo basemap, built maps, and sites of other clinics."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import write
from werkzeug.serving import make_server

from app import create_app
from app.clinic import Clinic
from app.location.map_cache import MapSource
from app.location.markers import Marker, location_markers
from app.location.pmtiles_reader import PMTilesReader
from app.services import get_services
from tests.support.settings import settings_for

CLOSED = re.compile(r"closed = \[.*?^\]", re.DOTALL | re.MULTILINE)
MALICIOUS = "${alert(1)}`</script><img src=x onerror=alert(2)>\"'&"


@pytest.fixture(scope="session")
def basemap_file(clinic_dir: Path) -> Path:
    return clinic_dir / "basemap.pmtiles"


@pytest.fixture(scope="session")
def basemap(basemap_file: Path) -> Iterator[PMTilesReader]:
    reader = PMTilesReader(basemap_file)
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def clinic_markers(clinic: Clinic) -> tuple[Marker, ...]:
    return location_markers(clinic.locations)


@pytest.fixture(scope="session")
def source(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader, basemap_file: Path
) -> MapSource:
    return MapSource(
        markers=clinic_markers,
        basemap=basemap_file,
        basemap_version=basemap.metadata.version,
        tiles_url="",
        attribution=basemap.metadata.attribution,
    )


@pytest.fixture
def map_app(app: Flask) -> Flask:
    """The site, with the maps already built."""
    assert get_services(app).clinic_map.cache.get("map.js")
    return app


@pytest.fixture
def other_clinic(clinic_dir: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy and change the demo clinic's folder: ``other_clinic(basemap=False, name="…")``.

    ``closed`` maps dates (``YYYY-MM-DD``) to reasons and replaces those of the demo.
    """

    def make(
        *, basemap: bool = True, name: str = "Quay Street", closed: Mapping[str, str] | None = None
    ) -> Path:
        folder = tmp_path / "clinic"
        shutil.copytree(clinic_dir, folder)
        file = folder / "clinic.toml"
        text = file.read_text().replace('name = "Quay Street"', f"name = {json.dumps(name)}")
        if closed is not None:
            days = (
                f"{{ date = {day}, reason = {json.dumps(why)} }}" for day, why in closed.items()
            )
            text = CLOSED.sub(f"closed = [{', '.join(days)}]", text)
        file.write_text(text)
        if not basemap:
            (folder / "basemap.pmtiles").unlink()
        return folder

    return make


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve ``app`` during the block, which gets its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def site_without_basemap(
    clinic_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of the demo clinic's site without its basemap."""
    folder = tmp_path_factory.mktemp("site-without-basemap")
    shutil.copytree(clinic_dir, folder / "clinic", ignore=shutil.ignore_patterns("*.pmtiles"))
    with serving(create_app(settings_for(folder, CLINIC_DIR=str(folder / "clinic")))) as url:
        yield url


def write_basemap(
    file: Path,
    tiles: dict[tuple[int, int, int], bytes],
    tile_type: TileType = TileType.MVT,
    compression: Compression = Compression.GZIP,
    attribution: str = "Somebody",
) -> Path:
    """Write a PMTiles file of ``tiles`` (z, x, y) within a degree of 0, 0."""
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
        writer.finalize(header, {"attribution": attribution})
    return file
