"""The interactive map in Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from app.location.map_colors import DARK, LIGHT
from tests.location.conftest import MALICIOUS, serving
from tests.support.browser import PageMonitor
from tests.support.site import Site, eventually

PIN = ".map-pin"
BUILD_TIMEOUT = 60_000  # milliseconds; a build has low priority
POPUP = ".leaflet-popup"
PINS_IN_SIGHT = """() => {
  const box = document.querySelector("#map-box").getBoundingClientRect();
  return [...document.querySelectorAll(".map-pin")].map(pin => pin.getBoundingClientRect())
    .filter(pin => pin.left >= box.left && pin.right <= box.right
      && pin.top >= box.top && pin.bottom <= box.bottom).length; }"""
SCALE = ".leaflet-control-scale-line >> nth=0"
# The smallest PNG: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)


def open_map(page: Page, path: str = "/location") -> None:
    page.goto(path)
    page.locator("#map-box").scroll_into_view_if_needed()
    expect(page.locator("#map-box")).to_have_class("map-box is-interactive", timeout=BUILD_TIMEOUT)
    page.wait_for_load_state("networkidle")


@pytest.fixture(scope="module")
def map_page(browser: Browser, server: Site) -> Iterator[Page]:
    """A page whose map is open, for tests that close the popups that they open."""
    context = browser.new_context(base_url=server.url)
    monitor = PageMonitor(context, server.url)
    page = context.new_page()
    open_map(page)
    yield page
    context.close()
    assert not monitor.errors


def focused(page: Page) -> str:
    """The title or label of the focused element."""
    label = page.evaluate(
        "document.activeElement.title || document.activeElement.getAttribute('aria-label')"
    )
    return str(label)


def marker_position(page: Page) -> tuple[int, int]:
    """The position of the first marker in the map's box."""
    position = page.evaluate("""() => {
      const marker = document.querySelector('.map-pin').getBoundingClientRect();
      const box = document.querySelector('#map-box').getBoundingClientRect();
      return [marker.x - box.x, marker.y - box.y];
    }""")
    return round(position[0]), round(position[1])


def test_map_loads_only_when_its_box_is_near(page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.set_viewport_size({"width": 800, "height": 300})
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in requested if "leaflet" in url or "/tiles/" in url or "map.js" in url]
    page.locator("#map-box").scroll_into_view_if_needed()
    expect(page.locator("#map-box")).to_have_class("map-box is-interactive", timeout=BUILD_TIMEOUT)
    assert any("/location/tiles/15/" in url for url in requested)
    expect(page.locator("#map-box img")).not_to_be_visible()
    expect(page.get_by_role("region", name="Map of our locations")).to_be_visible()


def test_zoom_and_pan_by_keyboard(page: Page) -> None:
    open_map(page)
    page.locator("#map_clinic").focus()
    scale, before = page.locator(SCALE).text_content(), marker_position(page)
    page.keyboard.press("ArrowLeft")
    eventually(lambda: marker_position(page)[0] > before[0] + 50, 10, "the map moved")
    page.keyboard.press("+")
    expect(page.locator(SCALE)).not_to_have_text(scale or "")
    page.keyboard.press("-")
    expect(page.locator(SCALE)).to_have_text(scale or "")
    page.wait_for_load_state("networkidle")


def test_zoom_and_pan_by_mouse(page: Page) -> None:
    open_map(page)
    before = marker_position(page)
    box = page.locator("#map-box").bounding_box()
    assert box
    x, y = box["x"] + before[0] - 60, box["y"] + before[1] + 20
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y + 40, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert marker_position(page)[0] < before[0] - 60
    scale = page.locator(SCALE).text_content()
    page.get_by_role("button", name="Zoom out").click()
    expect(page.locator(SCALE)).not_to_have_text(scale or "")
    for _ in range(8):  # to the lowest zoom; a request for a missing tile would fail
        page.locator("#map_clinic").press("-")
        page.wait_for_timeout(150)
    page.wait_for_load_state("networkidle")


def test_markers_are_reached_by_tab_and_opened_by_enter(map_page: Page) -> None:
    page = map_page
    page.locator("#map_clinic").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "1. Quay Street"
    page.keyboard.press("Tab")
    assert focused(page) == "2. Lighthouse Hill"
    page.keyboard.press("Enter")
    popup = page.get_by_role("dialog", name="2. Lighthouse Hill")
    expect(popup).to_be_visible()
    expect(popup).to_be_focused()
    expect(popup).to_contain_text("3 Lighthouse Road")
    expect(popup).to_contain_text("Tue, Thu: 10 am to 1 pm, 2 pm to 6 pm")
    expect(page.locator(PIN).nth(1)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.href").startswith(
        "https://www.google.com/maps/dir"
    )
    page.keyboard.press("Escape")
    expect(page.locator(POPUP)).to_have_count(0)


