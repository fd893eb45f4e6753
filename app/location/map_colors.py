"""Colors of the interactive and the static map, in light and dark.

Every label color has a contrast of at least 7:1 with the areas it appears on and with its
halo; tests/location checks this. The default colors of protomaps-leaflet are too faint
("light": about 3.4:1).
"""

import tomllib
from pathlib import Path
from typing import Final

MapColors = dict[str, str]

_COLORS: Final[dict[str, MapColors]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)
LIGHT: Final = _COLORS["light"]
DARK: Final = _COLORS["dark"]
# The static map refers to its colors by name, and its style sheet has both sets.
VARIABLES: Final = {name: f"var(--{name})" for name in LIGHT}


def _rule(colors: MapColors) -> str:
    return f"svg{{{';'.join(f'--{name}:{color}' for name, color in colors.items())}}}"


# It contains its labels twice: all of them for large screens, and a few large ones, with larger
# pins, for phones.
STATIC_MAP_CSS: Final = (
    f"{_rule(LIGHT)}@media(prefers-color-scheme:dark){{{_rule(DARK)}}}"
    "@media(max-width:520px){.w{display:none}.n{display:inline}.p{transform:scale(4.2)}}"
)
