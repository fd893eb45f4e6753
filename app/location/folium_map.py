"""The live map as one script, written by Folium. Pure: values in, text out.

Folium's own page is not used: only its script, which the site serves as
``/location/map.js`` beside a ``<div>`` of ours. Kept out on purpose:

- Folium's default scripts and styles, which come from four foreign hosts;
- ``Tooltip``, which puts text into a JavaScript template literal, where
  ``${…}`` would run, and ``Popup``, which needs jQuery and inline styles:
  ``title`` and a call of ``bindPopup`` do the same from plain JSON strings;
- ``Icon``, which first fetches Leaflet's default picture;
- random ids: the same input gives the same bytes, so that caches hold.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import folium
from folium.elements import MethodCall
from folium.map import FitBounds, Layer
from folium.template import Template
from folium.utilities import JsCode

from app.location.map_colors import DARK, LIGHT
from app.location.markers import PIN_PATH, Marker, directions

MANNERS = Path(__file__).with_name("map_style.js")
CLOSEST, FIRST_LOOK = 19, 16  # zoom levels
MAP_ID = "clinic"  # the page's element is "map_clinic"

# Stands for "{" on the way through Folium: a character that no text has, and how JSON writes it.
BRACE = "\ue07b"
ESCAPED_BRACE = "\\ue07b"


class Map(folium.Map):
    """A Folium map that loads nothing by itself."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - the shape Folium expects
    default_css: list[tuple[str, str]] = []  # noqa: RUF012


