"""Every answer bears the headers that keep a visitor's browser safe."""

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from flask import Flask

WANTED = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Cross-Origin-Embedder-Policy",
    "Integrity-Policy",
    "Reporting-Endpoints",
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
def test_headers_stand_on_every_kind_of_answer(site: Flask, method: str, path: str) -> None:
    response = site.test_client().open(path, method=method)
    assert [name for name in WANTED if name not in response.headers] == []


def test_a_304_bears_them_too(site: Flask) -> None:
    client = site.test_client()
    tag = client.get("/page").headers["ETag"]
    response = client.get("/page", headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert [name for name in WANTED if name not in response.headers] == []


def test_the_policy_allows_the_inlined_style_sheet_and_no_other(site: Flask) -> None:
    response = site.test_client().get("/page")
    found = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert found
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert f"style-src 'self' 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_images_of_another_host_are_allowed_only_where_a_page_asked(site: Flask) -> None:
    client = site.test_client()
    for _ in range(2):  # rendered, then out of the cache
        policy = client.get("/page").headers["Content-Security-Policy"]
        assert "img-src 'self' https://tiles.example;" in policy
    assert "tiles.example" not in client.get("/nowhere").headers["Content-Security-Policy"]


def test_a_view_may_set_a_stricter_policy_of_its_own(site: Flask) -> None:
    @site.get("/own")
    def own() -> tuple[str, dict[str, str]]:
        return "", {"Content-Security-Policy": "sandbox"}

    assert site.test_client().get("/own").headers["Content-Security-Policy"] == "sandbox"


def test_https_is_insisted_on_only_over_https(site: Flask) -> None:
    client = site.test_client()
    assert "Strict-Transport-Security" not in client.get("/page").headers
    secure = client.get("/page", base_url="https://clinic.example")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize(("proxies", "believed"), [(0, []), (1, ["max-age=63072000"])])
def test_only_a_trusted_proxy_can_say_that_it_was_https(
    make_site: Callable[..., Flask], proxies: int, believed: list[str]
) -> None:
    client = make_site(trusted_proxies=proxies).test_client()
    response = client.get("/page", headers={"X-Forwarded-Proto": "https"})
    assert response.headers.getlist("Strict-Transport-Security") == believed


def test_hosts_below_ours_are_spoken_for_only_when_told(make_site: Callable[..., Flask]) -> None:
    client = make_site(hsts_subdomains=True).test_client()
    secure = client.get("/page", base_url="https://clinic.example")
    said = secure.headers["Strict-Transport-Security"]
    assert said == "max-age=63072000; includeSubDomains"
