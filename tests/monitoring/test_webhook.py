"""Calls to the outside end in time, whatever answers, and never show their address."""

import logging
import threading
import time

import pytest

from app.monitoring import webhook
from tests.support.webhook_receiver import DRIP, HANG, Receiver, receiver

__all__ = ["receiver"]


def test_an_alert_is_posted_as_json(receiver: Receiver) -> None:
    assert webhook.post(receiver.url, {"text": "é <&>"})
    (call,) = receiver.calls
    assert (call.method, call.body) == ("POST", {"text": "é <&>"})
    assert call.headers["Content-Type"] == "application/json"


def test_a_ping_is_a_get_without_a_body(receiver: Receiver) -> None:
    assert webhook.ping(receiver.url)
    assert [(call.method, call.body) for call in receiver.calls] == [("GET", None)]


@pytest.mark.parametrize("status", [302, 307, 400, 404, 500])
def test_anything_but_2xx_is_no_success_and_no_redirect_is_followed(
    receiver: Receiver, status: int
) -> None:
    receiver.status = status
    assert not webhook.post(receiver.url, {"text": "x"})
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("manners", [HANG, DRIP])
def test_a_server_that_does_not_come_to_an_end_is_left(receiver: Receiver, manners: int) -> None:
    receiver.status = manners
    began = time.monotonic()
    assert not webhook.post(receiver.url, {"text": "x"}, deadline=0.5)
    assert time.monotonic() - began < 2


def test_a_call_that_was_left_ends_by_itself(receiver: Receiver) -> None:
    receiver.status = DRIP
    webhook.post(receiver.url, {"text": "x"}, deadline=0.3)
    left = [one for one in threading.enumerate() if one.name == "webhook"]
    for one in left:
        one.join(5)
    assert not any(one.is_alive() for one in left)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/secret-path", "http://[broken/secret-path", "secret-path"]
)
def test_what_cannot_be_reached_is_no_exception_and_no_word_of_it_is_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert not webhook.post(url, {"text": "x"})
    assert "alert not taken" in caplog.text
    assert "secret-path" not in caplog.text


def test_the_address_is_not_logged_when_all_goes_well(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    webhook.post(receiver.url, {"text": "x"})
    webhook.ping(receiver.url)
    assert "secret-path" not in caplog.text
