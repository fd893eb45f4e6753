"""Every response has the security headers."""

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from flask import Flask

HEADERS = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Cross-Origin-Embedder-Policy",
    "Integrity-Policy",
)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/page"),
        ("HEAD", "/page"),
        ("GET", "/page/"),
        ("GET", "/nowhere"),
        ("DELETE", "/page"),
        ("GET", "/broken/x"),
        ("GET", "/static/css/base.css"),
        ("GET", "/static/none.css"),
        ("GET", "/api/v1/broken"),
    ],
)
def test_every_kind_of_response_has_the_headers(site: Flask, method: str, path: str) -> None:
    response = site.test_client().open(path, method=method)
    assert [name for name in HEADERS if name not in response.headers] == []


def test_a_304_response_has_the_headers(site: Flask) -> None:
    client = site.test_client()
    tag = client.get("/page").headers["ETag"]
    response = client.get("/page", headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert [name for name in HEADERS if name not in response.headers] == []


def test_the_policy_allows_the_inlined_style_sheet_and_no_other(site: Flask) -> None:
    response = site.test_client().get("/page")
    match = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert match
    digest = base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert f"style-src 'self' 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_images_from_another_host_are_allowed_only_on_the_page_that_asked(site: Flask) -> None:
    client = site.test_client()
    for _ in range(2):  # rendered, then from the cache
        policy = client.get("/page").headers["Content-Security-Policy"]
        assert "img-src 'self' https://tiles.example;" in policy
    assert "tiles.example" not in client.get("/nowhere").headers["Content-Security-Policy"]


def test_a_view_may_set_a_stricter_policy_of_its_own(site: Flask) -> None:
    @site.get("/own")
    def own() -> tuple[str, dict[str, str]]:
        return "", {"Content-Security-Policy": "sandbox"}

    assert site.test_client().get("/own").headers["Content-Security-Policy"] == "sandbox"


def test_hsts_is_sent_only_over_https(site: Flask) -> None:
    client = site.test_client()
    assert "Strict-Transport-Security" not in client.get("/page").headers
    secure = client.get("/page", base_url="https://clinic.example")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize(("proxies", "expected"), [(0, []), (1, ["max-age=63072000"])])
def test_only_a_trusted_proxy_can_declare_https(
    make_site: Callable[..., Flask], proxies: int, expected: list[str]
) -> None:
    client = make_site(trusted_proxies=proxies).test_client()
    response = client.get("/page", headers={"X-Forwarded-Proto": "https"})
    assert response.headers.getlist("Strict-Transport-Security") == expected


def test_hsts_includes_subdomains_only_when_configured(make_site: Callable[..., Flask]) -> None:
    client = make_site(hsts_subdomains=True).test_client()
    secure = client.get("/page", base_url="https://clinic.example")
    header = secure.headers["Strict-Transport-Security"]
    assert header == "max-age=63072000; includeSubDomains"
