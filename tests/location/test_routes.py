"""Responses of the location routes."""

import gzip
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from app.clinic import ClinicError, load_clinic
from app.location.pmtiles_reader import PMTilesReader
from app.services import get_services
from config import SettingsError

TILE = "/location/tiles/15/16384/16383.mvt"


def test_tile_is_served_as_stored(map_app: Flask, basemap: PMTilesReader) -> None:
    response = map_app.test_client().get(TILE, headers={"Accept-Encoding": "gzip, br"})
    assert response.status_code == 200
    assert response.data == basemap.tile(15, 16384, 16383)
    assert response.content_type == "application/vnd.mapbox-vector-tile"
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepts", ["", "identity", "br", "gzip;q=0"])
def test_tile_is_decompressed_without_gzip_support(
    map_app: Flask, basemap: PMTilesReader, accepts: str
) -> None:
    response = map_app.test_client().get(TILE, headers={"Accept-Encoding": accepts})
    tile_data = basemap.tile(15, 16384, 16383)
    assert tile_data is not None
    assert response.data == gzip.decompress(tile_data)
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("path", [TILE, "/location/map.js", "/location/map.svg"])
def test_matching_etag_gets_304(map_app: Flask, path: str) -> None:
    client = map_app.test_client()
    tag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_only_a_url_with_the_current_version_is_cached_for_a_year(map_app: Flask) -> None:
    client, clinic_map = map_app.test_client(), get_services(map_app).clinic_map
    assert clinic_map.basemap
    current = {
        TILE: clinic_map.basemap.metadata.version,
        "/location/map.js": clinic_map.cache.version,
    }
    for path, version in current.items():
        assert "immutable" in client.get(f"{path}?v={version}").headers["Cache-Control"]
        assert client.get(f"{path}?v=old").headers["Cache-Control"] == "no-cache"
        assert client.get(path).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "place",
    [
        *["15/0/0", "9/256/255", "16/32768/32767", "3/9/9", "99/1/1", "15/-1/3", "15/1.5/3"],
        *["15/99999999999999999999999/1", "a/b/c", "15/16384", "15/16384/16383/1"],
    ],
)
def test_missing_tile_is_404_without_a_log_entry(
    map_app: Flask, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert map_app.test_client().get(f"/location/tiles/{place}.mvt").status_code == 404
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("map.js", "text/javascript; charset=utf-8"),
        ("map.svg", "image/svg+xml"),
    ],
)
def test_map_files_have_their_content_type(map_app: Flask, name: str, kind: str) -> None:
    response = map_app.test_client().get(f"/location/{name}")
    assert (response.status_code, response.content_type) == (200, kind)
    assert map_app.test_client().get(f"/location/{name}x").status_code == 404


def test_svg_policy_allows_only_its_own_style(map_app: Flask) -> None:
    policy = map_app.test_client().get("/location/map.svg").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "self" not in policy


def test_page_has_addresses_hours_and_transit(make_app: Callable[..., Flask]) -> None:
    page = make_app().test_client().get("/location").text
    for word in ("12 Quay Street", "3 Lighthouse Road", "212-555-0176", "Lantern Lane"):
        assert word in page
    for heading in ("Opening hours", "Transit", "Parking", "Wheelchair access"):
        assert heading in page
    assert '<th scope="row">Wednesday</th><td>9 am to 7 pm</td>' in page
    assert '<th scope="row">Tuesday</th><td>10 am to 1 pm,<br>2 pm to 6 pm</td>' in page
    assert '<th scope="row">Sunday</th><td>Closed</td>' in page


def test_directions_contain_only_coordinates(make_app: Callable[..., Flask]) -> None:
    page = make_app().test_client().get("/location").text
    for address in (
        "https://www.google.com/maps/dir/?api=1&amp;destination=0.009200%2C-0.005400",
        "https://maps.apple.com/directions?destination=0.009200,-0.005400",
        "https://www.openstreetmap.org/directions?to=0.009200%2C-0.005400",
    ):
        assert f'<a href="{address}" rel="noreferrer">' in page


