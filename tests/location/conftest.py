"""What the tests of the map share: the demo's basemap, finished maps, other clinics' sites."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from app.clinic import Clinic
from app.location.map_cache import MapCache, MapSource
from app.location.markers import Marker, location_markers
from app.location.pmtiles_reader import PMTilesReader

CLOSED = re.compile(r"closed = \[.*?^\]", re.DOTALL | re.MULTILINE)
NASTY = "${alert(1)}`</script><img src=x onerror=alert(2)>\"'&"


@pytest.fixture(scope="session")
def basemap_file(clinic_dir: Path) -> Path:
    return clinic_dir / "basemap.pmtiles"


@pytest.fixture(scope="session")
def basemap(basemap_file: Path) -> Iterator[PMTilesReader]:
    opened = PMTilesReader(basemap_file)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def clinic_markers(clinic: Clinic) -> tuple[Marker, ...]:
    return location_markers(clinic.locations)


@pytest.fixture(scope="session")
def source(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader, basemap_file: Path
) -> MapSource:
    return MapSource(
        markers=clinic_markers,
        basemap=str(basemap_file),
        metadata=basemap.metadata,
        tiles_url="",
        attribution=basemap.metadata.attribution,
    )


@pytest.fixture(scope="session")
def finished(source: MapSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that holds the demo's finished maps."""
    folder = tmp_path_factory.mktemp("finished-maps")
    assert MapCache(source, folder).get("map.js")
    return folder


@pytest.fixture
def map_app(make_app: Callable[..., Flask], finished: Path, tmp_path: Path) -> Flask:
    """The site, with the maps made already."""
    shutil.copytree(finished, tmp_path / "cache")
    return make_app()


@pytest.fixture
def other_clinic(clinic_dir: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy and change the demo clinic's folder: ``other_clinic(basemap=False, name="…")``.

    ``closed`` maps dates (``YYYY-MM-DD``) to reasons. They replace those of the demo.
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


@pytest.fixture
def site_of(make_app: Callable[..., Flask]) -> Iterator[Callable[..., str]]:
    """Serve a site of other settings for this test: ``site_of(CLINIC_DIR=…)`` is its address."""
    running: list[tuple[BaseWSGIServer, Thread]] = []

    def serve(**env: str) -> str:
        server = make_server("127.0.0.1", 0, make_app(**env), threaded=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
