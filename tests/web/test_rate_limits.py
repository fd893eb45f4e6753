"""Posts are rate limited, and a failing Redis turns no visitor away."""

import json
import re
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.web.rate_limits import SweepingMemoryStorage, visitor_key
from tests.contact.conftest import GOOD
from tests.support.raw_http import UnreadableBody
from tests.support.redis import redis_process


def post(client: FlaskClient, address: str) -> int:
    return client.post("/letters", environ_base={"REMOTE_ADDR": address}).status_code


def test_a_third_post_within_a_minute_is_rejected_with_retry_after(site: Flask) -> None:
    client = site.test_client()
    first = client.post("/letters")
    assert "Retry-After" not in first.headers
    assert post(client, "127.0.0.1") == 200
    refused = client.post("/letters")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert "Too many requests" in refused.text


def test_counters_of_earlier_visitors_are_forgotten() -> None:
    storage = SweepingMemoryStorage()
    with time_machine.travel(datetime(2026, 3, 2, 12, 0, tzinfo=UTC), tick=False) as traveller:
        for n in range(1000):
            storage.incr(f"visitor {n}", expiry=60)
        assert storage.incr("visitor 1", expiry=60) == 2
        traveller.shift(61)
        assert storage.incr("visitor 1", expiry=60) == 1
    assert list(storage.storage) == list(storage.expirations) == ["visitor 1"]


def test_another_visitor_is_not_limited(site: Flask) -> None:
    client = site.test_client()
    assert [post(client, "198.51.100.1") for _ in range(3)] == [200, 200, 429]
    assert post(client, "198.51.100.2") == 200


def test_one_ipv6_household_counts_as_one_visitor(site: Flask) -> None:
    client = site.test_client()
    assert [post(client, f"2001:db8:0:1::{n}") for n in (1, 2, 3)] == [200, 200, 429]
    assert post(client, "2001:db8:0:2::1") == 200


def test_ipv4_visitors_of_an_ipv6_socket_are_counted_separately(site: Flask) -> None:
    client = site.test_client()
    assert [post(client, f"::ffff:192.0.2.{n}") for n in (1, 2, 3)] == [200] * 3
    assert [post(client, "::ffff:192.0.2.1") for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(("proxies", "last"), [(0, 429), (1, 200)])
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(
    make_site: Callable[..., Flask], proxies: int, last: int
) -> None:
    client = make_site(trusted_proxies=proxies).test_client()
    sender = {"REMOTE_ADDR": "198.51.100.200"}
    for n in (1, 2):
        forwarded = {"X-Forwarded-For": f"198.51.100.{n}"}
        client.post("/letters", headers=forwarded, environ_base=sender)
    forged = {"X-Forwarded-For": "192.0.2.9, 198.51.100.3"}
    assert client.post("/letters", headers=forged, environ_base=sender).status_code == last


FORWARDED = [  # the header with {} for a number, and how many proxies are ours
    ("203.0.113.{}", 1),
    ("203.0.113.{}:51234", 1),  # Azure's gateways
    ("[2001:db8:{}::1]:443", 1),
    ('"[2001:db8:{}::7]:80"', 1),  # RFC 7239, section 6
    ("2001:db8:{}:0:0:0:0:1:443", 1),
    ("::ffff:203.0.113.{}", 1),
    ("[::ffff:203.0.113.{}]:443", 1),
    ("64:ff9b::203.0.113.{}", 1),
    ("203.0.113.{}, 198.51.100.7", 2),
    ("10.0.0.1,203.0.113.{}:80 , 198.51.100.7:80", 2),
    ('"forged, 203.0.113.{}', 1),
]


@pytest.mark.parametrize(("header", "proxies"), FORWARDED)
def test_a_visitor_is_recognized_in_every_form_that_proxies_write(
    make_site: Callable[..., Flask], header: str, proxies: int
) -> None:
    client = make_site(trusted_proxies=proxies).test_client()

    def post_from(number: int) -> int:
        sent = {"X-Forwarded-For": header.format(number)}
        return client.post("/letters", headers=sent).status_code

    assert [post_from(7) for _ in range(3)] == [200, 200, 429]
    assert [post_from(number) for number in (8, 9)] == [200, 200]


@pytest.mark.parametrize(
    ("header", "proxies"),
    [
        (None, 1),  # a proxy that does not send the header
        ("203.0.113.7", 2),  # fewer proxies than expected
        ("unknown", 1),
        ("_hidden", 1),
        ("203.0.113.7, ", 1),
        ("203.0.113.7", 0),  # a proxy on this machine that TRUSTED_PROXIES does not count
    ],
)
def test_visitors_whose_address_is_not_known_share_no_limit(
    make_site: Callable[..., Flask], header: str | None, proxies: int
) -> None:
    client = make_site(trusted_proxies=proxies).test_client()
    headers = {"X-Forwarded-For": header} if header else {}
    assert {client.post("/letters", headers=headers).status_code for _ in range(4)} == {200}


def test_visitors_whose_address_is_not_known_share_no_idempotency_key(
    make_app: Callable[..., Flask],
) -> None:
    client = make_app(TRUSTED_PROXIES="1").test_client()

    def post_inquiry(message: str) -> tuple[int, str]:
        inquiry, key = {**GOOD, "message": message}, {"Idempotency-Key": "1"}
        response = client.post("/api/v1/inquiries", json=inquiry, headers=key)
        return response.status_code, (response.json or {})["reference"]

    first, other, again = map(post_inquiry, ("one", "two", "one"))
    assert first == again != other
    assert other[0] == 201


def test_get_requests_are_not_limited_and_log_no_error(
    make_app: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app(RATELIMIT_ENABLED="true", LOG_FORMAT="json")
    client = app.test_client()
    paths = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments - set(rule.defaults or ())
    }
    for path in paths:
        assert client.get(path).status_code != 429, path
    for _ in range(70):  # more than a visitor may post in an hour
        assert client.get("/contact").status_code == 200
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["level"] for line in lines} == {"info"}


