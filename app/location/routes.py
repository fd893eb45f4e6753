"""The routes of the map: its page, its script, its images, its tiles."""

import gzip
import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, json, render_template, request

from app.location.map_cache import MEDIA_TYPES, MapCache
from app.location.map_colors import NARROW
from app.location.markers import Marker, directions
from app.location.pmtiles_reader import PMTilesReader
from app.web.page_cache import HTML, PROXY_CACHE_SECONDS, proxy_may_cache, public_response
from app.web.security_headers import allow_images_from
from app.web.static_files import asset, integrity, integrity_hash

FRESH = "public, max-age=30, must-revalidate"
ONE_YEAR = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
STYLES = ("vendor/leaflet/leaflet.css", "css/map.css")
LEAFLET = "vendor/leaflet/leaflet.js"
PROTOMAPS = "vendor/protomaps-leaflet/protomaps-leaflet.js"
MVT = "application/vnd.mapbox-vector-tile"
# For somebody who opens an image by itself: its one style and nothing else.
SVG_POLICY = (
    f"default-src 'none'; style-src '{integrity_hash(NARROW.encode())}'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class ClinicMap:
    """What the templates need to show the map."""

    markers: tuple[Marker, ...]
    cache: MapCache
    basemap: PMTilesReader | None
    tiles_url: str
    attribution: str  # harmless HTML

    def url(self, name: str) -> str:
        """Where ``map.js`` or an image is: another address whenever it changes."""
        return f"/location/{name}?v={self.cache.version}"

    @property
    def street_tile_host(self) -> str:
        """The host that streets may be had from after a click; empty where there is no need."""
        if self.basemap or not self.tiles_url:
            return ""
        host = urlsplit(self.tiles_url).hostname or ""
        return host.removeprefix("{s}.").removeprefix("tile.").removeprefix("tiles.")

    def allow_street_images(self) -> str:
        """Allow the pictures of that host, and no other, on the page being answered."""
        if self.street_tile_host:
            parts = urlsplit(self.tiles_url)
            allow_images_from(f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}")
        return ""


def blueprint(clinic_map: ClinicMap) -> Blueprint:
    """The routes of this room."""
    routes = Blueprint("location", __name__)

    @routes.get("/location")
    def location() -> Response:
        return public_response(render_template("location/location.html"), HTML, FRESH)

    @routes.get(f"/location/<any({', '.join(map(repr, MEDIA_TYPES))}):name>")
    def artefact(name: str) -> Response:
        return _artefact(clinic_map.cache, name)

    @routes.get("/location/parts.json")
    def parts() -> Response:
        return _parts(clinic_map)

    @routes.get("/location/tiles/<int:z>/<int:x>/<int:y>.mvt")
    def tile(z: int, x: int, y: int) -> Response:
        return _tile(clinic_map.basemap, z, x, y)

    @routes.app_context_processor
    def helpers() -> dict[str, object]:
        return {
            "clinic_map": clinic_map,
            "directions": directions,
        }

    return routes


def _artefact(artefacts: MapCache, name: str) -> Response:
    made = artefacts.get(name)
    if made is None:
        return _unavailable()
    response = public_response(made, MEDIA_TYPES[name], _keep(artefacts.version))
    if name.endswith(".svg"):
        response.headers["Content-Security-Policy"] = SVG_POLICY
    return response


def _unavailable() -> Response:
    return Response("The map is not available.\n", 503, mimetype="text/plain")


def _parts(clinic_map: ClinicMap) -> Response:
    """What the live map is loaded from, each with its digest: a browser takes these very bytes."""
    made = clinic_map.cache.get("map.js")
    if made is None:
        return _unavailable()
    libraries = [LEAFLET, *([PROTOMAPS] if clinic_map.basemap else [])]
    told = {
        "styles": [{"href": asset(name), "integrity": integrity(name)} for name in STYLES],
        "scripts": [
            *({"src": asset(name), "integrity": integrity(name)} for name in libraries),
            {"src": clinic_map.url("map.js"), "integrity": integrity_hash(made)},
        ],
    }
    return public_response(json.dumps(told), "application/json", ASK_AGAIN)


def _tile(basemap: PMTilesReader | None, z: int, x: int, y: int) -> Response:
    """A tile as it is stored; 404 without a word in the log where the file has none."""
    packed = basemap.tile(z, x, y) if basemap else None
    if basemap is None or packed is None:
        return Response(status=404, mimetype=MVT)
    accepted = request.accept_encodings["gzip"] > 0
    response = Response(packed if accepted else gzip.decompress(packed), content_type=MVT)
    if accepted:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    cache_control = _keep(basemap.metadata.version)
    if proxy_may_cache(request.query_string.decode("latin-1"), cache_control):
        response.headers["X-Accel-Expires"] = PROXY_CACHE_SECONDS
    response.headers["Cache-Control"] = cache_control
    # Weak, because one tag stands for both encodings.
    response.set_etag(hashlib.sha256(packed).hexdigest()[:20], weak=True)
    return response.make_conditional(request)  # type: ignore[return-value]


def _keep(version: str) -> str:
    """For a year where the address names these very bytes."""
    return ONE_YEAR if request.args.get("v") == version else ASK_AGAIN
