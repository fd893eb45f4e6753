"""Colors of the interactive and the static map, in light and dark.

Every label color has a contrast of at least 7:1 with the areas it appears on and with its
halo; tests/location checks this. The default colors of protomaps-leaflet are too faint
("light": about 3.4:1).
"""

from typing import Final

MapColors = dict[str, str]

# A static map contains its labels twice: all of them for large screens, and a few large ones,
# with larger pins, for phones.
STATIC_MAP_CSS: Final = (
    "@media(max-width:520px){.w{display:none}.n{display:inline}.p{transform:scale(4.2)}}"
)

LIGHT: Final[MapColors] = {
    "water": "#b5d5df",
    "earth": "#f6f3ea",
    "green": "#d3e4c4",
    "wood": "#c2d9b3",
    "field": "#eeebd3",
    "sand": "#f0e4c2",
    "public": "#ece4dc",
    "paved": "#ece8de",
    "building": "#ded4c2",
    "building_edge": "#c6baa3",
    "road": "#ffffff",
    "major": "#fff3d0",
    "casing": "#d3c9b5",
    "major_casing": "#cdb98a",
    "path": "#b9a98a",
    "rail": "#9a9a94",
    "label": "#33302a",
    "halo": "#fffdf8",
    "water_label": "#12394c",
    "green_label": "#1d4420",
    "place_label": "#1a2523",
    "pin": "#9c3d14",
    "pin_edge": "#ffffff",
    "pin_text": "#ffffff",
}

DARK: Final[MapColors] = {
    "water": "#0f2a36",
    "earth": "#1b2425",
    "green": "#1d3528",
    "wood": "#1a3225",
    "field": "#202a24",
    "sand": "#34322a",
    "public": "#272c30",
    "paved": "#262e2f",
    "building": "#303b3c",
    "building_edge": "#3f4d4e",
    "road": "#47555a",
    "major": "#5b6256",
    "casing": "#141b1c",
    "major_casing": "#141b1c",
    "path": "#6d6a58",
    "rail": "#5b6374",
    "label": "#eef0ea",
    "halo": "#141b1c",
    "water_label": "#b7dbe8",
    "green_label": "#bfe3c2",
    "place_label": "#ffffff",
    "pin": "#f0a579",
    "pin_edge": "#101a1b",
    "pin_text": "#1a0d05",
}
