"""The SMTP connection: verified TLS, a deadline, and an orderly stop."""

import datetime as dt
import signal
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, current_app

from app.diagnostics.mail_transport import check_mail
from app.outbox.send_errors import TemporaryFailure, TransportFault, TransportUnavailable
from app.outbox.signals import DEADLINE, SignalHandler, StopRequested
from app.outbox.transports.smtp import SMTPTransport, _Connection
from app.services import get_services
from tests.outbox.conftest import EMAIL
from tests.support.certificate import write_self_signed_certificate
from tests.support.smtp_relay import DRIP, DROP, HANG, Relay
from tests.support.transports import transport_of

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _send(signal_handler: SignalHandler | None = None) -> None:
    mark = signal_handler.mark_data_sent if signal_handler else lambda: None
    transport_of(current_app).send(
        EMAIL, message_id="<a@clinic.example>", date=WHEN, on_data_sent=mark
    )


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
        pytest.raises(TransportUnavailable) as caught,
    ):
        _send()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert caught.value.fault is TransportFault.TLS
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
        pytest.raises(TransportUnavailable) as caught,
    ):
        _send()
    assert caught.value.fault is TransportFault.TLS
    assert relay.received == []


def test_a_wrong_password_means_the_transport_is_unavailable(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    relay.login = True
    relay.script = {"auth": "535 wrong password"}
    app = make_smtp_app(MAIL_USE_TLS="false", MAIL_USERNAME="desk", MAIL_PASSWORD="not-this")
    with app.app_context(), pytest.raises(TransportUnavailable) as caught:
        _send()
    assert (caught.value.code, caught.value.fault) == (535, TransportFault.AUTHENTICATION)
    assert "not-this" not in str(caught.value)


def test_a_password_outside_ascii_is_sent_as_utf_8(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    relay.login = True
    app = make_smtp_app(MAIL_USE_TLS="false", MAIL_USERNAME="désk", MAIL_PASSWORD="pässwörd")
    with app.app_context():
        _send()
    assert b64decode(relay.auth.split()[-1]).decode() == "\0désk\0pässwörd"


@pytest.mark.parametrize(
    ("mechanisms", "script"),
    [("LOGIN", {}), ("CRAM-MD5", {}), ("", {}), ("PLAIN", {"auth": "535 5.7.8 no"}),
     ("PLAIN", {"auth": "334 a question"}), ("PLAIN", {"auth": DROP})],
)  # fmt: skip
@pytest.mark.parametrize("password", ["pässwörd", "password"])
def test_whatever_a_login_raises_means_the_transport_is_unavailable(
    make_smtp_app: Callable[..., Flask],
    relay: Relay,
    mechanisms: str,
    script: dict[str, str],
    password: str,
) -> None:
    relay.login, relay.mechanisms, relay.script = True, mechanisms, script
    app = make_smtp_app(MAIL_USE_TLS="false", MAIL_USERNAME="desk", MAIL_PASSWORD=password)
    if mechanisms in ("LOGIN", "CRAM-MD5") and password.isascii():
        relay.script = {"auth": "334 not base64"}
    with app.app_context():
        with pytest.raises(TransportUnavailable) as caught:
            _send()
        services = get_services(app)
        (check,) = check_mail(services.settings, services.clinic)
    assert password not in str(caught.value)
    assert (check.level, check.text.count("\n")) == ("failed", 0)
    assert password not in check.text


@pytest.mark.parametrize("script", [{"rcpt": HANG}, {"dot": DRIP}], ids=str)
def test_an_attempt_ends_at_the_deadline_when_the_server_stalls(
    make_smtp_app: Callable[..., Flask], relay: Relay, script: dict[str, str]
) -> None:
    relay.script = script
    signal_handler = SignalHandler()
    with (
        make_smtp_app(MAIL_USE_TLS="false").app_context(),
        pytest.raises(TemporaryFailure, match="the attempt took too long"),
        signal_handler.time_limit(0.5),
    ):
        _send(signal_handler)


def test_the_final_dot_is_sent_without_waiting_for_the_ack_of_the_body(
    make_smtp_app: Callable[..., Flask], relay: Relay
) -> None:
    """Without TCP_NODELAY each message would wait 40 ms for the other side's delayed ACK."""
    app = make_smtp_app(MAIL_USE_TLS="false")
    transport = transport_of(app)
    assert isinstance(transport, SMTPTransport)
    with _Connection(transport.mail, None, lambda: None) as connection:
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
