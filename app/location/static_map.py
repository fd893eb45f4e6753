"""The map as one SVG image: for first paint, for no JavaScript and for print.

Pure: markers, vector tiles and a colors in, SVG text out.
"""

from collections.abc import Sequence
from html import escape

from shapely import Polygon, box

from app.location.label_placement import place_labels
from app.location.map_colors import NARROW, MapColors
from app.location.markers import PIN_PATH, Marker
from app.location.tile_rendering import Shapes, TileSource, load_shapes, render_shapes
from app.location.viewport import HEIGHT, WIDTH, Viewport, fit_viewport

BARS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)  # metres
PIN_SCALE, PIN_LARGE = 2.4, 4.2  # the second one stands in NARROW, too
LARGE = 1.8  # times the names are larger in a small picture
EDGE = 'stroke-linejoin="round" paint-order="stroke"'


def render_static_map(
    places: Sequence[Marker],
    colors: MapColors,
    *,
    tiles: TileSource | None = None,
    zooms: tuple[int, int] = (0, 0),
    attribution: str = "",
) -> str:
    """The SVG; on a plain background without ``tiles``, whose zoom levels are ``zooms``."""
    view = fit_viewport(places)
    shapes = load_shapes(view, tiles, zooms) if tiles else Shapes()
    spots = [view.place(marker) for marker in places]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        f' width="{WIDTH // 2}" height="{HEIGHT // 2}"',
        ' font-family="system-ui,sans-serif" font-size="25">',
        f"<style>{NARROW}</style>",
        f'<path fill="{colors["earth"]}" d="M0 0h{WIDTH}v{HEIGHT}H0z"/>',
        *render_shapes(shapes, colors),
        f'<g class="w" {EDGE} stroke-width="6">',
        *place_labels(shapes, colors, [_marker_area(spot, PIN_SCALE) for spot in spots]),
        _scale_bar(view, colors),
        _credit(attribution, colors),
        f'</g><g class="n" display="none" {EDGE} stroke-width="11">',
        *place_labels(shapes, colors, [_marker_area(spot, PIN_LARGE) for spot in spots], LARGE),
        "</g>",
        *(
            _render_marker(marker, view, colors)
            for marker in sorted(places, key=lambda marker: -marker.latitude)
        ),
        "</svg>",
    ]
    return "".join(parts)


def _marker_area(at: tuple[float, float], scale: float) -> Polygon:
    """What a marker covers: no label goes there."""
    x, y = at
    return box(x - 15 * scale, y - 40 * scale, x + 15 * scale, y + 6)


def _render_marker(marker: Marker, view: Viewport, colors: MapColors) -> str:
    x, y = view.place(marker)
    ink = colors["pin_text"]
    mark = (
        f'<text y="-18.2" text-anchor="middle" font-size="16" font-weight="700" fill="{ink}">'
        f"{escape(marker.label)}</text>"
        if marker.label
        else f'<circle cy="-24" r="5" fill="{ink}"/>'
    )
    return (
        f'<g transform="translate({x:.0f} {y:.0f})"><g class="p" transform="scale({PIN_SCALE})">'
        f'<path d="{PIN_PATH}" fill="{colors["pin"]}" stroke="{colors["pin_edge"]}" '
        f'stroke-width="1.6"/>{mark}</g></g>'
    )


def _scale_bar(view: Viewport, colors: MapColors) -> str:
    """A bar of a round length, in metres and in feet or miles."""
    length = max((bar for bar in BARS if bar / view.metres < WIDTH / 4), default=BARS[0])
    return (
        f'<g transform="translate(28 {HEIGHT - 30})" {_ink(colors)}>'
        f'<path d="M0-14V0h{length / view.metres:.0f}v-14" fill="none" '
        f'stroke="{colors["label"]}" stroke-width="4"/>'
        f'<text x="10" y="-10">{_written(length)}</text></g>'
    )


def _written(metres: int) -> str:
    own = f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
    feet = metres * 3.28084
    return f"{own} · {feet:,.0f} ft" if feet < 2640 else f"{own} · {feet / 5280:.2g} mi"


def _credit(attribution: str, colors: MapColors) -> str:
    if not attribution:
        return ""
    return (
        f'<text x="{WIDTH - 24}" y="{HEIGHT - 22}" text-anchor="end" {_ink(colors)}>'
        f"{escape(attribution)}</text>"
    )


def _ink(colors: MapColors) -> str:
    return f'fill="{colors["label"]}" stroke="{colors["halo"]}"'
