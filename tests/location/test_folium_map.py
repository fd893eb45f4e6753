"""The script of the interactive map: deterministic, self-contained, and safe for any name."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.location.folium_map import build_map_script
from app.location.map_cache import MAP_SOURCE, MapSource
from app.location.markers import Marker, sanitize_attribution
from app.location.pmtiles_reader import PMTilesMetadata, PMTilesReader
from config import ROOT
from tests.location.conftest import MALICIOUS

BASEMAP = PMTilesMetadata(
    bounds=(-0.35, -0.35, 0.35, 0.35),
    min_zoom=10,
    max_zoom=15,
    attribution="Invented town",
    version="0123456789",
)


def script_for(markers: Sequence[Marker], attribution: str = BASEMAP.attribution) -> str:
    source = MapSource(tuple(markers), Path("basemap.pmtiles"), BASEMAP.version, "", attribution)
    return build_map_script(source, BASEMAP)


def test_same_input_gives_the_same_bytes(clinic_markers: tuple[Marker, ...]) -> None:
    assert script_for(clinic_markers) == script_for(clinic_markers)


def test_another_process_gives_the_same_bytes(source: MapSource, basemap: PMTilesReader) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.location.build_maps"],
        input=MAP_SOURCE.dump_json(source),
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONHASHSEED": "77"},
    )
    assert json.loads(done.stdout)["map.js"] == build_map_script(source, basemap.metadata)


def test_every_location_has_a_titled_marker_and_all_are_in_view(
    clinic_markers: tuple[Marker, ...],
) -> None:
    script = script_for(clinic_markers)
    assert '"title": "1. Quay Street"' in script
    assert '"title": "2. Lighthouse Hill"' in script
    assert re.search(r"fitBounds\(\s*\[\[0\.0018, 0\.0031\], \[0\.0092, -0\.0054\]\]", script)


def test_single_location_has_no_number_and_is_the_center(
    clinic_markers: tuple[Marker, ...],
) -> None:
    script = script_for([replace(clinic_markers[0], label="")])
    assert '"title": "Quay Street"' in script
    assert "fitBounds" not in script
    assert '"center": [0.0018, 0.0031]' in script or "center: [0.0018, 0.0031]" in script


def test_popup_has_address_hours_and_directions(clinic_markers: tuple[Marker, ...]) -> None:
    popup = popup_of(script_for(clinic_markers), "quay")
    assert "<strong>Quay Street</strong>" in popup
    assert "12 Quay Street<br>Second floor<br>Null Harbor, NY 00000" in popup
    assert "Wed: 9 am to 7 pm" in popup
    assert popup.count('rel="noreferrer"') == 3
    assert "https://maps.apple.com/directions?destination=0.001800,0.003100" in popup


def test_no_script_or_image_is_loaded_from_another_host(clinic_markers: tuple[Marker, ...]) -> None:
    hosts = set(re.findall(r"https?://([\w.-]+)", script_for(clinic_markers)))
    assert hosts == {"www.google.com", "maps.apple.com", "www.openstreetmap.org"}
    for external in ("jquery", "$(", "cdn", "unpkg", "srcdoc", "data:"):
        assert external not in script_for(clinic_markers)


def test_code_in_a_name_stays_text(clinic_markers: tuple[Marker, ...]) -> None:
    script = script_for(
        [replace(clinic_markers[0], name=MALICIOUS, address=(MALICIOUS,), hours=(MALICIOUS,))]
    )
    assert "<img" not in script
    assert "</script" not in script
    assert "${alert" not in script  # not even in double quotes, where it would do nothing
    assert "&lt;img src=x onerror=alert(2)&gt;&quot;" in popup_of(script, "quay")


def test_key_with_dashes_gives_a_valid_script(clinic_markers: tuple[Marker, ...]) -> None:
    assert "var marker_old_town = " in script_for([replace(clinic_markers[0], key="old-town")])


def test_without_a_basemap_streets_are_images_of_the_tile_host(
    clinic_markers: tuple[Marker, ...],
) -> None:
    url = "https://tiles.example/{z}/{x}/{y}.png"
    script = build_map_script(MapSource(clinic_markers, None, "", url, "Some mapper"), None)
    assert url in script
    assert '"attribution": "Some mapper"' in script
    assert '"referrerPolicy": "origin"' in script  # the site, not the page
    assert "basemapLayer(\n" not in script


def popup_of(script: str, key: str) -> str:
    """The HTML of a marker's popup, as the browser reads it."""
    found = re.search(rf'marker_{key}\.bindPopup\(\s*("(?:[^"\\]|\\.)*")', script)
    assert found
    text = json.loads(found[1])
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("code", ["{{ 7 * 7 }}", "{% raw %}", "{# gone #}", "${7*7}"])
def test_name_is_not_rendered_as_a_template(clinic_markers: tuple[Marker, ...], code: str) -> None:
    first = replace(clinic_markers[0], name=code, address=(code,), hours=(code,))
    script = script_for([first], attribution=code)
    written = code.replace("{", "\\u007b")
    assert script.count(written) >= 4  # title, popup (name, address, hours) and attribution
    assert "49" not in re.findall(r'"title": "([^"]*)"', script)


@pytest.mark.parametrize(
    ("attribution", "html"),
    [
        (
            'By <a target="_blank" href="https://a.example/?b&amp;c">A &amp; B</a>, <b>C</b>',
            'By <a href="https://a.example/?b&amp;c" rel="noreferrer">A &amp; B</a>, C',
        ),
        ("<a href='javascript:alert(1)'>A</a> <img src=x onerror=alert(1)>", "A "),
        ("<script>alert(1)</script> <a", "alert(1) &lt;a"),
    ],
)
def test_attribution_keeps_only_text_and_web_links(attribution: str, html: str) -> None:
    assert sanitize_attribution(attribution)[0] == html


def test_missing_attribution_is_that_of_openstreetmap() -> None:
    html, text = sanitize_attribution("")
    assert 'href="https://www.openstreetmap.org/copyright"' in html
    assert text == "© OpenStreetMap contributors"
