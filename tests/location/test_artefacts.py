"""The finished maps: made once for all workers, kept, made anew when something changed."""

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.location import map_cache
from app.location.map_cache import MapCache, MapSource
from app.location.pmtiles_reader import PMTilesMetadata
from config import ROOT

HEAVY = ("folium", "branca", "numpy", "shapely", "mapbox_vector_tile")


class Kitchen:
    """Counts the builds, and can be told to fail."""

    def __init__(self) -> None:
        self.builds = 0
        self.broken = ""

    def __call__(self, _source: MapSource) -> dict[str, str]:
        self.builds += 1
        if self.broken:
            raise map_cache.MapBuildError(self.broken)
        return dict.fromkeys(map_cache.MEDIA_TYPES, f"build {self.builds}")


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    made = Kitchen()
    monkeypatch.setattr(map_cache, "_run_subprocess", made)
    return made


def body(made: MapCache, name: str = "map.js") -> str:
    found = made.get(name)
    assert found
    return found.decode()


def test_web_workers_do_not_load_the_heavy_libraries() -> None:
    code = (
        "import sys, app\nfrom app import location\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_second_start_finds_the_finished_maps(
    kitchen: Kitchen, source: MapSource, tmp_path: Path
) -> None:
    assert body(MapCache(source, tmp_path)) == "build 1"
    assert body(MapCache(source, tmp_path)) == "build 1"
    assert kitchen.builds == 1


@pytest.mark.usefixtures("kitchen")
def test_a_changed_address_or_basemap_makes_new_ones_and_the_old_go(
    source: MapSource, tmp_path: Path
) -> None:
    first = MapCache(source, tmp_path)
    moved = replace(source, markers=(replace(source.markers[0], address=("1 New Street",)),))
    facts = source.metadata
    assert isinstance(facts, PMTilesMetadata)
    recut = replace(source, metadata=replace(facts, digest="0" * 64))
    assert [body(first), body(MapCache(moved, tmp_path)), body(MapCache(recut, tmp_path))] == [
        "build 1",
        "build 2",
        "build 3",
    ]
    assert len(list(tmp_path.glob("map-*.json"))) == 1


def test_the_same_clinic_in_another_folder_needs_no_new_maps(source: MapSource) -> None:
    assert replace(source, basemap="/elsewhere/basemap.pmtiles").digest == source.digest


def test_many_threads_at_once_make_them_once(
    kitchen: Kitchen, source: MapSource, tmp_path: Path
) -> None:
    made = MapCache(source, tmp_path)
    with ThreadPoolExecutor(8) as threads:
        bodies = set(threads.map(lambda _: body(made), range(32)))
    assert (bodies, kitchen.builds) == ({"build 1"}, 1)


def test_many_workers_at_once_make_them_once(source: MapSource, tmp_path: Path) -> None:
    code = (
        "import hashlib, json, sys\nfrom pathlib import Path\n"
        "from app.location import map_cache\nfrom app.location.map_cache import *\n"
        "from app.location.markers import Marker\n"
        "said = json.loads(sys.argv[1])\n"
        "said['markers'] = tuple(Marker(**marker) for marker in said['markers'])\n"
        "said['metadata'] = PMTilesMetadata(**said['metadata'])\n"
        "run = map_cache._run_subprocess\n"
        "map_cache._run_subprocess = lambda source: (print('built'), run(source))[1]\n"
        "made = MapCache(MapSource(**said), Path(sys.argv[2])).get('map.svg')\n"
        "print(hashlib.sha256(made).hexdigest())"
    )
    command = [sys.executable, "-c", code, source.json(), str(tmp_path)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = "".join(worker.communicate(timeout=120)[0] for worker in workers).split()
    assert said.count("built") == 1
    assert len(said) == 4
    assert len(set(said)) == 2
    assert not list(tmp_path.glob(".map-*"))  # nothing half-written is left


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"map.js": 1}', '{"map.js": "only this"}'])
def test_a_spoiled_cache_is_made_anew(
    kitchen: Kitchen, source: MapSource, tmp_path: Path, rubbish: str
) -> None:
    made = MapCache(source, tmp_path)
    (tmp_path / f"map-{made.version}.json").write_text(rubbish)
    assert body(made) == "build 1"
    assert kitchen.builds == 1
    assert body(MapCache(source, tmp_path)) == "build 1"


@pytest.mark.usefixtures("kitchen")
def test_where_nothing_can_be_kept_the_map_is_still_made(
    source: MapSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert body(MapCache(source, tmp_path / "file" / "cache")) == "build 1"
    assert "Cannot store the map" in caplog.text


def test_a_failure_is_said_once_and_not_tried_at_every_request(
    kitchen: Kitchen, source: MapSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kitchen.broken = "no paint left"
    made = MapCache(source, tmp_path)
    assert [made.get("map.js"), made.get("map.svg"), made.get("map.js")] == [None] * 3
    assert kitchen.builds == 1
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 1
    assert "no paint left" in said[0].getMessage()


def test_after_a_while_it_is_tried_again(
    kitchen: Kitchen, source: MapSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_cache, "RETRY_DELAY", 0.0)
    kitchen.broken = "no paint left"
    made = MapCache(source, tmp_path)
    assert made.get("map.js") is None
    kitchen.broken = ""
    assert body(made) == "build 2"


def test_the_page_works_without_the_map(kitchen: Kitchen, client: FlaskClient) -> None:
    kitchen.broken = "no paint left"
    assert client.get("/location/map.svg").status_code == 503
    page = client.get("/location")
    assert page.status_code == 200
    assert "12 Quay Street" in page.text
    assert "https://www.google.com/maps/dir/" in page.text


def test_a_child_that_fails_tells_why(
    source: MapSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = MapCache(replace(source, basemap=str(tmp_path / "gone.pmtiles")), tmp_path)
    assert gone.get("map.js") is None
    assert "gone.pmtiles" in caplog.text


def test_it_can_be_made_ahead(kitchen: Kitchen, source: MapSource, tmp_path: Path) -> None:
    made = MapCache(source, tmp_path)
    made.warm_up().join(10)
    assert kitchen.builds == 1
    assert body(made) == "build 1"
