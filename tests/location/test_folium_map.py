"""The script of the live map: always the same, nothing foreign, nothing that can be run."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.location.folium_map import build_map_script
from app.location.markers import Marker
from config import ROOT
from tests.location.conftest import NASTY

LAYER: dict[str, Any] = {
    "url": "/location/tiles/{z}/{x}/{y}.mvt",
    "bounds": [[-0.35, -0.35], [0.35, 0.35]],
    "minZoom": 11,
    "maxDataZoom": 15,
}
AGAIN = """
import json, sys
from app.location.folium_map import build_map_script
from app.location.markers import Marker
given = json.load(sys.stdin)
markers = [Marker(**{**m, "address": tuple(m["address"]), "hours": tuple(m["hours"])})
           for m in given["markers"]]
sys.stdout.write(build_map_script(markers, basemap=given["layer"], attribution="Invented town"))
"""


def made(markers: Sequence[Marker]) -> str:
    return build_map_script(markers, basemap=LAYER, attribution="Invented town")


def test_the_same_clinic_gives_the_same_bytes(clinic_markers: tuple[Marker, ...]) -> None:
    assert made(clinic_markers) == made(clinic_markers)


@pytest.mark.parametrize("seed", ["1", "77"])
def test_so_does_another_process(clinic_markers: tuple[Marker, ...], seed: str) -> None:
    given = json.dumps({"markers": [vars(marker) for marker in clinic_markers], "layer": LAYER})
    done = subprocess.run(
        [sys.executable, "-c", AGAIN],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONHASHSEED": seed},
    )
    assert done.stdout == made(clinic_markers)


def test_every_location_has_a_named_pin_and_all_are_in_view(
    clinic_markers: tuple[Marker, ...],
) -> None:
    script = made(clinic_markers)
    assert '"title": "1. Quay Street"' in script
    assert '"title": "2. Lighthouse Hill"' in script
    assert re.search(r"fitBounds\(\s*\[\[0\.0018, 0\.0031\], \[0\.0092, -0\.0054\]\]", script)


def test_the_only_location_has_no_number_and_is_the_middle(
    clinic_markers: tuple[Marker, ...],
) -> None:
    script = made([replace(clinic_markers[0], label="")])
    assert '"title": "Quay Street"' in script
    assert "fitBounds" not in script
    assert '"center": [0.0018, 0.0031]' in script or "center: [0.0018, 0.0031]" in script


def test_a_popup_tells_address_hours_and_the_way(clinic_markers: tuple[Marker, ...]) -> None:
    popup = popup_of(made(clinic_markers), "quay")
    assert "<strong>Quay Street</strong>" in popup
    assert "12 Quay Street<br>Second floor<br>Null Harbor, NY 00000" in popup
    assert "Wed: 9 am to 7 pm" in popup
    assert popup.count('rel="noreferrer"') == 3
    assert "https://maps.apple.com/directions?destination=0.001800,0.003100" in popup


def test_no_script_or_picture_comes_from_elsewhere(clinic_markers: tuple[Marker, ...]) -> None:
    addresses = set(re.findall(r"https?://([\w.-]+)", made(clinic_markers)))
    assert addresses == {"www.google.com", "maps.apple.com", "www.openstreetmap.org"}
    for foreign in ("jquery", "$(", "cdn", "unpkg", "srcdoc", "data:"):
        assert foreign not in made(clinic_markers)


def test_a_name_full_of_code_stays_text(clinic_markers: tuple[Marker, ...]) -> None:
    script = made([replace(clinic_markers[0], name=NASTY, address=(NASTY,), hours=(NASTY,))])
    assert "<img" not in script
    assert "</script" not in script
    assert "${alert" not in script  # not even between double quotes, where it would be nothing
    assert "&lt;img src=x onerror=alert(2)&gt;&quot;" in popup_of(script, "quay")


def test_a_key_with_dashes_makes_a_valid_script(clinic_markers: tuple[Marker, ...]) -> None:
    assert "var marker_old_town = " in made([replace(clinic_markers[0], key="old-town")])


def test_without_a_basemap_the_streets_are_pictures_of_that_host(
    clinic_markers: tuple[Marker, ...],
) -> None:
    url = "https://tiles.example/{z}/{x}/{y}.png"
    script = build_map_script(clinic_markers, tiles_url=url, attribution="Who made it")
    assert url in script
    assert '"attribution": "Who made it"' in script
    assert '"referrerPolicy": "origin"' in script  # the site, never the page
    assert "basemapLayer(\n" not in script


def popup_of(script: str, key: str) -> str:
    """The HTML of a marker's popup, read as the browser would."""
    found = re.search(rf'marker_{key}\.bindPopup\(\s*("(?:[^"\\]|\\.)*")', script)
    assert found
    text = json.loads(found[1])
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("code", ["{{ 7 * 7 }}", "{% raw %}", "{# gone #}", "${7*7}"])
def test_a_name_is_no_template(clinic_markers: tuple[Marker, ...], code: str) -> None:
    first = replace(clinic_markers[0], name=code, address=(code,), hours=(code,))
    script = build_map_script([first], basemap=LAYER, attribution=code)
    written = code.replace("{", "\\u007b")
    assert script.count(written) >= 4  # title, popup (name, address, hours) and attribution
    assert "49" not in re.findall(r'"title": "([^"]*)"', script)
