"""Where the clinic is: the page, the live map, the static map, the tiles."""

from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from flask import Flask

from app.clinic import Clinic, ClinicError
from app.location.map_cache import MapCache, MapSource
from app.location.markers import OSM_ATTRIBUTION, location_markers, sanitize_attribution
from app.location.pmtiles_reader import PMTilesReader
from app.location.routes import ClinicMap, blueprint
from app.services import services_of


def init_app(
    app: Flask, *, clinic: Clinic, basemap: Path, tiles_url: str, cache: Path
) -> ClinicMap:
    """Join this room to the application.

    ``basemap`` is the clinic's PMTiles file, which need not exist; then the
    page offers streets from ``tiles_url`` (``https://…/{z}/{x}/{y}.png``, or
    empty: none). ``cache`` is a folder for what can be made again. Raises
    ClinicError for a basemap that is broken or holds no vector tiles.
    """
    _check_tiles_url(tiles_url)
    ground = PMTilesReader(basemap) if basemap.exists() else None
    attribution = ground.metadata.attribution if ground else _raster_credit(tiles_url)
    source = MapSource(
        markers=location_markers(clinic.locations),
        basemap=str(basemap.absolute()) if ground else None,
        metadata=ground.metadata if ground else None,
        tiles_url="" if ground else tiles_url,
        attribution=attribution,
    )
    clinic_map = ClinicMap(
        markers=source.markers,
        cache=MapCache(source, cache),
        basemap=ground,
        tiles_url=source.tiles_url,
        attribution=sanitize_attribution(attribution)[0] if ground or tiles_url else "",
    )
    app.register_blueprint(blueprint(clinic_map))
    return clinic_map


def warm_up(app: Flask) -> Thread:
    """Make the maps in the background. For the server's start, not for every command."""
    return services_of(app).clinic_map.cache.warm_up()


def _check_tiles_url(tiles_url: str) -> None:
    if tiles_url and not all(part in tiles_url for part in ("{z}", "{x}", "{y}")):
        raise ClinicError("MAP_TILES_URL: must contain {z}, {x} and {y}")


def _raster_credit(tiles_url: str) -> str:
    """Who made the pictures; nearly all public street maps draw OpenStreetMap's data."""
    host = urlsplit(tiles_url).hostname or ""
    own = host == "openstreetmap.org" or host.endswith(".openstreetmap.org")
    return OSM_ATTRIBUTION if own or not host else f"{OSM_ATTRIBUTION}, pictures from {host}"
