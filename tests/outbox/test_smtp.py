"""The connection to the relay: verified TLS, bounded in time, ended on request."""

import datetime as dt
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.outbox import smtp, smtp_errors
from app.outbox.signals import DeadlineExceeded, SignalHandler, StopRequested
from tests.outbox.conftest import MAIL
from tests.support.certificate import write_self_signed_certificate
from tests.support.smtp_relay import DRIP, HANG, Relay

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _send(signal_handler: SignalHandler | None = None) -> int:
    dot = signal_handler.mark_data_sent if signal_handler else lambda: None
    return smtp.send(MAIL, message_id="<a@clinic.example>", date=WHEN, on_data_sent=dot)


@pytest.fixture
def through(make_app: Callable[..., Flask], relay: Relay) -> Callable[..., Flask]:
    """Make an app that sends through ``relay``."""

    def make(**env: str) -> Flask:
        there = {"MAIL_SERVER": "localhost", "MAIL_PORT": str(relay.port)}
        return make_app(**there, MAIL_DEFAULT_SENDER="no-reply@clinic.example", **env)

    return make


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for "localhost" that signs itself, with its key in the same file."""
    file = tmp_path / "relay.pem"
    write_self_signed_certificate(file)
    return file


def _encrypting(relay: Relay, certificate: Path) -> None:
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.tls.load_cert_chain(certificate)


def test_a_certificate_nobody_vouches_for_stops_the_mail(
    through: Callable[..., Flask], relay: Relay, certificate: Path
) -> None:
    _encrypting(relay, certificate)
    with (
        through(MAIL_USE_TLS="true").app_context(),
        pytest.raises(smtp_errors.TransportUnavailable) as caught,
    ):
        _send()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert relay.received == []


def test_a_trusted_certificate_lets_the_mail_through(
    through: Callable[..., Flask],
    relay: Relay,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _encrypting(relay, certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with through(MAIL_USE_TLS="true").app_context():
        assert _send() == 250
    assert len(relay.received) == 1


def test_a_relay_without_tls_gets_no_mail_when_tls_is_wanted(
    through: Callable[..., Flask], relay: Relay
) -> None:
    with (
        through(MAIL_USE_TLS="true").app_context(),
        pytest.raises(smtp_errors.TransportUnavailable),
    ):
        _send()
    assert relay.received == []


def test_a_wrong_password_is_the_relays_matter(through: Callable[..., Flask], relay: Relay) -> None:
    relay.login = True
    relay.script = {"auth": "535 wrong password"}
    app = through(MAIL_USE_TLS="false", MAIL_USERNAME="desk", MAIL_PASSWORD="not-this")
    with app.app_context(), pytest.raises(smtp_errors.TransportUnavailable) as caught:
        _send()
    assert caught.value.code == 535
    assert "not-this" not in str(caught.value)


@pytest.mark.parametrize("script", [{"rcpt": HANG}, {"dot": DRIP}], ids=str)
def test_a_server_that_stalls_is_left_at_the_deadline(
    through: Callable[..., Flask], relay: Relay, script: dict[str, str]
) -> None:
    relay.script = script
    signal_handler = SignalHandler(deadline=0.5)
    with (
        through(MAIL_USE_TLS="false").app_context(),
        pytest.raises((smtp_errors.TemporaryError, DeadlineExceeded)),
        signal_handler.attempt(),
    ):
        _send(signal_handler)


def test_the_final_dot_is_not_held_back_until_the_body_is_acknowledged(
    through: Callable[..., Flask], relay: Relay
) -> None:
    """Sent by itself it would wait 40 ms for the other side's delayed ACK, with each mail."""
    app = through(MAIL_USE_TLS="false")
    with app.app_context(), smtp._Connection(app.extensions["mail"], lambda: None) as connection:
        host = connection.host
        assert host is not None
        assert host.sock is not None
        assert host.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert relay.connections == 1


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_stop_before_the_dot_aborts_at_once(through: Callable[..., Flask], relay: Relay) -> None:
    relay.script = {"rcpt": HANG}
    signal_handler = SignalHandler()
    signal_handler.install()
    main = threading.main_thread().ident
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGTERM)).start()
    with (
        through(MAIL_USE_TLS="false").app_context(),
        pytest.raises(StopRequested),
        signal_handler.attempt(),
    ):
        _send(signal_handler)
    assert signal_handler.stopping


@pytest.mark.usefixtures("handlers")
def test_a_stop_after_the_dot_waits_for_the_answer(through: Callable[..., Flask]) -> None:
    signal_handler = SignalHandler()
    signal_handler.install()
    with through(MAIL_USE_TLS="false").app_context(), signal_handler.attempt():
        signal_handler.mark_data_sent()
        signal.raise_signal(signal.SIGTERM)
        assert _send() == 250
    assert signal_handler.stopping
