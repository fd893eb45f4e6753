"""The location page with its interactive map, static map and vector tiles."""

from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask

from app.clinic import Clinic
from app.location.map_cache import MapCache, MapSource
from app.location.markers import OSM_ATTRIBUTION, directions, location_markers
from app.location.pmtiles_reader import PMTilesReader
from app.location.routes import ClinicMap, blueprint


def init_app(
    app: Flask, *, clinic: Clinic, basemap: Path, tiles_url: str, cache: Path
) -> ClinicMap:
    """Register this package.

    ``basemap`` is the clinic's PMTiles file. Without that file the page offers street images
    from ``tiles_url`` (``https://…/{z}/{x}/{y}.png``, or empty for none). ``cache`` is a folder
    for files that can be built again. Raises ClinicError for an invalid file.
    """
    reader = PMTilesReader(basemap) if basemap.exists() else None
    source = MapSource(
        markers=location_markers(clinic.locations),
        basemap=basemap.absolute() if reader else None,
        basemap_version=reader.metadata.version if reader else "",
        tiles_url="" if reader else tiles_url,
        attribution=reader.metadata.attribution if reader else _tiles_attribution(tiles_url),
    )
    clinic_map = ClinicMap(source, MapCache(source, cache), reader)
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(clinic_map=clinic_map, directions=directions)
    return clinic_map


def _tiles_attribution(tiles_url: str) -> str:
    """Nearly all public street maps are made from OpenStreetMap's data."""
    host = urlsplit(tiles_url).hostname or ""
    is_osm = host == "openstreetmap.org" or host.endswith(".openstreetmap.org")
    return OSM_ATTRIBUTION if is_osm or not host else f"{OSM_ATTRIBUTION}, pictures from {host}"