def test_front_page_shows_a_short_version(make_app: Callable[..., Flask]) -> None:
    page = make_app().test_client().get("/").text
    assert '<h2 id="location-map">Location map</h2>' in page
    assert 'id="map-box"' in page
    assert "Opening hours</caption>" not in page


def test_with_a_basemap_no_external_images_are_allowed(make_app: Callable[..., Flask]) -> None:
    for path in ("/", "/location"):
        response = make_app().test_client().get(path)
        assert "img-src 'self';" in response.headers["Content-Security-Policy"]
        assert "show-streets" not in response.text


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        (
            "https://tile.openstreetmap.org/{z}/{x}/{y}.png",
            "openstreetmap.org",
            "https://tile.openstreetmap.org",
        ),
        ("https://{s}.maps.example/{z}/{x}/{y}.png", "maps.example", "https://*.maps.example"),
        ("http://10.0.0.5:8080/{z}/{x}/{y}.png", "10.0.0.5", "http://10.0.0.5:8080"),
    ],
)
def test_without_a_basemap_one_host_is_allowed_for_street_images(
    make_app: Callable[..., Flask],
    other_clinic: Callable[..., Path],
    url: str,
    host: str,
    origin: str,
) -> None:
    folder = other_clinic(basemap=False)
    client = make_app(CLINIC_DIR=str(folder), MAP_TILES_URL=url).test_client()
    for path in ("/", "/location", "/location"):  # the last one out of the cache
        response = client.get(path)
        assert f"Show streets (loads from {host})" in response.text
        assert '<img src="/location/map.svg' not in response.text, "no blank map"
        assert f"img-src 'self' {origin};" in response.headers["Content-Security-Policy"]
    assert "img-src 'self';" in client.get("/contact").headers["Content-Security-Policy"]
    assert client.get(TILE).status_code == 404


def test_without_basemap_and_tile_server_there_is_no_map(
    clinic_dir: Path, tmp_path: Path, make_app: Callable[..., Flask]
) -> None:
    from app import location

    app = make_app()
    clinic = load_clinic(clinic_dir)
    bare = Flask("bare")
    app.jinja_env.globals["clinic_map"] = location.init_app(
        bare, clinic=clinic, basemap=tmp_path / "none", tiles_url="", cache=tmp_path / "cache"
    )
    template = app.jinja_env.from_string("{% include 'location/_map.html' %}")
    with app.test_request_context():
        page = template.render()
    assert page.strip() == ""


def test_invalid_basemap_is_an_error(
    make_app: Callable[..., Flask], other_clinic: Callable[..., Path]
) -> None:
    folder = other_clinic()
    (folder / "basemap.pmtiles").write_bytes(b"PMTiles\x03 and so on")
    with pytest.raises(ClinicError, match=r"basemap\.pmtiles: not a PMTiles file of version 3"):
        make_app(CLINIC_DIR=str(folder))


def test_tiles_url_without_placeholders_is_an_error(
    make_app: Callable[..., Flask],
) -> None:
    with pytest.raises(SettingsError, match="MAP_TILES_URL"):
        make_app(MAP_TILES_URL="https://tiles.example/all.png")


def test_page_lists_closed_days_from_today_on(
    make_app: Callable[..., Flask], other_clinic: Callable[..., Path]
) -> None:
    closed = {
        "2030-07-01": "Inventory",
        "2030-07-04": "Independence Day",
        "2030-09-02": "Labor Day",
    }
    folder = other_clinic(closed=closed)
    evening = datetime(2030, 7, 5, 1, tzinfo=UTC)  # still July 4 in New York
    with time_machine.travel(evening, tick=False):
        page = make_app(CLINIC_DIR=str(folder)).test_client().get("/location").text
    assert "Thursday, July 4, 2030</time>: closed (Independence Day)" in page
    assert "Monday, September 2, 2030</time>: closed (Labor Day)" in page
    assert "Inventory" not in page