class VectorBasemap(Layer):
    """Our own vector tiles, drawn in the browser by protomaps-leaflet."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = basemapLayer(
                {{ this.options|tojavascript }}, {{ this.colors|tojson }});
            showWhenDrawn({{ this._parent.get_name() }}, {{ this.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(name="basemap", control=False)
        self._name, self._id = "Layer", "basemap"
        self.options = options
        self.colors = {"light": LIGHT, "dark": DARK}


class RasterBasemap(folium.TileLayer):
    """Pictures of streets from another host. The page loads this map after a click only."""

    class ShowWhenDrawn(folium.MacroElement):
        """The static map stays until the first picture is there."""

        _template = Template(
            """
            {% macro script(this, kwargs) %}
                showWhenDrawn({{ this.map }}, {{ this.layer }});
                streetsOnDemand({{ this.map }}, {{ this.layer }});
            {% endmacro %}
            """
        )

        def __init__(self, chart: Map, layer: folium.TileLayer) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.map, self.layer = chart.get_name(), layer.get_name()

    def __init__(self, url: str, attribution: str, chart: Map) -> None:
        # The host learns which site asks, never which page: some refuse to answer without.
        super().__init__(url, attr=attribution, max_zoom=CLOSEST, referrerPolicy="origin")
        self._id = "streets"
        self.add_child(self.ShowWhenDrawn(chart, self))


class InteractionBehavior(folium.MacroElement):
    """Focus, the Escape key, and one finger or two: see map_style.js."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            popupManners({{ this._parent.get_name() }});
            fingerHint({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )


def build_map_script(
    places: Sequence[Marker],
    *,
    basemap: dict[str, Any] | None = None,
    tiles_url: str = "",
    attribution: str = "",
) -> str:
    """The script for ``places`` (at least one).

    ``basemap``: options of the vector layer, with ``bounds`` and ``minZoom``.
    Without it the ground are pictures from ``tiles_url``, or nothing at all.
    """
    places = [_guarded(marker) for marker in places]
    attribution = attribution.replace("{", BRACE)
    chart = _chart(places, basemap)
    if basemap:
        VectorBasemap({**basemap, "attribution": attribution}).add_to(chart)
    elif tiles_url:
        RasterBasemap(tiles_url, attribution, chart).add_to(chart)
    for marker in places:
        _add_marker(marker, chart)
    InteractionBehavior().add_to(chart)  # type: ignore[no-untyped-call]
    root: Any = chart.get_root()
    root.render()
    rendered = root.script.render().replace(BRACE, "\\u007b").replace(ESCAPED_BRACE, "\\u007b")
    calls = "\n".join(line.strip() for line in rendered.splitlines() if line.strip())
    style = MANNERS.read_text(encoding="utf-8")
    return f'(function () {{\n"use strict";\n{style}\n{calls}\n}})();\n'


def _guarded(marker: Marker) -> Marker:
    """``marker`` without braces: Folium reads its own output once more as a template, where
    ``{{ … }}`` in a name would run.
    """
    return replace(
        marker,
        name=marker.name.replace("{", BRACE),
        address=tuple(line.replace("{", BRACE) for line in marker.address),
        hours=tuple(line.replace("{", BRACE) for line in marker.hours),
    )


def _chart(places: Sequence[Marker], basemap: dict[str, Any] | None) -> Map:
    corners = [[marker.latitude, marker.longitude] for marker in places]
    # One finger scrolls the page, two move the map.
    options: dict[str, Any] = {"maxZoom": CLOSEST, "dragging": JsCode("!L.Browser.mobile")}
    if basemap:
        options |= {"minZoom": basemap["minZoom"], "maxBounds": basemap["bounds"]}
    chart = Map(
        location=[sum(axis) / len(places) for axis in zip(*corners, strict=True)],
        tiles=None,
        zoom_start=FIRST_LOOK,
        control_scale=True,
        scroll_wheel_zoom=False,
        zoom_control="topright",
        **options,
    )
    chart._id = MAP_ID  # noqa: SLF001 - Folium's only way to a fixed name
    if len(places) > 1:
        room = {"padding_top_left": (24, 50), "padding_bottom_right": (24, 12)}
        FitBounds(corners, max_zoom=FIRST_LOOK, **room).add_to(chart)
    return chart


def _add_marker(marker: Marker, chart: Map) -> None:
    folium_marker = folium.Marker(
        [marker.latitude, marker.longitude], title=marker.title, rise_on_hover=True
    )
    folium_marker._id = marker.key.replace("-", "_")  # noqa: SLF001 - see build
    icon = {
        "html": _icon(marker),
        "className": "map-pin",
        "iconSize": [36, 50],
        "iconAnchor": [18, 49],
        "popupAnchor": [0, -42],
    }
    options: dict[str, Any] = folium_marker.options
    options["icon"] = JsCode(f"L.divIcon({_javascript(icon)})")
    MethodCall(folium_marker, "bindPopup", _popup(marker), min_width=252, max_width=300).add_to(
        folium_marker
    )
    folium_marker.add_to(chart)


def _icon(marker: Marker) -> str:
    mark = (
        f'<text y="-18.5" text-anchor="middle">{escape(marker.label)}</text>'
        if marker.label
        else '<circle cy="-24" r="5"/>'
    )
    return (
        '<svg viewBox="-15 -40 30 42" width="36" height="50" aria-hidden="true">'
        f'<path d="{PIN_PATH}"/>{mark}</svg>'
    )


def _popup(marker: Marker) -> str:
    links = "".join(
        f'<li><a href="{escape(url)}" rel="noreferrer">{escape(service.split()[0])}</a></li>'
        for service, url in directions(marker.latitude, marker.longitude)
    )
    return (
        f"<strong>{escape(marker.name)}</strong>"
        f"<address>{'<br>'.join(map(escape, marker.address))}</address>"
        + (
            f'<p class="map-hours">{"<br>".join(map(escape, marker.hours))}</p>'
            if marker.hours
            else ""
        )
        + f"<p>Directions with</p><ul>{links}</ul>"
    )


def _javascript(value: object) -> str:
    """JSON that is safe inside a script, whatever text it holds."""
    return json.dumps(value).replace("<", "\\u003c").replace("\u2028", "\\u2028")
