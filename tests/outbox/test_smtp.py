"""The SMTP connection: verified TLS, a deadline, and an orderly stop."""

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
from app.outbox.signals import DEADLINE, SignalHandler, StopRequested
from tests.outbox.conftest import EMAIL
from tests.support.certificate import write_self_signed_certificate
from tests.support.smtp_relay import DRIP, HANG, Relay

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _send(signal_handler: SignalHandler | None = None) -> None:
    mark = signal_handler.mark_data_sent if signal_handler else lambda: None
    smtp.send(EMAIL, message_id="<a@clinic.example>", date=WHEN, on_data_sent=mark)


@pytest.fixture
def make_smtp_app(make_app: Callable[..., Flask], relay: Relay) -> Callable[..., Flask]:
    """Create an application that sends through ``relay``."""

    def make(**env: str) -> Flask:
        server = {"MAIL_SERVER": "localhost", "MAIL_PORT": str(relay.port)}
        return make_app(**server, MAIL_DEFAULT_SENDER="no-reply@clinic.example", **env)

    return make


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for "localhost", with its key in the same file."""
    file = tmp_path / "relay.pem"
    write_self_signed_certificate(file)
    return file


def _enable_tls(relay: Relay, certificate: Path) -> None:
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.tls.load_cert_chain(certificate)


def test_an_untrusted_certificate_prevents_sending(
    make_smtp_app: Callable[..., Flask], relay: Relay, certificate: Path
) -> None:
    _enable_tls(relay, certificate)
    with (
        make_smtp_app(MAIL_USE_TLS="true").app_context(),
        pytest.raises(smtp_errors.TransportUnavailable) as caught,
    ):
        _send()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert relay.received == []


def test_a_trusted_certificate_allows_sending(
    make_smtp_app: Callable[..., Flask],
    relay: Relay,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _enable_tls(relay, certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with make_smtp_app(MAIL_USE_TLS="true").app_context():
        _send()
    assert len(relay.received) == 1


def test_a_server_without_tls_gets_no_email_when_tls_is_required(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    with (
        make_smtp_app(MAIL_USE_TLS="true").app_context(),
        pytest.raises(smtp_errors.TransportUnavailable),
    ):
        _send()
    assert relay.received == []


def test_a_wrong_password_means_the_transport_is_unavailable(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    relay.login = True
    relay.script = {"auth": "535 wrong password"}
    app = make_smtp_app(MAIL_USE_TLS="false", MAIL_USERNAME="desk", MAIL_PASSWORD="not-this")
    with app.app_context(), pytest.raises(smtp_errors.TransportUnavailable) as caught:
        _send()
    assert caught.value.code == 535
    assert "not-this" not in str(caught.value)


@pytest.mark.parametrize("script", [{"rcpt": HANG}, {"dot": DRIP}], ids=str)
def test_an_attempt_ends_at_the_deadline_when_the_server_stalls(
    make_smtp_app: Callable[..., Flask], relay: Relay, script: dict[str, str]
) -> None:
    relay.script = script
    signal_handler = SignalHandler()
    with (
        make_smtp_app(MAIL_USE_TLS="false").app_context(),
        pytest.raises(smtp_errors.TemporaryError, match="the attempt took too long"),
        signal_handler.time_limit(0.5),
    ):
        _send(signal_handler)


def test_the_final_dot_is_sent_without_waiting_for_the_ack_of_the_body(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    """Without TCP_NODELAY each message would wait 40 ms for the other side's delayed ACK."""
    app = make_smtp_app(MAIL_USE_TLS="false")
    with app.app_context(), smtp._Connection(lambda: None) as connection:
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
def test_a_stop_before_the_final_dot_aborts_at_once(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    relay.script = {"rcpt": HANG}
    signal_handler = SignalHandler()
    signal_handler.install()
    main = threading.main_thread().ident
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGTERM)).start()
    with (
        make_smtp_app(MAIL_USE_TLS="false").app_context(),
        pytest.raises(StopRequested),
        signal_handler.time_limit(DEADLINE),
    ):
        _send(signal_handler)
    assert signal_handler.stopping


@pytest.mark.usefixtures("handlers")
def test_a_stop_after_the_final_dot_waits_for_the_reply(
    make_smtp_app: Callable[..., Flask],
) -> None:
    signal_handler = SignalHandler()
    signal_handler.install()
    with make_smtp_app(MAIL_USE_TLS="false").app_context(), signal_handler.time_limit(DEADLINE):
        signal_handler.mark_data_sent()
        signal.raise_signal(signal.SIGTERM)
        _send()
    assert signal_handler.stopping
