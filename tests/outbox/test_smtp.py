"""The connection to the relay: verified TLS, bounded in time, ended on request."""

import datetime as dt
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from app.outbox import smtp
from app.outbox.interrupt import DeadlinePassed, Interrupts, Stopped
from tests.outbox.conftest import MAIL
from tests.support.relay import DRIP, HANG, Relay

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _send(interrupts: Interrupts | None = None) -> int:
    dot = interrupts.past_the_dot if interrupts else lambda: None
    return smtp.send(MAIL, message_id="<a@clinic.example>", date=WHEN, on_dot=dot)


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
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
        .not_valid_after(dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "relay.pem"
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def _encrypting(relay: Relay, certificate: Path) -> None:
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.tls.load_cert_chain(certificate)


def test_a_certificate_nobody_vouches_for_stops_the_mail(
    through: Callable[..., Flask], relay: Relay, certificate: Path
) -> None:
    _encrypting(relay, certificate)
    with through(MAIL_USE_TLS="true").app_context(), pytest.raises(smtp.RelayDown) as caught:
        _send()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert relay.taken == []


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
    assert len(relay.taken) == 1


def test_a_relay_without_tls_gets_no_mail_when_tls_is_wanted(
    through: Callable[..., Flask], relay: Relay
) -> None:
    with through(MAIL_USE_TLS="true").app_context(), pytest.raises(smtp.RelayDown):
        _send()
    assert relay.taken == []


def test_a_wrong_password_is_the_relays_matter(through: Callable[..., Flask], relay: Relay) -> None:
    relay.login = True
    relay.script = {"auth": "535 wrong password"}
    app = through(MAIL_USE_TLS="false", MAIL_USERNAME="desk", MAIL_PASSWORD="not-this")
    with app.app_context(), pytest.raises(smtp.RelayDown) as caught:
        _send()
    assert caught.value.code == 535
    assert "not-this" not in str(caught.value)


@pytest.mark.parametrize("script", [{"rcpt": HANG}, {"dot": DRIP}], ids=str)
def test_a_server_that_stalls_is_left_at_the_deadline(
    through: Callable[..., Flask], relay: Relay, script: dict[str, str]
) -> None:
    relay.script = script
    interrupts = Interrupts(deadline=0.5)
    with (
        through(MAIL_USE_TLS="false").app_context(),
        pytest.raises((smtp.TransientFailure, DeadlinePassed)),
        interrupts.attempt(),
    ):
        _send(interrupts)


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_a_stop_before_the_dot_aborts_at_once(through: Callable[..., Flask], relay: Relay) -> None:
    relay.script = {"rcpt": HANG}
    interrupts = Interrupts()
    interrupts.install()
    main = threading.main_thread().ident
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGTERM)).start()
    with (
        through(MAIL_USE_TLS="false").app_context(),
        pytest.raises(Stopped),
        interrupts.attempt(),
    ):
        _send(interrupts)
    assert interrupts.stopping


@pytest.mark.usefixtures("handlers")
def test_a_stop_after_the_dot_waits_for_the_answer(through: Callable[..., Flask]) -> None:
    interrupts = Interrupts()
    interrupts.install()
    with through(MAIL_USE_TLS="false").app_context(), interrupts.attempt():
        interrupts.past_the_dot()
        signal.raise_signal(signal.SIGTERM)
        assert _send() == 250
    assert interrupts.stopping
