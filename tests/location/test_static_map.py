"""The static map: complete, small, readable, and safe for any name."""

import gzip
import re
from dataclasses import replace
from html import escape
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import mapbox_vector_tile
import pytest

from app.location.map_colors import DARK, LIGHT, MapColors
from app.location.markers import Marker
from app.location.pmtiles_reader import PMTilesReader
from app.location.static_map import render_static_map
from tests.location.conftest import MALICIOUS, write_basemap

EACH_COLOR_SCHEME = pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])


def render(markers: tuple[Marker, ...], basemap: PMTilesReader) -> str:
    return render_static_map(markers, basemap)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.text]


def test_map_shows_pins_streets_and_attribution(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    shown = texts(render(clinic_markers, basemap))
    assert {"1", "2", "Quay Street", "Lighthouse Road", "Lantern Lane"} <= set(shown)
    assert {"Null Harbor Light", "Signal Park", "Invented town", "200 m · 656 ft"} <= set(shown)


def test_colors_are_named_and_defined_for_light_and_dark(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    style, drawing = render(clinic_markers, basemap).split("</style>")
    light, dark = style.split("@media(prefers-color-scheme:dark)")
    for name in set(re.findall(r"var\(--(\w+)\)", drawing)):
        assert f"--{name}:{LIGHT[name]}" in light
        assert f"--{name}:{DARK[name]}" in dark
    assert not re.search(r"#[0-9a-f]{6}", drawing)


def test_compressed_size_is_under_18_kb(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    assert len(gzip.compress(render(clinic_markers, basemap).encode(), 9)) < 18_000


def test_output_is_deterministic(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    assert render(clinic_markers, basemap) == render(clinic_markers, basemap)


def test_labels_do_not_overlap(clinic_markers: tuple[Marker, ...], basemap: PMTilesReader) -> None:
    wide = render(clinic_markers, basemap).split('class="n"')[0]
    spots = sorted(
        (int(y), int(x)) for x, y in re.findall(r'<text transform="translate\((\d+) (\d+)\)', wide)
    )
    assert len(spots) > 10
    assert all(a != b and abs(a[0] - b[0]) + abs(a[1] - b[1]) > 20 for a, b in pairwise(spots))


def test_small_screens_have_fewer_and_larger_labels(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    wide, narrow = render(clinic_markers, basemap).split('class="n"')
    assert "Lighthouse Road" in narrow
    assert "Laurel Street" in wide
    assert "Laurel Street" not in narrow
    sizes = [int(size) for size in re.findall(r'<text transform.*?font-size="(\d+)"', narrow)]
    assert min(sizes) * 324 / 1440 > 10  # pixels, on a phone


def test_without_a_basemap_there_are_only_pins_and_a_scale_bar(
    clinic_markers: tuple[Marker, ...],
) -> None:
    assert texts(render_static_map(clinic_markers))[1:] == ["200 m · 656 ft", "2", "1"]


def test_single_location_is_a_dot_in_the_middle(clinic_markers: tuple[Marker, ...]) -> None:
    svg = render_static_map([replace(clinic_markers[0], label="")])
    assert 'transform="translate(720 564)"' in svg
    assert "<circle" in svg


def test_distant_locations_are_all_in_view(clinic_markers: tuple[Marker, ...]) -> None:
    far = (clinic_markers[0], replace(clinic_markers[1], latitude=0.7, longitude=1.4))
    svg = render_static_map(far)
    spots = re.findall(r'<g transform="translate\((\d+) (\d+)\)"><g class="p"', svg)
    assert len(spots) == 2
    assert all(100 < int(x) < 1340 and 100 < int(y) < 980 for x, y in spots)
    assert "50 km · 31 mi" in svg


def test_scale_bar_grows_toward_the_poles(
    clinic_markers: tuple[Marker, ...],
) -> None:
    def bar(latitude: float) -> int:
        svg = render_static_map([replace(clinic_markers[0], latitude=latitude)])
        found = re.search(r"M0-14V0h(\d+)v-14", svg)
        assert found
        assert "200 m" in svg
        return int(found[1])

    assert bar(60) == pytest.approx(2 * bar(0), abs=2)  # Mercator: 1 / cos 60° = 2


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_markup_in_a_street_name_stays_text(
    clinic_markers: tuple[Marker, ...], tmp_path: Path
) -> None:
    properties = {"kind": "major_road", "name": MALICIOUS}
    road = {"geometry": "LINESTRING(0 2000, 4096 2000)", "properties": properties}
    tile = gzip.compress(mapbox_vector_tile.encode([{"name": "roads", "features": [road]}]))
    tiles = {(15, x, y): tile for x in range(16382, 16386) for y in range(16382, 16386)}
    file = write_basemap(tmp_path / "basemap.pmtiles", tiles, attribution=escape(MALICIOUS))
    svg = render_static_map(clinic_markers, PMTilesReader(file))
    assert texts(svg).count(MALICIOUS) >= 2  # a street and the attribution
    assert "<img" not in svg
    assert "<script" not in svg


# Areas of the map that labels can be on.
AREAS = (
    "earth",
    "green",
    "wood",
    "field",
    "sand",
    "public",
    "paved",
    "building",
    "road",
    "major",
)
BACKGROUNDS = {
    "label": (*AREAS, "halo", "water"),
    "place_label": (*AREAS, "halo"),
    "water_label": ("water", "halo"),
    "green_label": ("green", "wood", "sand", "earth", "halo"),
    "pin_text": ("pin",),
}


@EACH_COLOR_SCHEME
@pytest.mark.parametrize("name", BACKGROUNDS)
def test_labels_have_enough_contrast(colors: MapColors, name: str) -> None:
    minimum = 7 if name != "pin_text" else 4.5
    ratios = {area: contrast(colors[name], colors[area]) for area in BACKGROUNDS[name]}
    weak = {area: ratio for area, ratio in ratios.items() if ratio < 4.5}
    assert not weak
    assert ratios.get("halo", 7) >= minimum  # every label has a halo


@EACH_COLOR_SCHEME
def test_pins_have_enough_contrast(colors: MapColors) -> None:
    assert all(contrast(colors["pin"], colors[area]) >= 3 for area in (*AREAS, "water"))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colors."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
