"""``python -m app.location.build_maps PARENT``: a recipe as JSON in, the maps as JSON out.

Run as a child process by ``artefacts.py``, because of the libraries it needs. It ends when
the process PARENT is gone: then nobody waits for it.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from app.location.map_colors import DARK, LIGHT, Palette
from app.location.markers import Pin, credit
from app.location.pmtiles_reader import Basemap, Facts


def build(recipe: dict[str, Any]) -> dict[str, str]:
    """The texts of ``map.js``, ``map.svg`` and ``map-dark.svg`` for the fields of a ``Recipe``."""
    from app.location import folium_map, static_map  # noqa: PLC0415  (a second, see main)

    pins = [
        Pin(**{**pin, "address": tuple(pin["address"]), "hours": tuple(pin["hours"])})
        for pin in recipe["pins"]
    ]
    html, text = credit(recipe["attribution"])
    if not recipe["basemap"]:
        live = folium_map.build(pins, tiles_url=recipe["tiles_url"], attribution=html)
        return _named(live, partial(static_map.draw, pins))
    basemap = Basemap(Path(recipe["basemap"]))
    still = partial(
        static_map.draw,
        pins,
        tiles=basemap.tile,
        zooms=(basemap.facts.min_zoom, basemap.facts.max_zoom),
        attribution=text,
    )
    live = folium_map.build(pins, basemap=_layer(basemap.facts), attribution=html)
    return _named(live, still)


def _named(live: str, still: Callable[[Palette], str]) -> dict[str, str]:
    return {"map.js": live, "map.svg": still(LIGHT), "map-dark.svg": still(DARK)}


def _layer(facts: Facts) -> dict[str, Any]:
    """The options of the live map's vector layer."""
    west, south, east, north = facts.bounds
    return {
        "url": f"/location/tiles/{{z}}/{{x}}/{{y}}.mvt?v={facts.version}",
        "bounds": [[south, west], [north, east]],
        "minZoom": facts.min_zoom + 1,  # one tile of data makes four on the screen
        "maxDataZoom": facts.max_zoom,
        "lang": "en",
    }


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def main() -> None:
    os.nice(10)  # visitors come first
    Thread(target=_leave_with, args=(int(sys.argv[1]),), daemon=True).start()
    json.dump(build(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
