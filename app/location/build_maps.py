"""``python -m app.location.build_maps PARENT``: a source as JSON in, the maps as JSON out.

Run as a child process by ``map_cache.py``, because of the libraries it needs. It ends when
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

from app.location.map_colors import DARK, LIGHT, MapColors
from app.location.markers import Marker, sanitize_attribution
from app.location.pmtiles_reader import PMTilesMetadata, PMTilesReader


def build(source: dict[str, Any]) -> dict[str, str]:
    """The texts of ``map.js``, ``map.svg`` and ``map-dark.svg`` for the fields of ``MapSource``."""
    from app.location import folium_map, static_map  # noqa: PLC0415  (a second, see main)

    markers = [
        Marker(**{**marker, "address": tuple(marker["address"]), "hours": tuple(marker["hours"])})
        for marker in source["markers"]
    ]
    html, text = sanitize_attribution(source["attribution"])
    if not source["basemap"]:
        live = folium_map.build_map_script(markers, tiles_url=source["tiles_url"], attribution=html)
        return _named(live, partial(static_map.render_static_map, markers))
    basemap = PMTilesReader(Path(source["basemap"]))
    still = partial(
        static_map.render_static_map,
        markers,
        tiles=basemap.tile,
        zooms=(basemap.metadata.min_zoom, basemap.metadata.max_zoom),
        attribution=text,
    )
    live = folium_map.build_map_script(markers, basemap=_layer(basemap.metadata), attribution=html)
    return _named(live, still)


def _named(live: str, still: Callable[[MapColors], str]) -> dict[str, str]:
    return {"map.js": live, "map.svg": still(LIGHT), "map-dark.svg": still(DARK)}


def _layer(facts: PMTilesMetadata) -> dict[str, Any]:
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
