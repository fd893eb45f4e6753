"""The static map: one SVG image for first paint, for print and without JavaScript.

It has no side effects: it turns markers and vector tiles into SVG.
"""

from collections.abc import Sequence
from html import escape

from shapely import Polygon, box

from app.location.label_placement import place_labels
from app.location.map_colors import STATIC_MAP_CSS, VARIABLES, MapColors
from app.location.markers import PIN_PATH, Marker, sanitize_attribution
from app.location.pmtiles_reader import PMTilesReader
from app.location.tile_rendering import load_features, render_features
from app.location.viewport import HEIGHT, WIDTH, Viewport, fit_viewport

SCALE_BARS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)  # meters
PIN_SCALE, LARGE_PIN_SCALE = 2.4, 4.2  # the second one is in STATIC_MAP_CSS, too
LARGE_LABEL_SCALE = 1.8  # for small screens
SQUARE_LEFT = (WIDTH - HEIGHT) // 2 + 40  # pages may show a square from the middle
HALO = 'stroke-linejoin="round" paint-order="stroke"'


def render_static_map(markers: Sequence[Marker], basemap: PMTilesReader | None = None) -> str:
    """The SVG, which follows the color scheme; on a plain background without ``basemap``."""
    colors = VARIABLES
    viewport = fit_viewport(markers)
    features = load_features(viewport, basemap) if basemap else []
    tips = [viewport.position(marker) for marker in markers]
    pin_areas = [_pin_area(tip, PIN_SCALE) for tip in tips]
    large_pin_areas = [_pin_area(tip, LARGE_PIN_SCALE) for tip in tips]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        f' width="{WIDTH // 2}" height="{HEIGHT // 2}"',
        ' font-family="system-ui,sans-serif" font-size="25">',
        f"<style>{STATIC_MAP_CSS}</style>",
        f'<path fill="{colors["earth"]}" d="M0 0h{WIDTH}v{HEIGHT}H0z"/>',
        *render_features(features, colors),
        f'<g class="w" {HALO} stroke-width="6">',
        *place_labels(features, colors, pin_areas),
        _scale_bar(viewport, colors),
        _attribution(basemap, colors, 25) if basemap else "",
        f'</g><g class="n" display="none" {HALO} stroke-width="11">',
        *place_labels(features, colors, large_pin_areas, LARGE_LABEL_SCALE),
        _attribution(basemap, colors, 40) if basemap else "",
        "</g>",
        # From north to south, so that a pin in front covers the one behind it.
        *(
            _pin(marker, viewport, colors)
            for marker in sorted(markers, key=lambda marker: -marker.latitude)
        ),
        "</svg>",
    ]
    return "".join(parts)


def _pin_area(tip: tuple[float, float], scale: float) -> Polygon:
    """The area covered by a pin, which stays free of labels."""
    x, y = tip
    return box(x - 15 * scale, y - 40 * scale, x + 15 * scale, y + 6)


def _pin(marker: Marker, viewport: Viewport, colors: MapColors) -> str:
    x, y = viewport.position(marker)
    color = colors["pin_text"]
    symbol = (
        f'<text y="-18.2" text-anchor="middle" font-size="16" font-weight="700" fill="{color}">'
        f"{escape(marker.label)}</text>"
        if marker.label
        else f'<circle cy="-24" r="5" fill="{color}"/>'
    )
    return (
        f'<g transform="translate({x:.0f} {y:.0f})"><g class="p" transform="scale({PIN_SCALE})">'
        f'<path d="{PIN_PATH}" fill="{colors["pin"]}" stroke="{colors["pin_edge"]}" '
        f'stroke-width="1.6"/>{symbol}</g></g>'
    )


def _scale_bar(viewport: Viewport, colors: MapColors) -> str:
    """A bar of a round length, labeled in meters and in feet or miles."""
    unit = viewport.meters_per_unit
    length = max((bar for bar in SCALE_BARS if bar / unit < WIDTH / 4), default=SCALE_BARS[0])
    return (
        f'<g transform="translate({SQUARE_LEFT} {HEIGHT - 30})" {_text_colors(colors)}>'
        f'<path d="M0-14V0h{length / unit:.0f}v-14" fill="none" '
        f'stroke="{colors["label"]}" stroke-width="4"/>'
        f'<text x="10" y="-10">{_format_length(length)}</text></g>'
    )


def _format_length(meters: int) -> str:
    metric = f"{meters} m" if meters < 1000 else f"{meters // 1000} km"
    feet = meters * 3.28084
    return f"{metric} · {feet:,.0f} ft" if feet < 2640 else f"{metric} · {feet / 5280:.2g} mi"


def _attribution(basemap: PMTilesReader, colors: MapColors, size: int) -> str:
    _, text = sanitize_attribution(basemap.metadata.attribution)
    return (
        f'<text x="{WIDTH - SQUARE_LEFT}" y="{HEIGHT - 22}" font-size="{size}" text-anchor="end"'
        f" {_text_colors(colors)}>"
        f"{escape(text)}</text>"
    )


def _text_colors(colors: MapColors) -> str:
    return f'fill="{colors["label"]}" stroke="{colors["halo"]}"'
