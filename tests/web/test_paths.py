"""An address with a slash too many still leads home."""

import pytest
from flask import Flask


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [("/page/", "/page"), ("/page//?a=1", "/page?a=1"), ("/page/?é=1", "/page?")],
)
def test_a_trailing_slash_leads_to_the_page(site: Flask, asked: str, wanted: str) -> None:
    response = site.test_client().get(asked)
    assert response.status_code == 301
    assert response.headers["Location"].startswith(wanted)


@pytest.mark.parametrize("path", ["/nowhere/", "//evil.example/", "/letters/"])
def test_no_redirect_leads_to_a_page_that_is_not_there(site: Flask, path: str) -> None:
    response = site.test_client().get(path)
    assert response.status_code in (404, 405)
    assert "Location" not in response.headers


def test_the_other_slash_cannot_lead_to_another_host(site: Flask) -> None:
    response = site.test_client().get("//page/")
    assert not response.headers.get("Location", "/").startswith("//")
