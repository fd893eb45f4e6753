"""HTTP calls end in time, and their URLs are never logged."""

import logging
import threading
import time

import pytest

from app import http_calls
from tests.support.webhook_receiver import DRIP, HANG, Receiver, receiver

__all__ = ["receiver"]


def test_a_call_is_a_get_without_a_body(receiver: Receiver) -> None:
    assert http_calls.call("ping", receiver.url).problem == ""
    assert [(call.method, call.body) for call in receiver.calls] == [("GET", None)]


@pytest.mark.parametrize("status", [302, 307, 400, 404, 500])
def test_only_2xx_is_success_and_redirects_are_not_followed(
    receiver: Receiver, status: int
) -> None:
    receiver.status = status
    assert http_calls.call("ping", receiver.url).problem == f"status {status}"
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [HANG, DRIP])
def test_a_call_ends_at_the_deadline(
    receiver: Receiver, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_calls, "DEADLINE", 0.5)
    receiver.status = status
    began = time.monotonic()
    assert http_calls.call("ping", receiver.url).problem == "timed out"
    assert time.monotonic() - began < 2


def test_an_abandoned_call_ends_by_itself(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_calls, "DEADLINE", 0.3)
    receiver.status = DRIP
    http_calls.call("ping", receiver.url)
    threads = [thread for thread in threading.enumerate() if thread.name == "http-call"]
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/secret-path", "http://[broken/secret-path", "secret-path"]
)
def test_an_unreachable_url_raises_nothing_and_is_not_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert http_calls.call("ping", url).problem
    assert "ping failed" in caplog.text
    assert "secret-path" not in caplog.text


def test_the_url_of_a_successful_call_is_not_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    http_calls.call("ping", receiver.url)
    assert "secret-path" not in caplog.text
