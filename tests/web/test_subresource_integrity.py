"""Browsers run our scripts only when their integrity hash matches."""

import base64
import hashlib
import re

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Route, expect

from tests.support.site import Site

SCRIPTS = re.compile(r"<script(?![^>]*ld\+json)([^>]*)>")


def digest(body: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def test_every_script_of_every_page_has_its_integrity_hash(client: FlaskClient) -> None:
    pages = ["/", "/contact", "/location", "/privacy", "/nowhere", "/api/", "/dev/mailbox"]
    for path in pages:
        scripts = SCRIPTS.findall(client.get(path).text)
        assert scripts, path
        for attributes in scripts:
            tag = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
            assert tag["integrity"] == digest(client.get(tag["src"]).data), path
            assert "crossorigin" in attributes, "or the hash does not count for the policy"


def test_every_asset_of_the_interactive_map_has_its_integrity_hash(client: FlaskClient) -> None:
    answer = client.get("/location/assets.json")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.json
    assets = [*answer.json["scripts"], *answer.json["styles"]]
    assert len(assets) == 5
    for item in assets:
        address = item.get("src") or item["href"]
        assert item["integrity"] == digest(client.get(address).data), address
        assert "immutable" in client.get(address).headers["Cache-Control"]


@pytest.mark.parametrize("changed", ["leaflet.js", "map.js"])
def test_a_script_changed_in_transit_does_not_run(
    browser: Browser, server: Site, changed: str
) -> None:
    def change(route: Route) -> None:
        body = route.fetch().text() + "\ndocument.title = 'changed'"
        route.fulfill(body=body, content_type="text/javascript")

    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.route(f"**/{changed}*", change)
    with page.expect_console_message(
        lambda message: "valid digest" in message.text, timeout=30_000
    ):
        page.goto("/location")
        page.locator("#map-box").scroll_into_view_if_needed()
    assert page.title() != "changed"
    expect(page.locator("#map-box img")).to_be_visible()
    context.close()


def test_a_script_without_an_integrity_hash_does_not_run(browser: Browser, server: Site) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/privacy")
    outcome = page.evaluate("""() => new Promise(done => {
      const script = document.createElement("script");
      Object.assign(script, { onload: () => done("it ran"), onerror: () => done("blocked") });
      script.src = document.querySelector("script[src]").src;
      document.head.append(script);
    })""")
    assert outcome == "blocked"
    context.close()
