"""Style sheets and scripts are fingerprinted, cached for a year, and never stale."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.web.static_files import asset


def test_a_fingerprinted_file_is_cached_for_a_year(site: Flask) -> None:
    with site.test_request_context():
        address = asset("css/base.css")
    response = site.test_client().get(address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("address", ["/static/css/base.css", "/static/css/base.css?v=older"])
def test_without_the_current_fingerprint_a_file_is_revalidated(site: Flask, address: str) -> None:
    assert site.test_client().get(address).headers["Cache-Control"] == "no-cache"


def test_the_fingerprint_changes_with_the_bytes(
    make_site: Callable[..., Flask], static: Path
) -> None:
    (static / "map.js").write_text("1")
    with make_site().test_request_context():
        before = asset("map.js")
    (static / "map.js").write_text("2")
    with make_site().test_request_context():
        assert asset("map.js") != before


def test_an_unknown_file_name_raises_an_error(site: Flask) -> None:
    with site.test_request_context(), pytest.raises(KeyError):
        asset("css/none.css")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "..%2fsecret.txt", "css/../../secret.txt", ".env"]
)
def test_nothing_outside_the_static_folder_is_served(
    make_site: Callable[..., Flask], static: Path, path: str
) -> None:
    (static.parent / "secret.txt").write_text("secret")
    (static / ".env").write_text("secret")
    response = make_site().test_client().get(f"/static/{path}")
    assert response.status_code == 404
    assert "secret" not in response.text


def test_the_inlined_style_sheet_is_minified_and_complete(site: Flask) -> None:
    match = re.search(r"<style>(.*?)</style>", site.test_client().get("/page").text, re.DOTALL)
    assert match
    assert ".tokens{color:black}" in match[1]
    assert ".components{color:black}" in match[1]
    assert match[1].index(".tokens") < match[1].index(".base") < match[1].index(".layout")
