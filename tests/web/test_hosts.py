"""Only our own host is answered for, and nothing anybody claims of it is repeated."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web.hosts import answer_any_host, refuse_other_hosts

OURS = "https://clinic.example"
FOREIGN = (
    "evil.example",
    "clinic.example.evil.example",
    "evil.example:443",
    "clinic.example:8443",
    "clinic.example@evil.example",
    "evil.example#clinic.example",
    "evil.example/clinic.example",
    "clinic.example:443:443",
    "clinic.example, evil.example",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "[::1",
    "clinic.example:x",
    "",
)


@pytest.fixture
def make_public(make_site: Callable[..., Flask]) -> Callable[..., FlaskClient]:
    """A client of the small site as it stands at ``OURS``, behind one proxy."""

    def make(*, development: bool = False) -> FlaskClient:
        site = make_site(trusted_proxies=1)
        refuse_other_hosts(site, site=OURS, development=development)
        answer_any_host(site, "/page")
        site.add_url_rule("/other", "other", lambda: "words")
        return site.test_client()

    return make


@pytest.mark.parametrize("host", FOREIGN)
def test_another_host_is_refused_and_never_repeated(
    make_public: Callable[..., FlaskClient], host: str
) -> None:
    client = make_public()
    for path in ("/other", "/other/", "/nowhere", "//evil.example/"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "evil" not in answer.text + str(answer.headers)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["clinic.example", "clinic.example:443", "CLINIC.example", "clinic.example."]
)
def test_every_spelling_of_our_own_is_answered(
    make_public: Callable[..., FlaskClient], host: str
) -> None:
    assert make_public().get("/other", headers={"Host": host}).status_code == 200


def test_health_is_told_to_whoever_asks_by_address(
    make_public: Callable[..., FlaskClient],
) -> None:
    assert make_public().get("/page", headers={"Host": "10.0.0.7:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.0.2.7"])
def test_in_development_an_address_will_do_but_no_name(
    make_public: Callable[..., FlaskClient], host: str
) -> None:
    client = make_public(development=True)
    assert client.get("/other", headers={"Host": host}).status_code == 200
    assert client.get("/other", headers={"Host": "evil.example"}).status_code == 421


def test_a_kept_page_is_not_given_to_another_host(client: FlaskClient) -> None:
    assert {client.get("/privacy").status_code for _ in range(3)} == {200}
    assert client.get("/privacy", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/outbox"])
def test_the_sites_health_addresses_answer_any_host(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers={"Host": "10.0.0.7"}).status_code != 421


FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=https;for=192.0.2.1",
    "X-Original-URL": "/nowhere",
    "X-Rewrite-URL": "/nowhere",
}


@pytest.mark.parametrize("proxies", [0, 1])
def test_what_is_forwarded_changes_no_address(make_app: Callable[..., Flask], proxies: int) -> None:
    client = make_app(TRUSTED_PROXIES=str(proxies)).test_client()
    plain = client.get("/privacy/")
    told = client.get("/privacy/", headers=FORWARDED)
    assert (told.status_code, told.location) == (plain.status_code, plain.location)
    for path in ("/", "/contact", "/sitemap.xml", "/api/openapi.json"):
        told = client.get(path, headers=FORWARDED)
        assert told.status_code == 200
        assert "evil" not in told.text


def test_whether_it_was_https_is_believed_of_our_own_proxies_only(
    make_site: Callable[..., Flask],
) -> None:
    """Also of a page that is kept: the two schemes never get each other's answer."""
    hsts = "Strict-Transport-Security"
    for proxies, believed in ((0, False), (1, True)):
        client = make_site(trusted_proxies=proxies).test_client()
        for _ in range(3):
            secure = client.get("/page", headers={"X-Forwarded-Proto": "https"})
            assert (hsts in secure.headers) is believed
            assert hsts not in client.get("/page").headers
            # The entry nearest to us is the one that our proxy wrote.
            forged = client.get("/page", headers={"X-Forwarded-Proto": "https, http"})
            assert hsts not in forged.headers


def test_development_insists_on_nothing(make_site: Callable[..., Flask]) -> None:
    client = make_site(development=True).test_client()
    answer = client.get("/page", base_url="https://clinic.example")
    assert "Strict-Transport-Security" not in answer.headers
