"""Routes of the location page, the map's script and images, and the vector tiles."""

import gzip
import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, json, render_template, request

from app.clinic import json_ld
from app.location.map_cache import MEDIA_TYPES, MapCache, MapSource
from app.location.map_colors import STATIC_MAP_CSS
from app.location.pmtiles_reader import PMTilesReader
from app.services import current_services
from app.web.page_cache import (
    HTML,
    ONE_YEAR,
    PAGE_CACHE_CONTROL,
    PROXY_CACHE_SECONDS,
    REVALIDATE,
    proxy_may_cache,
    public_response,
)
from app.web.security_headers import allow_images_from, svg_policy
from app.web.static_files import asset, integrity, integrity_hash

STYLES = ("vendor/leaflet/leaflet.css", "css/map.css")
LEAFLET = "vendor/leaflet/leaflet.js"
PROTOMAPS = "vendor/protomaps-leaflet/protomaps-leaflet.js"
MVT = "application/vnd.mapbox-vector-tile"
SVG_POLICY = svg_policy(STATIC_MAP_CSS)

blueprint = Blueprint("location", __name__)


@dataclass(frozen=True)
class ClinicMap:
    """The maps of this clinic, for views and templates."""

    source: MapSource
    cache: MapCache
    basemap: PMTilesReader | None

    def url(self, name: str) -> str:
        """The URL of ``map.js`` or an image; it changes with the contents."""
        return f"/location/{name}?v={self.cache.version}"

    @property
    def street_tile_host(self) -> str:
        """The host that street images are loaded from after a click; empty if not needed."""
        host = urlsplit(self.source.tiles_url).hostname or ""
        return host.removeprefix("{s}.").removeprefix("tile.").removeprefix("tiles.")

    def allow_street_images(self) -> str:
        """Allow images of that host in the Content-Security-Policy of the current page."""
        if self.street_tile_host:
            parts = urlsplit(self.source.tiles_url)
            allow_images_from(f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}")
        return ""


@blueprint.get("/location")
def location() -> Response:
    services = current_services()
    clinic = json_ld.clinic_node(services.notices.clinic(), services.settings.site_url)
    html = render_template("location/location.html", structured_data=json_ld.script(clinic))
    return public_response(html, HTML, PAGE_CACHE_CONTROL)


@blueprint.get(f"/location/<any({', '.join(map(repr, MEDIA_TYPES))}):name>")
def map_file(name: str) -> Response:
    cache = current_services().clinic_map.cache
    contents = cache.get(name)
    if contents is None:
        return _unavailable()
    response = public_response(contents, MEDIA_TYPES[name], _cache_control(cache.version))
    if name.endswith(".svg"):
        response.headers["Content-Security-Policy"] = SVG_POLICY
    return response


@blueprint.get("/location/assets.json")
def map_assets() -> Response:
    """The styles and scripts of the interactive map, each with its integrity hash."""
    clinic_map = current_services().clinic_map
    script = clinic_map.cache.get("map.js")
    if script is None:
        return _unavailable()
    libraries = [LEAFLET, PROTOMAPS] if clinic_map.basemap else [LEAFLET]
    assets = {
        "styles": [{"href": asset(name), "integrity": integrity(name)} for name in STYLES],
        "scripts": [
            *({"src": asset(name), "integrity": integrity(name)} for name in libraries),
            {"src": clinic_map.url("map.js"), "integrity": integrity_hash(script.encode())},
        ],
    }
    return public_response(json.dumps(assets), "application/json", REVALIDATE)


@blueprint.get("/location/tiles/<int:z>/<int:x>/<int:y>.mvt")
def tile(z: int, x: int, y: int) -> Response:
    """A tile, gzipped as it is stored; 404 without an error page if there is none."""
    basemap = current_services().clinic_map.basemap
    data = basemap.tile(z, x, y) if basemap else None
    if basemap is None or data is None:
        return Response(status=404, mimetype=MVT)
    gzipped = request.accept_encodings["gzip"] > 0
    response = Response(data if gzipped else gzip.decompress(data), content_type=MVT)
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    cache_control = _cache_control(basemap.metadata.version)
    if proxy_may_cache(request.query_string.decode("latin-1"), cache_control):
        response.headers["X-Accel-Expires"] = PROXY_CACHE_SECONDS
    response.headers["Cache-Control"] = cache_control
    # Weak, because both encodings have the same ETag.
    response.set_etag(hashlib.sha256(data).hexdigest()[:20], weak=True)
    return response.make_conditional(request)  # type: ignore[return-value]


def _unavailable() -> Response:
    return Response("The map is not available.\n", 503, mimetype="text/plain")


def _cache_control(version: str) -> str:
    """One year if the query is the current version and nothing else."""
    return ONE_YEAR if request.query_string == f"v={version}".encode() else REVALIDATE
