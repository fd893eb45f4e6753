// Functions of the interactive map: how it draws vector tiles and handles focus and touch.
// folium_map.py puts them at the start of map.js, before the code that Folium generates and a
// call of setUpMap.

// Prepares a map with its markers. `layer` is missing if there are no streets.
function setUpMap(map, layer) {
  setUpPopups(map);
  setUpTouchHint(map);
  setUpZoom(map);
  if (!layer) return;
  showWhenDrawn(map, layer);
  setUpStreetButton(map, layer);
}

// Paint and label rules for the Protomaps basemap schema, version 4, in the colors of `c`.
// The default rules of protomaps-leaflet lack landmarks and street edges, and their labels are faint.
function basemapRules(c) {
  var P = protomapsL;
  var grow = function (stops) { return P.exp(1.6, stops); };
  var isKind = function (kinds) {
    return function (z, f) { return kinds.indexOf(f.props.kind) >= 0; };
  };
  var area = function (layer, kinds, color, more) {
    return Object.assign({
      dataLayer: layer,
      symbolizer: new P.PolygonSymbolizer(Object.assign({ fill: color }, more)),
      filter: function (z, f) { return f.geomType === 3 && (!kinds || kinds.indexOf(f.props.kind) >= 0); },
    });
  };
  var line = function (kinds, color, width, more) {
    return {
      dataLayer: "roads",
      symbolizer: new P.LineSymbolizer(Object.assign(
        { color: color, width: width, lineCap: "round", lineJoin: "round" }, more)),
      filter: isKind(kinds),
    };
  };
  var wide = {
    other: grow([[13, 0], [15, 1.5], [18, 14]]),
    minor_road: grow([[12, 0.4], [14, 1.5], [16, 5], [18, 18]]),
    major_road: grow([[9, 0.6], [12, 1.6], [14, 3.4], [16, 7.5], [18, 24]]),
    highway: grow([[5, 0.6], [12, 2.2], [14, 4.4], [16, 9], [18, 26]]),
  };
  var edge = function (width) {
    return function (z) { var w = width(z); return w < 1.4 ? 0 : w + 2; };
  };
  var both = function (kind, casing) { return line([kind], casing, edge(wide[kind])); };

  var paint = [
    area("earth", null, c.earth),
    area("landuse", ["farmland", "orchard", "meadow"], c.field),
    area("landuse", ["school", "university", "college", "hospital", "zoo"], c.public),
    area("landuse", ["park", "grass", "grassland", "cemetery", "golf_course", "playground",
      "village_green", "allotments", "recreation_ground", "garden", "national_park", "pitch"], c.green),
    area("landuse", ["wood", "forest", "nature_reserve", "scrub"], c.wood),
    area("landuse", ["beach", "sand"], c.sand),
    area("water", null, c.water),
    {
      dataLayer: "water",
      symbolizer: new P.LineSymbolizer({ color: c.water, width: grow([[12, 0.8], [18, 8]]) }),
      filter: function (z, f) { return f.geomType === 2; },
    },
    area("landuse", ["pedestrian", "pier"], c.paved),
    area("buildings", null, c.building, { stroke: c.building_edge, width: 0.7 }),
    line(["ferry"], c.rail, 1.5, { dash: [7, 5], dashColor: c.rail, dashWidth: 1.5, lineCap: "butt" }),
    line(["path"], c.path, 1.5, { dash: [1, 3.5], dashColor: c.path, dashWidth: 1.8 }),
    line(["rail"], c.rail, grow([[10, 0.4], [16, 1.8]])),
    both("other", c.casing), both("minor_road", c.casing),
    both("major_road", c.major_casing), both("highway", c.major_casing),
    line(["other"], c.road, wide.other), line(["minor_road"], c.road, wide.minor_road),
    line(["major_road"], c.major, wide.major_road), line(["highway"], c.major, wide.highway),
  ];

  var named = { labelProps: ["name:en", "name"], stroke: c.halo, width: 3 };
  var font = function (size, more) { return (more || "400") + " " + size + "px system-ui, sans-serif"; };
  var street = function (kinds, size, minzoom) {
    return {
      dataLayer: "roads", minzoom: minzoom, filter: isKind(kinds),
      symbolizer: new P.LineLabelSymbolizer(Object.assign(
        { fill: c.label, font: font(size), position: 2, repeatDistance: 420 }, named)),
    };
  };
  var point = function (layer, kinds, color, weight, size, zooms, more) {
    return {
      dataLayer: layer, minzoom: zooms[0], maxzoom: zooms[1],
      filter: function (z, f) { return f.geomType === 1 && (!kinds || kinds.indexOf(f.props.kind) >= 0); },
      symbolizer: new P.CenteredTextSymbolizer(Object.assign(
        { fill: color, font: font(size, weight), lineHeight: 1.3 }, named, more)),
    };
  };
  var landmark = function (kinds, minzoom) {
    return {
      dataLayer: "pois", minzoom: minzoom, filter: isKind(kinds),
      symbolizer: new P.GroupSymbolizer([
        new P.CircleSymbolizer({ radius: 3, fill: c.label, stroke: c.halo, width: 2 }),
        new P.OffsetTextSymbolizer(Object.assign(
          { fill: c.label, font: font(12), placements: [5], offsetY: 7, maxLineChars: 24, lineHeight: 1.25 }, named)),
      ]),
    };
  };
  var labels = [
    point("places", ["locality"], c.place_label, "600", 15, [1, 14]),
    street(["highway", "major_road"], 13.5, 14),
    landmark(["lighthouse", "ferry_terminal", "station", "hospital"], 15),
    point("water", null, c.water_label, "italic", 13.5, [11, 19], { letterSpacing: 1.5 }),
    point("pois", ["park", "beach", "garden", "cemetery"], c.green_label, "italic", 12, [15, 19]),
    street(["minor_road"], 12, 16),
    landmark(["marketplace", "school", "library", "university", "bus_stop"], 17),
    street(["path", "other", "ferry"], 11, 16),
    point("places", ["neighbourhood"], c.place_label, "500", 12, [15, 16],
      { letterSpacing: 1.5, textTransform: "uppercase" }),
  ];
  return { paintRules: paint, labelRules: labels, backgroundColor: c.earth };
}

