"""Style sheets and scripts are kept for a year, and never a day too long."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.web.static_files import asset


def test_an_asset_is_kept_for_good_under_the_address_of_its_bytes(site: Flask) -> None:
    with site.test_request_context():
        address = asset("css/base.css")
    response = site.test_client().get(address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("address", ["/static/css/base.css", "/static/css/base.css?v=older"])
def test_any_other_address_of_it_is_asked_for_again(site: Flask, address: str) -> None:
    assert site.test_client().get(address).headers["Cache-Control"] == "no-cache"


def test_the_address_changes_with_the_bytes(make_site: Callable[..., Flask], static: Path) -> None:
    (static / "map.js").write_text("1")
    with make_site().test_request_context():
        before = asset("map.js")
    (static / "map.js").write_text("2")
    with make_site().test_request_context():
        assert asset("map.js") != before


def test_a_name_that_does_not_exist_is_noticed_where_it_is_written(site: Flask) -> None:
    with site.test_request_context(), pytest.raises(KeyError):
        asset("css/none.css")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "..%2fsecret.txt", "css/../../secret.txt", ".env"]
)
def test_nothing_outside_the_folder_is_served(
    make_site: Callable[..., Flask], static: Path, path: str
) -> None:
    (static.parent / "secret.txt").write_text("secret")
    (static / ".env").write_text("secret")
    response = make_site().test_client().get(f"/static/{path}")
    assert response.status_code == 404
    assert "secret" not in response.text


def test_the_inlined_style_sheet_is_minified_and_whole(site: Flask) -> None:
    found = re.search(r"<style>(.*?)</style>", site.test_client().get("/page").text, re.DOTALL)
    assert found
    assert ".tokens{color:black}" in found[1]
    assert ".components{color:black}" in found[1]
    assert found[1].index(".tokens") < found[1].index(".base") < found[1].index(".layout")
