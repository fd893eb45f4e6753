"""The map cache: one build for all workers, stored, and replaced after a change."""

import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.location import map_cache
from app.location.map_cache import MapCache, MapSource
from config import ROOT

MAP_LIBRARIES = ("folium", "branca", "numpy", "shapely", "mapbox_vector_tile")


class FakeBuilder:
    """Counts the builds, and fails while ``error`` is set."""

    def __init__(self) -> None:
        self.builds = 0
        self.error = ""
        self.duration = 0.0  # seconds

    def __call__(self, _source: MapSource) -> dict[str, str]:
        self.builds += 1
        if self.error:
            raise subprocess.SubprocessError(self.error)
        time.sleep(self.duration)
        return dict.fromkeys(map_cache.MEDIA_TYPES, f"build {self.builds}")


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> FakeBuilder:
    builder = FakeBuilder()
    monkeypatch.setattr(map_cache, "_run_subprocess", builder)
    return builder


def body(cache: MapCache, name: str = "map.js") -> str:
    contents = cache.get(name)
    assert contents
    return contents


def test_web_workers_do_not_import_the_map_libraries() -> None:
    code = (
        "import sys, app\nfrom app import location\n"
        f"print([name for name in {MAP_LIBRARIES!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_second_start_uses_the_stored_maps(
    builder: FakeBuilder, source: MapSource, tmp_path: Path
) -> None:
    assert body(MapCache(source, tmp_path)) == "build 1"
    assert body(MapCache(source, tmp_path)) == "build 1"
    assert builder.builds == 1


@pytest.mark.usefixtures("builder")
def test_changed_address_or_basemap_replaces_the_stored_maps(
    source: MapSource, tmp_path: Path
) -> None:
    first = MapCache(source, tmp_path)
    moved = replace(source, markers=(replace(source.markers[0], address=("1 New Street",)),))
    recut = replace(source, basemap_version="0" * 10)
    assert [body(first), body(MapCache(moved, tmp_path)), body(MapCache(recut, tmp_path))] == [
        "build 1",
        "build 2",
        "build 3",
    ]
    assert len(list(tmp_path.glob("map-*.json"))) == 1


def test_version_does_not_depend_on_the_folder(source: MapSource) -> None:
    assert replace(source, basemap=Path("/elsewhere/basemap.pmtiles")).version == source.version


def test_threads_build_only_once(builder: FakeBuilder, source: MapSource, tmp_path: Path) -> None:
    cache = MapCache(source, tmp_path)
    with ThreadPoolExecutor(8) as threads:
        bodies = set(threads.map(lambda _: body(cache), range(32)))
    assert (bodies, builder.builds) == ({"build 1"}, 1)


def test_processes_build_only_once(builder: FakeBuilder, source: MapSource, tmp_path: Path) -> None:
    """Caches that share only the folder, as those of several processes do."""
    builder.duration = 0.1
    caches = [MapCache(source, tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        bodies = set(threads.map(body, caches))
    assert (bodies, builder.builds) == ({"build 1"}, 1)


@pytest.mark.parametrize("incomplete", ["", '{"map.js": "only th'])
def test_incomplete_file_is_rebuilt(
    builder: FakeBuilder, source: MapSource, tmp_path: Path, incomplete: str
) -> None:
    cache = MapCache(source, tmp_path)
    (tmp_path / f"map-{cache.version}.json").write_text(incomplete)
    assert body(cache) == "build 1"
    assert builder.builds == 1
    assert body(MapCache(source, tmp_path)) == "build 1"


@pytest.mark.usefixtures("builder")
def test_map_is_built_without_a_writable_folder(
    source: MapSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert body(MapCache(source, tmp_path / "file" / "cache")) == "build 1"
    assert "Cannot store the map" in caplog.text


def test_failure_is_logged_once_and_not_retried_immediately(
    builder: FakeBuilder, source: MapSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    builder.error = "out of memory"
    cache = MapCache(source, tmp_path)
    assert [cache.get("map.js"), cache.get("map.svg"), cache.get("map.js")] == [None] * 3
    assert builder.builds == 1
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "out of memory" in errors[0].getMessage()


def test_build_is_retried_after_a_delay(
    builder: FakeBuilder, source: MapSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_cache, "RETRY_DELAY", 0.0)
    builder.error = "out of memory"
    cache = MapCache(source, tmp_path)
    assert cache.get("map.js") is None
    builder.error = ""
    assert body(cache) == "build 2"


def test_page_works_without_the_map(
    builder: FakeBuilder, client: FlaskClient, tmp_path: Path
) -> None:
    (tmp_path / "cache").unlink()  # the maps that all test sites share
    builder.error = "out of memory"
    assert client.get("/location/map.svg").status_code == 503
    page = client.get("/location")
    assert page.status_code == 200
    assert "12 Quay Street" in page.text
    assert "https://www.google.com/maps/dir/" in page.text


def test_failed_subprocess_is_logged_with_its_reason(
    source: MapSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = MapCache(replace(source, basemap=tmp_path / "gone.pmtiles"), tmp_path)
    assert gone.get("map.js") is None
    assert "gone.pmtiles" in caplog.text