// Loads tiles from `url` only if they touch `bounds` ([[south, west], [north, east]]): before the
// layer knows its size, it requests some at the other end of the world.
function tilesWithin(url, bounds) {
  var latitude = function (y, n) {
    return Math.atan(Math.sinh(Math.PI * (1 - 2 * y / n))) * 180 / Math.PI;
  };
  return { getZxy: function (z, x, y, signal) {
    var n = Math.pow(2, z), west = x / n * 360 - 180;
    var touches = west < bounds[1][1] && west + 360 / n > bounds[0][1] &&
      latitude(y + 1, n) < bounds[1][0] && latitude(y, n) > bounds[0][0];
    if (!touches) return Promise.resolve();
    var address = url.replace("{z}", z).replace("{x}", x).replace("{y}", y);
    return fetch(address, { signal: signal }).then(function (response) {
      if (response.ok) return response.arrayBuffer();
    }).then(function (bytes) {
      var tile = {};
      tile.data = bytes;
      return bytes && tile;
    });
  } };
}

// The vector tile layer in `colors.light` or `.dark`; it follows changes of the system's setting.
function basemapLayer(options, colors) {
  var dark = matchMedia("(prefers-color-scheme: dark)");
  var rules = function () { return basemapRules(dark.matches ? colors.dark : colors.light); };
  options.url = tilesWithin(options.url, options.bounds);
  var layer = protomapsL.leafletLayer(Object.assign(options, rules()));
  dark.addEventListener("change", function () {
    Object.assign(layer, rules());
    layer.clearLayout();
    layer.rerenderTiles();
  });
  return layer;
}

