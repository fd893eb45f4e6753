"""``python -m app.location.build_maps``: a MapSource as JSON in, the map files as JSON out.

``map_cache.py`` runs this as a subprocess, because of the libraries that it needs.
"""

import os
import sys

from app.location.map_cache import MAP_FILES, MAP_SOURCE, MapSource
from app.location.pmtiles_reader import PMTilesReader


def build_maps(source: MapSource) -> dict[str, str]:
    """The contents of ``map.js`` and ``map.svg``."""
    # Loading them takes a second, which is why the process lowers its priority first.
    from app.location.folium_map import build_map_script  # noqa: PLC0415
    from app.location.static_map import render_static_map  # noqa: PLC0415

    basemap = PMTilesReader(source.basemap) if source.basemap else None
    return {
        "map.js": build_map_script(source, basemap.metadata if basemap else None),
        "map.svg": render_static_map(source.markers, basemap),
    }


if __name__ == "__main__":
    os.nice(10)  # visitors' requests come first
    files = build_maps(MAP_SOURCE.validate_json(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(MAP_FILES.dump_json(files))
