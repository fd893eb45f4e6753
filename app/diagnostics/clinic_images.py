"""What the clinic shows: its mark, the picture beside a shared link, the streets."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from app.clinic import Clinic, ClinicError
from app.diagnostics.clinic_files import MEND, faults_of
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.location.markers import Marker, location_markers
from app.location.pmtiles_reader import PMTilesReader
from app.location.viewport import HEIGHT, WIDTH, fit_viewport, mercator
from app.pages.og_image import SIZE, read_social_card

LOGO_ROOM = 10_000  # bytes; every page loads it
STREETS = 14  # the zoom from which a basemap holds every street
CUT = "Cut it anew: docs/customize.md"


def check_logo(file: Path) -> CheckResult:
    """An SVG that can be shown at any size."""
    try:
        root = ET.parse(file).getroot()  # noqa: S314  (the clinic's own file)
    except (OSError, ET.ParseError) as error:
        return failed("logo", f"{file}: {error}", MEND)
    if not root.tag.endswith("svg"):
        return failed("logo", f"{file}: is no SVG", MEND)
    size = file.stat().st_size
    if "viewBox" not in root.attrib:
        return warning("logo", f"{file}: has no viewBox, so it does not scale", "Add one")
    if size > LOGO_ROOM:
        return warning("logo", f"{file}: {size} bytes, loaded by every page", "Simplify it")
    return ok("logo", f"{size} bytes")


def check_social_card(file: Path) -> CheckResult:
    """The picture, if there is one, has the size that networks ask for."""
    if not file.exists():
        says = "none; a link to you is shown without a picture"
        return warning("social card", says, f"Put {file.name} there, {SIZE[0]} by {SIZE[1]} pixels")
    try:
        read_social_card(file)
    except ClinicError as error:
        return faults_of("social card", error)[0]
    return ok("social card", f"{SIZE[0]} by {SIZE[1]} pixels")


def check_basemap(clinic: Clinic, file: Path) -> list[CheckResult]:
    """Whether ``file`` holds the streets around every location, at each zoom it has."""
    if not file.exists():
        says = "none; the map shows pins on a plain ground"
        return [warning("basemap", says, "Cut one: docs/customize.md")]
    try:
        basemap = PMTilesReader(file)
    except ClinicError as error:
        return faults_of("basemap", error)
    places = location_markers(clinic.locations)
    findings = [_missing(basemap, one) for one in places]
    found = [one for one in (*findings, _edge(basemap, places), _coarse(basemap)) if one]
    basemap.close()
    levels = f"zoom {basemap.metadata.min_zoom} to {basemap.metadata.max_zoom}"
    return found or [ok("basemap", f"{levels}, covers every location")]


def _missing(basemap: PMTilesReader, marker: Marker) -> CheckResult | None:
    """A warning where there are no streets at ``marker``."""
    levels = range(basemap.metadata.min_zoom, basemap.metadata.max_zoom + 1)
    x, y = mercator(marker.latitude, marker.longitude)
    bare = [zoom for zoom in levels if not basemap.tile(zoom, int(x * 2**zoom), int(y * 2**zoom))]
    if not bare:
        return None
    return warning("basemap", f"no streets at {marker.name} at zoom {bare[0]} and on", CUT)


def _edge(basemap: PMTilesReader, places: Sequence[Marker]) -> CheckResult | None:
    """A warning where the first look at the map would show where the streets end."""
    west, south, east, north = basemap.metadata.bounds
    (left, top), (right, bottom) = mercator(north, west), mercator(south, east)
    view = fit_viewport(places)
    across, down = view.left + view.unit * WIDTH, view.top + view.unit * HEIGHT
    if left <= view.left and across <= right and top <= view.top and down <= bottom:
        return None
    return warning("basemap", "ends within the map's first look", f"Take a wider bbox. {CUT}")


def _coarse(basemap: PMTilesReader) -> CheckResult | None:
    most = basemap.metadata.max_zoom
    if most >= STREETS:
        return None
    return warning("basemap", f"ends at zoom {most}, so small streets are missing", CUT)