// Hides the static image only when the layer has drawn something.
function showWhenDrawn(map, layer) {
  var show = function () { map.getContainer().parentNode.classList.add("is-interactive"); };
  // A vector layer reports a tile as loaded even without data, so check for data.
  var drawn = function () {
    if (!layer.views) return true;
    return Array.from(layer.views.values()).some(function (view) {
      return Array.from(view.tileCache.cache.values()).some(function (tile) { return tile.data.size; });
    });
  };
  layer.on("tileload", function onTile() {
    if (!drawn()) return;
    layer.off("tileload", onTile);
    show();
  });
}

// Zooms in on the nearest location, so that it stays in sight, and adds a button that shows all.
function setUpZoom(map) {
  var center = map.getCenter(), zoom = map.getZoom(), places = [];
  map.eachLayer(function (layer) { if (layer instanceof L.Marker) places.push(layer.getLatLng()); });
  map.zoomIn = function (steps, options) {
    var middle = map.getCenter();
    var nearest = places.reduce(function (one, other) {
      return middle.distanceTo(other) < middle.distanceTo(one) ? other : one;
    });
    return map.setZoomAround(nearest, map.getZoom() + (steps || map.options.zoomDelta), options);
  };
  var button = L.DomUtil.create("a", "map-home", map.getContainer().querySelector(".leaflet-control-zoom"));
  button.href = "#";
  button.title = places.length > 1 ? "Show all locations" : "Show the location";
  button.setAttribute("role", "button");
  button.setAttribute("aria-label", button.title);
  button.innerHTML = '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">'
    + '<path fill="currentColor" d="M12 3 2 12h3v8h5v-6h4v6h5v-8h3z"/></svg>';
  L.DomEvent.disableClickPropagation(button);
  L.DomEvent.on(button, "click", function (event) {
    L.DomEvent.preventDefault(event);
    map.setView(center, zoom);
  });
}

// Shows a hint when someone tries to move the map with one finger, which scrolls the page.
function setUpTouchHint(map) {
  var box = map.getContainer(), clear;
  if (map.dragging.enabled()) return;
  box.addEventListener("touchmove", function (event) {
    if (event.touches.length > 1) return;
    box.parentNode.classList.add("is-touched");
    clearTimeout(clear);
    clear = setTimeout(function () { box.parentNode.classList.remove("is-touched"); }, 1500);
  }, { passive: true });
}

// Popups are dialogs: focus moves into an opened popup and back to its marker on closing.
function setUpPopups(map) {
  var box = map.getContainer();
  map.attributionControl.setPrefix(false);
  map.on("popupopen", function (event) {
    var popup = event.popup.getElement(), marker = event.popup._source.getElement();
    popup.setAttribute("role", "dialog");
    popup.setAttribute("aria-label", marker.title);
    popup.tabIndex = -1;
    marker.setAttribute("aria-expanded", "true");
    // Without scrolling, because the map moves to show the whole popup.
    popup.focus({ preventScroll: true });
  });
  map.on("popupclose", function (event) {
    var popup = event.popup.getElement(), marker = event.popup._source.getElement();
    marker.setAttribute("aria-expanded", "false");
    if (popup.contains(document.activeElement)) marker.focus({ preventScroll: true });
  });
  // Leaflet handles Escape only while the map itself has the focus.
  box.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && map._popup && map._popup.isOpen()) {
      event.stopPropagation();
      map.closePopup();
    }
  });
}

// Street images from another host, loaded after a click; a second click tries again.
function setUpStreetButton(map, layer) {
  var button = document.getElementById("show-streets");
  if (!button) return;
  button.addEventListener("click", function () { layer.redraw(); });
  layer.once("tileload", function () {
    var hadFocus = document.activeElement === button;
    button.parentNode.hidden = true;
    if (hadFocus) map.getContainer().focus({ preventScroll: true });
  });
}