def test_every_view_that_accepts_posts_is_limited(make_app: Callable[..., Flask]) -> None:
    app = make_app(RATELIMIT_ENABLED="true")
    limited = {"/contact", "/api/v1/inquiries"}
    posts = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    own_limit = {"/answered/<token>"}
    assert {rule.rule for rule in posts} == limited | own_limit
    client = app.test_client()
    statuses = [client.post(path).status_code for _ in range(6) for path in sorted(limited)]
    assert statuses.index(429) == 10, "one limit for all of them"


@pytest.mark.parametrize("path", ["/contact", "/api/v1/inquiries"])
@pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "9"}])
def test_the_body_of_a_rate_limited_post_is_not_read(
    make_app: Callable[..., Flask], path: str, headers: dict[str, str]
) -> None:
    client = make_app(RATELIMIT_ENABLED="true").test_client()
    for _ in range(10):
        client.post(path)
    response = client.post(
        path,
        headers=headers,
        content_type="application/json",
        environ_overrides={"wsgi.input": UnreadableBody(), "wsgi.input_terminated": True},
    )
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 61


def test_get_requests_do_not_wait_for_redis(make_site: Callable[..., Flask]) -> None:
    with redis_process() as (url, process):
        client = make_site(ratelimit_storage_uri=url).test_client()
        process.send_signal(signal.SIGSTOP)
        assert post(client, "198.51.100.84") == 200  # finds out that Redis does not response
        started = time.monotonic()
        with time_machine.travel(time.time() + 60, tick=True):  # when it would be tried again
            assert client.get("/page").status_code == 200
        assert time.monotonic() - started < 0.4
        process.send_signal(signal.SIGCONT)


def test_rate_limits_can_be_turned_off(make_site: Callable[..., Flask]) -> None:
    client = make_site(ratelimit_enabled=False).test_client()
    assert {post(client, "198.51.100.1") for _ in range(5)} == {200}


def test_without_redis_posts_are_accepted_and_limited(
    make_site: Callable[..., Flask],
) -> None:
    # Nothing listens on port 9.
    client = make_site(ratelimit_storage_uri="redis://127.0.0.1:9").test_client()
    assert [post(client, "198.51.100.1") for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["gone", "silent"])
def test_a_failing_redis_rejects_no_post_and_delays_none(
    make_site: Callable[..., Flask], fault: signal.Signals
) -> None:
    with redis_process() as (url, process):
        client = make_site(ratelimit_storage_uri=url).test_client()
        assert post(client, "198.51.100.81") == 200
        process.send_signal(fault)
        started = time.monotonic()
        assert [post(client, "198.51.100.82") for _ in range(3)] == [200, 200, 429]
        assert time.monotonic() - started < 3
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("address", ["198.51.100.83", "2001:db8:7:1::9"])
def test_the_rate_limit_storage_gets_no_address(site: Flask, address: str) -> None:
    with site.test_request_context(environ_base={"REMOTE_ADDR": address}):
        key = visitor_key()
    assert re.fullmatch("[0-9a-f]{32}", key)
