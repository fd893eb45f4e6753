"""The map as an image: complete, small, readable, and harmless whatever the names are."""

import gzip
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import mapbox_vector_tile
import pytest

from app.location.map_colors import DARK, LIGHT, MapColors
from app.location.markers import Marker
from app.location.pmtiles_reader import PMTilesReader
from app.location.static_map import render_static_map
from tests.location.conftest import NASTY

PALETTES = pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])


def drawn(markers: tuple[Marker, ...], basemap: PMTilesReader, colors: MapColors = LIGHT) -> str:
    return render_static_map(
        markers, colors, tiles=basemap.tile, zooms=(10, 15), attribution="Invented town"
    )


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.text]


@PALETTES
def test_it_shows_the_pins_the_streets_and_whose_map_it_is(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader, colors: MapColors
) -> None:
    said = words(drawn(clinic_markers, basemap, colors))
    assert {"1", "2", "Quay Street", "Lighthouse Road", "Lantern Lane"} <= set(said)
    assert {"Null Harbor Light", "Signal Park", "Invented town", "200 m · 656 ft"} <= set(said)


def test_light_and_dark_differ_in_colours_only(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    light, dark = (drawn(clinic_markers, basemap, colors) for colors in (LIGHT, DARK))
    assert light != dark
    assert _colourless(light) == _colourless(dark)


def _colourless(svg: str) -> str:
    return re.sub(r"#[0-9a-f]{6}", "#", svg)


@PALETTES
def test_it_is_small(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader, colors: MapColors
) -> None:
    assert len(gzip.compress(drawn(clinic_markers, basemap, colors).encode(), 9)) < 18_000


def test_it_is_the_same_each_time(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    assert drawn(clinic_markers, basemap) == drawn(clinic_markers, basemap)


def test_no_two_names_lie_on_each_other(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    wide = drawn(clinic_markers, basemap).split('class="n"')[0]
    spots = sorted(
        (int(y), int(x)) for x, y in re.findall(r'<text transform="translate\((\d+) (\d+)\)', wide)
    )
    assert len(spots) > 10
    assert all(a != b and abs(a[0] - b[0]) + abs(a[1] - b[1]) > 20 for a, b in pairwise(spots))


def test_a_small_picture_has_fewer_and_larger_names(
    clinic_markers: tuple[Marker, ...], basemap: PMTilesReader
) -> None:
    wide, narrow = drawn(clinic_markers, basemap).split('class="n"')
    assert "Lighthouse Road" in narrow
    assert "Laurel Street" in wide
    assert "Laurel Street" not in narrow
    sizes = [int(size) for size in re.findall(r'<text transform.*?font-size="(\d+)"', narrow)]
    assert min(sizes) * 324 / 1440 > 10  # pixels, on a phone


def test_without_a_basemap_pins_stand_on_plain_ground_with_a_scale(
    clinic_markers: tuple[Marker, ...],
) -> None:
    assert words(render_static_map(clinic_markers, LIGHT))[1:] == ["200 m · 656 ft", "2", "1"]


def test_the_only_location_is_a_dot_in_the_middle(clinic_markers: tuple[Marker, ...]) -> None:
    svg = render_static_map([replace(clinic_markers[0], label="")], LIGHT)
    assert 'transform="translate(720 564)"' in svg
    assert "<circle" in svg


def test_locations_far_apart_are_all_in_the_picture(clinic_markers: tuple[Marker, ...]) -> None:
    far = (clinic_markers[0], replace(clinic_markers[1], latitude=0.7, longitude=1.4))
    svg = render_static_map(far, LIGHT)
    spots = re.findall(r'<g transform="translate\((\d+) (\d+)\)"><g class="p"', svg)
    assert len(spots) == 2
    assert all(100 < int(x) < 1340 and 100 < int(y) < 980 for x, y in spots)
    assert "50 km · 31 mi" in svg


def test_the_scale_is_longer_on_the_map_towards_the_poles(
    clinic_markers: tuple[Marker, ...],
) -> None:
    def bar(latitude: float) -> int:
        svg = render_static_map([replace(clinic_markers[0], latitude=latitude)], LIGHT)
        found = re.search(r"M0-14V0h(\d+)v-14", svg)
        assert found
        assert "200 m" in svg
        return int(found[1])

    assert bar(60) == pytest.approx(2 * bar(0), abs=2)  # Mercator: 1 / cos 60° = 2


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_a_street_called_like_markup_stays_text(clinic_markers: tuple[Marker, ...]) -> None:
    said = {"kind": "major_road", "name": NASTY}
    road = {"geometry": "LINESTRING(0 2000, 4096 2000)", "properties": said}
    tile = gzip.compress(mapbox_vector_tile.encode([{"name": "roads", "features": [road]}]))
    svg = render_static_map(
        clinic_markers, LIGHT, tiles=lambda *_: tile, zooms=(10, 15), attribution=NASTY
    )
    assert NASTY in words(svg)
    assert "<img" not in svg
    assert "<script" not in svg


# (words, the grounds they may stand on)
GROUNDS = (
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
READ_ON = {
    "label": (*GROUNDS, "halo", "water"),
    "place_label": (*GROUNDS, "halo"),
    "water_label": ("water", "halo"),
    "green_label": ("green", "wood", "sand", "earth", "halo"),
    "pin_text": ("pin",),
}


@PALETTES
@pytest.mark.parametrize("name", READ_ON)
def test_words_keep_their_contrast(colors: MapColors, name: str) -> None:
    least = 7 if name != "pin_text" else 4.5
    ratios = {ground: contrast(colors[name], colors[ground]) for ground in READ_ON[name]}
    weak = {ground: ratio for ground, ratio in ratios.items() if ratio < 4.5}
    assert not weak
    assert ratios.get("halo", 7) >= least  # every word has a halo right around it


@PALETTES
def test_pins_stand_out_from_every_ground(colors: MapColors) -> None:
    assert all(contrast(colors["pin"], colors[ground]) >= 3 for ground in (*GROUNDS, "water"))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