def test_escape_closes_a_popup_and_returns_focus_to_its_marker(map_page: Page) -> None:
    page = map_page
    page.locator(PIN).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(POPUP)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(POPUP)).to_have_count(0)
    assert focused(page) == "1. Quay Street"
    expect(page.locator(PIN).first).to_have_attribute("aria-expanded", "false")


def test_escape_closes_a_popup_while_its_marker_has_focus(map_page: Page) -> None:
    page = map_page
    page.locator(PIN).first.click()
    page.locator(PIN).first.focus()
    expect(page.locator(POPUP)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(POPUP)).to_have_count(0)
    assert focused(page) == "1. Quay Street"


def test_close_button_returns_focus_to_the_marker(map_page: Page) -> None:
    page = map_page
    page.locator(PIN).nth(1).click()
    button = page.get_by_role("button", name="Close popup")
    wait_until_still(page, button)  # the map moves to show the whole popup
    button.click()
    expect(page.locator(POPUP)).to_have_count(0)
    assert focused(page) == "2. Lighthouse Hill"


@pytest.mark.parametrize("width", [360, 700, 768])
def test_popup_of_each_marker_can_be_closed_on_small_screens(
    open_page: Callable[..., Page], width: int
) -> None:
    for number in range(2):
        page = open_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        open_map(page)
        page.locator(PIN).nth(number).click()
        button = page.get_by_role("button", name="Close popup")
        wait_until_still(page, button)
        button.click()  # fails if something lies over it
        expect(page.locator(POPUP)).to_have_count(0)
        page.wait_for_load_state("networkidle")


def test_zooming_in_keeps_the_nearest_location_in_sight(map_page: Page) -> None:
    page = map_page
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
        page.wait_for_timeout(400)
    assert page.evaluate(PINS_IN_SIGHT) == 1
    page.get_by_role("button", name="Show all locations").click()
    eventually(lambda: page.evaluate(PINS_IN_SIGHT) == 2, 10, "both locations are shown")
    page.wait_for_load_state("networkidle")


def wait_until_still(page: Page, locator: Locator) -> None:
    before = None
    for _ in range(50):
        if (box := locator.bounding_box()) == before:
            return
        before = box
        page.wait_for_timeout(200)


def test_popup_fits_the_map_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    open_map(page)
    page.locator(PIN).first.tap()
    page.wait_for_timeout(800)
    inner = page.locator(f"{POPUP}-content-wrapper").bounding_box()
    outer = page.locator("#map-box").bounding_box()
    assert inner
    assert outer
    assert inner["y"] >= outer["y"]
    assert inner["x"] >= outer["x"]
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]


