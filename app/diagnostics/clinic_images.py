"""Checks of the logo, the drawing, the social card and the basemap."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.clinic import Clinic, ClinicError
from app.clinic.errors import IssueCollector
from app.diagnostics.result import CheckResult, clinic_failures, ok, warning, warning_at
from app.location.label_placement import POINTS
from app.location.markers import Marker, location_markers
from app.location.pmtiles_reader import PMTilesReader
from app.location.tile_rendering import AREAS, ROADS, read_properties
from app.location.viewport import HEIGHT, WIDTH, fit_viewport, mercator
from app.pages.social_card import SIZE, read_social_card
from app.pages.svg_files import read_svg

MAX_SVG_BYTES = 10_000  # every page loads the logo, and the front page the drawing
STREET_ZOOM = 14  # the zoom level from which a basemap contains every street
CREATE_AGAIN = "Create it again: flask clinic streets"
# What the maps draw: layers, the attributes that decide how, and the kinds of roads.
LAYERS = {layer for layer, *_ in (*AREAS, *POINTS)} | {"roads"}
ATTRIBUTES = {
    "roads": {"kind"},
    "landuse": {"kind"},
    "pois": {"kind", "name"},
    "places": {"kind", "name"},
}
ROAD_KINDS = frozenset[str]().union(*(kinds for kinds, *_ in ROADS))


def check_logo(file: Path) -> list[CheckResult]:
    """Check that ``file`` is a small SVG that scales, without scripts and outside references."""
    return _check_svg("logo", file)


def check_drawing(file: Path) -> list[CheckResult]:
    """Check the drawing of the front page in the same way, if there is one."""
    if not file.exists():
        return [ok("drawing", "none; the front page is shown without one")]
    return _check_svg("drawing", file)


def _check_svg(check: str, file: Path) -> list[CheckResult]:
    issues = IssueCollector()
    text = read_svg(file, issues)
    if issues.issues:
        return clinic_failures(check, ClinicError.from_issues(issues.issues))
    if "viewBox" not in text:
        return [warning_at(check, file, "<svg", "has no viewBox, so it does not scale", "Add one")]
    if (size := len(text.encode())) > MAX_SVG_BYTES:
        return [warning(check, f"{file}: {size} bytes; visitors wait for it", "Simplify it")]
    return [ok(check, f"{size} bytes")]


def check_social_card(file: Path) -> CheckResult:
    """Check that the image, if there is one, has the size that social networks expect."""
    dimensions = f"{SIZE[0]} by {SIZE[1]} pixels"
    if not file.exists():
        message = "none; shared links are shown without an image"
        return warning("social card", message, f"Add {file.name}, {dimensions}")
    try:
        read_social_card(file)
    except ClinicError as error:
        return clinic_failures("social card", error)[0]
    return ok("social card", dimensions)


def check_basemap(clinic: Clinic, file: Path) -> list[CheckResult]:
    """Check that ``file`` has the streets around every location at each of its zoom levels."""
    if not file.exists():
        message = "none; pages show addresses and directions without a map"
        return [warning("basemap", message, "Get one: flask clinic streets")]
    try:
        basemap = PMTilesReader(file)
    except ClinicError as error:
        return clinic_failures("basemap", error)
    markers = location_markers(clinic.locations)
    results = [
        *(_check_tiles(basemap, marker) or _check_streets(basemap, marker) for marker in markers),
        _check_bounds(basemap, markers),
        _check_zoom(basemap),
    ]
    basemap.close()
    levels = f"zoom {basemap.metadata.min_zoom} to {basemap.metadata.max_zoom}"
    warnings = [result for result in results if result]
    return warnings or [ok("basemap", f"{levels}, covers every location")]


def _check_tiles(basemap: PMTilesReader, marker: Marker) -> CheckResult | None:
    """Warn if there are no streets at ``marker``."""
    levels = range(basemap.metadata.min_zoom, basemap.metadata.max_zoom + 1)
    x, y = mercator(marker.latitude, marker.longitude)
    empty = [zoom for zoom in levels if not basemap.tile(zoom, int(x * 2**zoom), int(y * 2**zoom))]
    if not empty:
        return None
    return warning("basemap", f"no streets at {marker.name} from zoom {empty[0]}", CREATE_AGAIN)


def _check_streets(basemap: PMTilesReader, marker: Marker) -> CheckResult | None:
    """Warn if the map cannot draw the tile at ``marker``, and name what it lacks."""
    zoom, (x, y) = basemap.metadata.max_zoom, mercator(marker.latitude, marker.longitude)
    tile = basemap.tile(zoom, int(x * 2**zoom), int(y * 2**zoom))
    try:
        problems = _missing_from(read_properties(tile or b""))
    except ValueError as error:
        problems = [str(error)]
    if not problems:
        return None
    message = f"the map of {marker.name} is incomplete: {'; '.join(problems)}"
    return warning("basemap", message, "Use version 4 of the Protomaps basemap: docs/customize.md")


def _missing_from(layers: Mapping[str, Sequence[Mapping[str, object]]]) -> list[str]:
    """Return what the map cannot draw of a tile with the properties ``layers``."""
    if "roads" not in layers:
        missing = ", ".join(sorted(LAYERS - layers.keys()))
        return [f"it has no layers {missing}, but {', '.join(sorted(layers)) or 'none'}"]
    attributes = {name: set().union(*features) for name, features in layers.items()}
    problems = [
        f"{name} has no attribute {' or '.join(sorted(lacking))}"
        for name, needed in ATTRIBUTES.items()
        if name in layers and (lacking := needed - attributes[name])
    ]
    kinds = {str(road.get("kind")) for road in layers["roads"]}
    if not problems and not kinds & ROAD_KINDS:
        problems = [f"no road is of a kind that is drawn, but {', '.join(sorted(kinds))}"]
    return problems


def _check_bounds(basemap: PMTilesReader, markers: Sequence[Marker]) -> CheckResult | None:
    """Warn if the map's initial view extends beyond the basemap."""
    west, south, east, north = basemap.metadata.bounds
    (left, top), (right, bottom) = mercator(north, west), mercator(south, east)
    view = fit_viewport(markers)
    view_right, view_bottom = view.left + view.unit * WIDTH, view.top + view.unit * HEIGHT
    if left <= view.left and view_right <= right and top <= view.top and view_bottom <= bottom:
        return None
    message = "ends within the initial view of the map"
    return warning("basemap", message, f"Use a larger bbox. {CREATE_AGAIN}")


def _check_zoom(basemap: PMTilesReader) -> CheckResult | None:
    zoom = basemap.metadata.max_zoom
    if zoom >= STREET_ZOOM:
        return None
    return warning("basemap", f"ends at zoom {zoom}, so small streets are missing", CREATE_AGAIN)
