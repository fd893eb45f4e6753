"""``python -m app.location.build_maps``: a MapSource as JSON in, the map files as JSON out.

``map_cache.py`` runs this as a subprocess, because of the libraries that it needs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from app.location.map_colors import DARK, LIGHT
from app.location.markers import Marker, sanitize_attribution
from app.location.pmtiles_reader import PMTilesMetadata, PMTilesReader


def build_maps(source: dict[str, Any]) -> dict[str, str]:
    """The contents of ``map.js``, ``map.svg`` and ``map-dark.svg``."""
    # Loading them takes a second, which is why the process lowers its priority first.
    from app.location.folium_map import build_map_script  # noqa: PLC0415
    from app.location.static_map import render_static_map  # noqa: PLC0415

    markers = [
        Marker(**{**marker, "address": tuple(marker["address"]), "hours": tuple(marker["hours"])})
        for marker in source["markers"]
    ]
    html, text = sanitize_attribution(source["attribution"])
    static: dict[str, Any] = {}
    layer = None
    if source["basemap"]:
        basemap = PMTilesReader(Path(source["basemap"]))
        zooms = (basemap.metadata.min_zoom, basemap.metadata.max_zoom)
        static = {"tiles": basemap.tile, "zooms": zooms, "attribution": text}
        layer = _layer_options(basemap.metadata)
    return {
        "map.js": build_map_script(
            markers, basemap=layer, tiles_url=source["tiles_url"], attribution=html
        ),
        "map.svg": render_static_map(markers, LIGHT, **static),
        "map-dark.svg": render_static_map(markers, DARK, **static),
    }


def _layer_options(metadata: PMTilesMetadata) -> dict[str, Any]:
    """The options of the interactive map's vector layer."""
    west, south, east, north = metadata.bounds
    return {
        "url": f"/location/tiles/{{z}}/{{x}}/{{y}}.mvt?v={metadata.version}",
        "bounds": [[south, west], [north, east]],
        "minZoom": metadata.min_zoom + 1,  # one tile of data makes four on the screen
        "maxDataZoom": metadata.max_zoom,
        "lang": "en",
    }


if __name__ == "__main__":
    os.nice(10)  # visitors' requests come first
    json.dump(build_maps(json.load(sys.stdin)), sys.stdout)