def test_one_finger_scrolls_the_page_and_shows_a_hint(
    open_page: Callable[..., Page],
) -> None:
    phone = "Mozilla/5.0 (Linux; Android 14; Mobile) AppleWebKit/537.36 Chrome/140 Mobile Safari"
    page = open_page(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, user_agent=phone
    )
    open_map(page)
    box = page.locator("#map-box").bounding_box()
    assert box
    x, y = box["x"] + 150, box["y"] + 120
    before, scrolled = marker_position(page), page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    touch.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 8):
        moved = [{"x": x, "y": y - 15 * step}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": moved})
    expect(page.get_by_text("Use two fingers to move the map")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    eventually(lambda: page.evaluate("scrollY") != scrolled, 5, "the page scrolled")
    assert marker_position(page) == before


def test_attribution_is_visible(map_page: Page) -> None:
    expect(map_page.locator(".leaflet-control-attribution")).to_have_text("Invented town")


def test_skip_link_moves_past_the_map(map_page: Page) -> None:
    page = map_page
    page.get_by_role("link", name="Skip the map").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = "document.querySelector('#map-box').contains(document.activeElement)"
    assert not page.evaluate(inside)


def test_static_map_is_shown_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/location")
    picture = page.locator("#map-box img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_be_visible()
    response = page.request.get(picture.get_attribute("src") or "")
    assert response.ok
    expect(page.get_by_role("link", name="Directions: Google")).to_have_count(2)


@pytest.mark.parametrize(("scheme", "earth"), [("light", LIGHT["earth"]), ("dark", DARK["earth"])])
def test_static_map_follows_the_color_scheme(
    open_page: Callable[..., Page], scheme: str, earth: str
) -> None:
    page = open_page(color_scheme=scheme, java_script_enabled=False)
    page.goto("/location")
    picture = page.locator("#map-box img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 720)
    page.goto(picture.get_attribute("src") or "")
    color = page.locator("path").first.evaluate("one => getComputedStyle(one).fill")
    assert color == f"rgb{tuple(bytes.fromhex(earth[1:]))}"


def test_interactive_map_follows_changes_of_the_color_scheme(page: Page) -> None:
    median_green = """() => {
      const tiles = [...document.querySelectorAll('canvas.leaflet-tile')]
        .filter(tile => tile.width);
      const green = tile => tile.getContext('2d').getImageData(5, 5, 1, 1).data[1];
      return tiles.map(green).sort((a, b) => a - b)[tiles.length >> 1];
    }"""
    open_map(page)
    assert page.evaluate(median_green) > 180
    page.emulate_media(color_scheme="dark")
    eventually(lambda: page.evaluate(median_green) < 120, 10, "the map is dark")


def test_static_map_is_printed(map_page: Page) -> None:
    map_page.emulate_media(media="print")
    expect(map_page.locator("#map-box img")).to_be_visible()
    expect(map_page.locator("#map_clinic")).not_to_be_visible()
    map_page.emulate_media(media="screen")


def test_static_map_stays_with_data_saver(page: Page) -> None:
    page.add_init_script(
        "Object.defineProperty(navigator, 'connection', {value: {saveData: true}})"
    )
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto("/location")
    page.locator("#map-box").scroll_into_view_if_needed()
    page.wait_for_timeout(600)
    assert not [url for url in requested if "leaflet" in url]
    expect(page.locator("#map-box img")).to_be_visible()


@pytest.mark.parametrize(
    "blocked",
    ["**/leaflet.js*", "**/map.js*", "**/map.css*", "**/protomaps-leaflet.js*", "**/tiles/**"],
)
def test_static_map_stays_if_a_file_fails_to_load(
    browser: Browser, server: Site, blocked: str
) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.route(blocked, lambda route: route.fulfill(status=503, body="not now"))
    page.goto("/location")
    with page.expect_response(blocked):
        page.locator("#map-box").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    expect(page.locator("#map-box img")).to_be_visible()
    expect(page.locator("#map_clinic")).not_to_be_visible()
    context.close()


def test_code_in_a_name_never_runs(
    open_page: Callable[..., Page],
    make_app: Callable[..., Flask],
    other_clinic: Callable[..., Path],
) -> None:
    app = make_app(CLINIC_DIR=str(other_clinic(name=MALICIOUS)))
    with serving(app) as url:
        page = open_page(base_url=url)
        page.on("dialog", lambda dialog: pytest.fail(f"the code ran: {dialog.message}"))
        open_map(page)
        page.locator(PIN).first.click()
        expect(page.locator(f"{POPUP} strong")).to_have_text(MALICIOUS)
        expect(page.locator(PIN).first).to_have_attribute("title", f"1. {MALICIOUS}")
        assert page.locator("#map-box img[src=x]").count() == 0
        page.goto("/location/map.svg")
        page.wait_for_timeout(300)


@pytest.mark.parametrize("path", ["/", "/location"])
def test_without_a_basemap_streets_load_only_after_a_click(
    open_page: Callable[..., Page], site_without_basemap: str, path: str
) -> None:
    page = open_page(base_url=site_without_basemap, other_hosts=("tile.openstreetmap.org",))
    external: list[Request] = []

    def handle(route: Route) -> None:
        external.append(route.request)
        route.fulfill(body=PIXEL, content_type="image/png")

    page.route("https://tile.openstreetmap.org/**", handle)
    page.goto(path)
    page.locator("#map-box").scroll_into_view_if_needed()
    button = page.get_by_role("button", name="Show streets (loads from openstreetmap.org)")
    expect(button).to_be_visible()
    page.wait_for_timeout(400)
    assert not external
    box = page.locator("#map-box").bounding_box()
    assert box
    assert box["height"] < 250, "no blank map"

    button.click()
    expect(page.locator("#map-box")).to_have_class("map-box is-interactive", timeout=BUILD_TIMEOUT)
    expect(button).not_to_be_visible()
    expect(page.locator(PIN)).to_have_count(2)
    expect(page.locator(".leaflet-control-attribution")).to_contain_text("OpenStreetMap")
    assert external
    # The host learns which site asks, but not which page.
    site = page.evaluate("location.origin") + "/"
    assert {request.headers.get("referer") for request in external} <= {site, None}


def test_second_click_retries_an_unreachable_street_host(
    browser: Browser, site_without_basemap: str
) -> None:
    context = browser.new_context(base_url=site_without_basemap)
    page = context.new_page()
    unreachable = True

    def handle(route: Route) -> None:
        if unreachable:
            route.abort()
        else:
            route.fulfill(body=PIXEL, content_type="image/png")

    page.route("https://tile.openstreetmap.org/**", handle)
    page.goto("/location")
    button = page.get_by_role("button", name="Show streets")
    button.click()
    page.wait_for_timeout(800)
    expect(button).to_be_visible()
    unreachable = False
    button.click()
    expect(page.locator("#map-box")).to_have_class("map-box is-interactive", timeout=BUILD_TIMEOUT)
    context.close()


def test_without_a_basemap_and_javascript_the_button_is_hidden(
    open_page: Callable[..., Page], site_without_basemap: str
) -> None:
    page = open_page(base_url=site_without_basemap, java_script_enabled=False)
    page.goto("/location")
    expect(page.locator("#show-streets")).not_to_be_visible()
    expect(page.get_by_text("12 Quay Street").first).to_be_visible()
