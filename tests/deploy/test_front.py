"""nginx and Caddy before the site, as visitors and their browsers meet them."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest

from tests.contact.conftest import GOOD
from tests.support.front import Front, front
from tests.support.site import eventually, free_port

CODINGS = ("br", "gzip", "identity")
DECODED = {"br": brotli.decompress, "gzip": gzip.decompress, "identity": bytes}
# Each server writes its own of these.
OF_EACH = {
    "date", "server", "etag", "last-modified", "x-request-id", "accept-ranges", "content-length",
    "connection", "alt-svc", "via", "keep-alive",
}  # fmt: skip


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def ahead(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp(request.param) / "front"
    with front(request.param, folder, sqlite_template, RATELIMIT_ENABLED="true") as made:
        yield made


def told(ahead: Front) -> list[dict[str, Any]]:
    """The manifest's entries for what visitors can ask for."""
    (live,) = ahead.pages.glob("live-*")
    answers = json.loads((live / "manifest.json").read_text())["answers"]
    return [one for one in answers if one["status"] == 200]


def addresses(ahead: Front) -> Iterator[str]:
    for one in told(ahead):
        yield one["path"]
        if one["version"]:
            yield f"{one['path']}?v={one['version']}"
            yield f"{one['path']}?v=0123456789"


def raw(client: httpx.Client, address: str, coding: str, **headers: str) -> httpx.Response:
    """An answer whose ``content`` is as it came over the wire."""
    asked = {"Accept-Encoding": coding, **headers}
    with client.stream("GET", address, headers=asked) as response:
        response._content = b"".join(response.iter_raw())
    return response


def body(response: httpx.Response) -> bytes:
    """As it came over the wire; of the contact page, what does not tell when it was made."""
    if response.url.path != "/contact":
        return response.content
    decode = DECODED[response.headers.get("content-encoding", "identity")]
    return re.sub(rb'(?<=name="opened" value=")[^"]+', b"", decode(response.content))


def seen(response: httpx.Response) -> dict[str, str]:
    """The headers that both have to agree on."""
    return {name: value for name, value in response.headers.items() if name not in OF_EACH}


def test_what_comes_from_disk_is_what_the_site_says_byte_by_byte_and_header_by_header(
    ahead: Front,
) -> None:
    behind_tls = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1", "Host": "localhost"}
    faults = []
    with ahead.client() as visitor, httpx.Client(base_url=ahead.site.url, trust_env=False) as app:
        for address in addresses(ahead):
            for coding in CODINGS:
                from_disk = raw(visitor, address, coding)
                assert "x-request-id" not in from_disk.headers, f"{address}: not from disk"
                # The site makes a quick encoding first, and the smallest a moment later.
                eventually(
                    lambda: body(raw(app, address, coding, **behind_tls)) == body(from_disk),  # noqa: B023
                    seconds=10,
                    what=f"the same bytes for {address} in {coding}",
                )
                asked = seen(raw(app, address, coding, **behind_tls))
                if asked != seen(from_disk):
                    faults.append(
                        f"{address} {coding}: {set(asked.items()) ^ set(seen(from_disk).items())}"
                    )
    assert not faults, "\n".join(faults)


def test_it_speaks_http_2_and_says_304_to_who_has_the_page(ahead: Front) -> None:
    with ahead.client() as visitor:
        first = raw(visitor, "/", "br")
        assert (first.http_version, first.headers["content-encoding"]) == ("HTTP/2", "br")
        again = raw(visitor, "/", "br", **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


def test_what_is_not_on_disk_is_the_sites_to_answer(ahead: Front) -> None:
    with ahead.client() as visitor:
        for path in (
            "/opening",
            "/healthz",
            "/no-such-page",
            "/manifest.json",
            "/errors/down.html",
        ):
            answer = visitor.get(path)
            assert "x-request-id" in answer.headers, path
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"], path
        assert visitor.get("/no-such-page").status_code == 404
        assert visitor.delete("/evidence").status_code == 405


def test_a_message_gets_through_and_limits_count_visitors_not_the_web_server(ahead: Front) -> None:
    with ahead.client("127.0.0.2") as visitor, ahead.client("127.0.0.3") as another:
        taken = visitor.post("/contact", data=GOOD)
        assert taken.status_code == 303
        assert visitor.get(taken.headers["location"]).status_code == 200
        statuses = set()
        for nth in range(12):
            pretending = {"X-Forwarded-For": f"10.0.0.{nth}", "Forwarded": f"for=10.0.0.{nth}"}
            statuses.add(visitor.post("/contact", data=GOOD, headers=pretending).status_code)
        assert 429 in statuses, "an invented address does not help"
        assert another.post("/contact", data=GOOD).status_code == 303


def test_a_message_that_is_too_long_comes_back_in_the_form(ahead: Front) -> None:
    long = {**GOOD, "message": "long " * 80_000}
    with ahead.client("127.0.0.4") as visitor:
        answer = visitor.post("/contact", data=long)
        assert answer.status_code == 413
        assert answer.text.count("long long long") > 0, "the words are still there"


def test_while_the_site_is_away_pages_stay_and_a_post_is_told_the_number(ahead: Front) -> None:
    nobody = replace(ahead.site, url=f"http://127.0.0.1:{free_port()}")
    away = replace(ahead, site=nobody, port=free_port())
    with away.started(), away.client() as visitor:
        assert visitor.get("/evidence").status_code == 200
        assert 'action="/contact"' in visitor.get("/contact").text
        answer = visitor.post("/contact", data=GOOD)
        assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
        assert re.search(r'href="tel:\+[\d]+"', answer.text)
        assert "may not have been saved" in answer.text
        assert "content-security-policy" in answer.headers
        assert answer.headers["retry-after"] == "60"
        problem = visitor.post("/api/v1/inquiries", json=GOOD)
        assert (problem.status_code, problem.json()["status"]) == (503, 503)
        assert problem.headers["content-type"] == "application/problem+json"
