"""An address with a trailing slash is redirected to the page."""

import pytest
from flask import Flask


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("/page/", "/page"), ("/page//?a=1", "/page?a=1"), ("/page/?é=1", "/page?")],
)
def test_a_trailing_slash_redirects_to_the_page(site: Flask, requested: str, expected: str) -> None:
    response = site.test_client().get(requested)
    assert response.status_code == 301
    assert response.headers["Location"].startswith(expected)


@pytest.mark.parametrize("path", ["/nowhere/", "//evil.example/", "/letters/"])
def test_a_missing_page_is_not_redirected(site: Flask, path: str) -> None:
    response = site.test_client().get(path)
    assert response.status_code in (404, 405)
    assert "Location" not in response.headers


def test_leading_slashes_cannot_redirect_to_another_host(site: Flask) -> None:
    response = site.test_client().get("//page/")
    assert not response.headers.get("Location", "/").startswith("//")
