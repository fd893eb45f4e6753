"""Email by OAuth 2.0, Microsoft Graph and Amazon SES: what is sent, and what each answer means."""

import datetime as dt
import random
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import msal.oauth2cli.assertion
import pytest
from flask import Flask

from app.diagnostics.mail_transport import check_mail
from app.diagnostics.result import CheckResult
from app.mail import password_warning
from app.outbox import circuit_breaker
from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import (
    MessageRefused,
    RecipientRefused,
    SendError,
    TemporaryFailure,
    TransportFault,
    TransportUnavailable,
)
from app.outbox.signals import SignalHandler, StopRequested
from app.services import get_services
from tests.outbox.conftest import EMAIL, OutboxHarness
from tests.support.databases import sqlite_only
from tests.support.log import log
from tests.support.mail_services import (
    AWS_SECRET,
    CLIENT_ID,
    CLIENT_SECRET,
    HANG,
    MAILBOX,
    REGION,
    TENANT,
    Answer,
    MailServices,
    certificate_pem,
    entra_error,
    graph_error,
    key_pem,
    services,
    ses_error,
)
from tests.support.name_server import name_server
from tests.support.settings import settings_for
from tests.support.smtp_relay import Relay
from tests.support.transports import transport_of

__all__ = ["log", "name_server", "services"]

WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
ACKNOWLEDGEMENT = replace(EMAIL, recipient="ada@example.com", is_acknowledgement=True)
ENTRA = {"MAIL_MICROSOFT_TENANT": TENANT, "MAIL_MICROSOFT_CLIENT_ID": CLIENT_ID}
SECRET = {**ENTRA, "MAIL_MICROSOFT_CLIENT_SECRET": CLIENT_SECRET}
CERTIFICATE = {**ENTRA, "MAIL_MICROSOFT_CERTIFICATE": certificate_pem()}
MICROSOFT = {"MAIL_AUTH": "oauth2", "MAIL_OAUTH_PROVIDER": "microsoft"}
GRAPH = {"MAIL_TRANSPORT": "microsoft-graph"}
WAYS = {
    "Microsoft, secret": {**MICROSOFT, **SECRET},
    "Microsoft, certificate": {**MICROSOFT, **CERTIFICATE},
    "Google": {"MAIL_AUTH": "oauth2", "MAIL_OAUTH_PROVIDER": "google"},
    "Graph, secret": {**GRAPH, **SECRET},
    "Graph, certificate": {**GRAPH, **CERTIFICATE},
    "SES": {"MAIL_TRANSPORT": "amazon-ses", "MAIL_SES_REGION": REGION},
}
WITH_TOKENS = ("Microsoft, secret", "Google", "Graph, secret")
# What must appear nowhere. A token of the fakes begins like the second.
SECRETS = (CLIENT_SECRET, "eyJ", AWS_SECRET, key_pem().splitlines()[3], "Bearer", "PRIVATE KEY")


class Site:
    """An application that sends by one of WAYS."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.transport = transport_of(app)

    def send(self, email: OutgoingEmail = EMAIL, handler: SignalHandler | None = None) -> int:
        random.seed(1)  # of the boundaries between the parts
        mark = handler.mark_data_sent if handler else lambda: None
        with self.app.app_context():
            return self.transport.send(
                email, message_id="<a@clinic.example>", date=WHEN, on_data_sent=mark
            )

    def error(self, email: OutgoingEmail = EMAIL) -> SendError:
        with pytest.raises(SendError) as raised:
            self.send(email)
        return raised.value

    def fault(self) -> TransportFault | None:
        error = self.error()
        assert isinstance(error, TransportUnavailable)
        return error.fault

    def check(self) -> list[CheckResult]:
        with self.app.app_context():
            site = get_services(self.app)
            return check_mail(site.settings, site.clinic)

    def run(self, *arguments: str) -> str:
        return self.app.test_cli_runner().invoke(args=arguments).output


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(make_app: Callable[..., Flask], relay: Relay, services: MailServices) -> MakeSite:
    relay.login, relay.mechanisms = True, "XOAUTH2"
    relay.check_token = services.check_smtp_token

    def make(way: str = "", **env: str) -> Site:
        server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(relay.port)}
        plain = {"MAIL_USE_TLS": "false", "MAIL_DEFAULT_SENDER": MAILBOX}
        google = {"MAIL_GOOGLE_SERVICE_ACCOUNT": services.google_key} if way == "Google" else {}
        return Site(make_app(**{**server, **plain, **google, **WAYS.get(way, {}), **env}))

    return make


@pytest.mark.parametrize("way", WAYS)
def test_each_way_carries_the_same_bytes_as_plain_smtp(
    make_site: MakeSite, relay: Relay, services: MailServices, way: str
) -> None:
    email = replace(EMAIL, text="Hello\n.dot\n…\n", sender_name="Praxis für Schmerz, Dr. Müller")
    site = make_site(way)
    assert site.send(email) in {200, 202, 250}
    relay.check_token, relay.login = None, False
    make_site().send(email)
    (received,) = services.received or relay.received[:1]
    assert received.content == relay.received[-1].content
    assert (received.sender, received.recipients) == (MAILBOX, (email.recipient,))


@pytest.mark.parametrize("way", WAYS)
def test_the_doctor_gets_a_token_and_connects_without_sending(
    make_site: MakeSite, relay: Relay, services: MailServices, way: str
) -> None:
    results = make_site(way).check()
    assert [result.level for result in results] == ["ok", "ok"]
    first, second = (result.text for result in results)
    if way == "SES":
        assert first == "Amazon SES in us-east-1 sends for this account: 12 of 50000 in 24 hours"
        assert second == "Amazon SES has verified clinic.example"
    else:
        assert "issues tokens; this one is valid until 20" in first
        assert "answers" in second
    assert relay.received == services.received == []


# Tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", WITH_TOKENS)
def test_a_token_is_kept_and_renewed_before_it_expires(
    make_site: MakeSite, services: MailServices, way: str
) -> None:
    site = make_site(way)
    for _ in range(3):
        site.send()
    assert services.calls["token"] == 1
    services.lifetime = 200.0  # less than RENEW_BEFORE
    services.revoke()
    for _ in range(3):
        site.send()
    assert services.calls["token"] == 4


@pytest.mark.parametrize("way", WITH_TOKENS)
def test_a_token_is_used_to_its_end_when_no_other_can_be_had(
    make_site: MakeSite, services: MailServices, way: str
) -> None:
    site = make_site(way)
    services.lifetime = 200.0
    site.send()
    services.script["token"] = Answer(503)
    site.send()
    services.revoke()
    assert site.fault() is TransportFault.TOKEN_ENDPOINT


@pytest.mark.parametrize("way", WITH_TOKENS)
def test_a_revoked_token_is_replaced_at_once(
    make_site: MakeSite, relay: Relay, services: MailServices, way: str
) -> None:
    site = make_site(way)
    site.send()
    services.revoke()
    site.send()
    assert services.calls["token"] == 2
    assert len(services.received or relay.received) == 2


@pytest.mark.parametrize("way", WITH_TOKENS)
@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(503), TransportFault.TOKEN_ENDPOINT),
        (Answer(200, "<html>a proxy's page</html>"), TransportFault.TOKEN_ENDPOINT),
        (Answer(200, {}), TransportFault.TOKEN_ENDPOINT),
        (Answer(200, []), TransportFault.TOKEN_ENDPOINT),
        (
            Answer(302, "", {"Location": "https://elsewhere.example/"}),
            TransportFault.TOKEN_ENDPOINT,
        ),
        (Answer(400, {"error": "temporarily_unavailable"}), TransportFault.TOKEN_ENDPOINT),
        (entra_error(401, "invalid_client", 7000222, "Expired."), TransportFault.AUTHENTICATION),
        (entra_error(400, "invalid_grant", 53003, "Blocked."), TransportFault.AUTHENTICATION),
    ],
)
def test_what_the_token_endpoint_answers(
    make_site: MakeSite, services: MailServices, way: str, answer: Answer, fault: TransportFault
) -> None:
    site = make_site(way)
    services.script["token"] = answer
    assert site.fault() is fault
    services.script.clear()
    site.send()


@pytest.mark.parametrize("way", WITH_TOKENS)
def test_a_token_endpoint_that_is_down_or_not_trusted(
    make_site: MakeSite, services: MailServices, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(way)
    with monkeypatch.context() as patch:
        patch.delenv("SSL_CERT_FILE")
        assert site.fault() is TransportFault.TLS
    services.close()
    assert site.fault() is TransportFault.TOKEN_ENDPOINT


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("way", ["Microsoft, certificate", "Graph, certificate", "Google", "SES"])
def test_a_wrong_clock_is_named(
    make_site: MakeSite, way: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour off, for each library that signs with the time."""
    site, real = make_site(way), msal.oauth2cli.assertion.time.time
    wrong = SimpleNamespace(time=lambda: real() + hours * 3600)
    monkeypatch.setattr(msal.oauth2cli.assertion, "time", wrong)
    now = (dt.datetime.now(dt.UTC) + timedelta(hours=hours)).replace(tzinfo=None)
    monkeypatch.setattr("google.auth._helpers.utcnow", lambda: now)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: now)
    assert site.fault() is TransportFault.CLOCK
    assert site.check()[-1].advice == "Correct this machine's clock"


def test_a_server_without_xoauth2_and_a_refused_token(
    make_site: MakeSite, relay: Relay, services: MailServices
) -> None:
    site = make_site("Microsoft, secret")
    relay.mechanisms = "PLAIN LOGIN"
    error = site.error()
    assert "does not offer XOAUTH2" in str(error)
    relay.mechanisms = "XOAUTH2"
    relay.check_token = lambda _user, _token: False
    error = site.error()
    assert (error.code, error.fault) == (535, TransportFault.AUTHENTICATION)
    assert "5.7.3 Authentication unsuccessful" in str(error)
    assert services.calls["token"] == 2, "a new token was refused too"


# Answers ----------------------------------------------------------------------------

GRAPH_ANSWERS = [
    (graph_error(401, "InvalidAuthenticationToken"), TransportFault.AUTHENTICATION),
    (graph_error(403, "ErrorAccessDenied"), TransportFault.SENDER),
    (graph_error(403, "ErrorSendAsDenied"), TransportFault.SENDER),
    (graph_error(404, "ErrorInvalidUser"), TransportFault.SENDER),
    (graph_error(404, "MailboxNotEnabledForRESTAPI"), TransportFault.SENDER),
    (graph_error(429, "ApplicationThrottled", Retry_After="90"), TransportFault.LIMIT),
    (graph_error(503, "ServiceUnavailable", Retry_After="90"), TransportFault.CONNECTION),
    (graph_error(502, "BadGateway"), TransportFault.CONNECTION),
    (Answer(504, "<html>"), TransportFault.CONNECTION),
    (Answer(307, "", {"Location": "https://elsewhere.example/"}), TransportFault.CONNECTION),
    (Answer(200, "<html>a proxy's page</html>"), TransportFault.CONNECTION),
    (graph_error(400, "ErrorInvalidRequest"), TransportFault.SENDER),
    (graph_error(400, "ErrorInvalidRecipients"), RecipientRefused),
    (graph_error(400, "ErrorMessageSizeExceeded"), MessageRefused),
    (graph_error(413, "RequestEntityTooLarge"), MessageRefused),
    (graph_error(500, "ErrorInternalServerError"), TemporaryFailure),
]
SES_ANSWERS = [
    (ses_error(429, "TooManyRequestsException"), TransportFault.LIMIT),
    (ses_error(400, "ThrottlingException", "Maximum sending rate exceeded."), TransportFault.LIMIT),
    (ses_error(400, "LimitExceededException"), TransportFault.LIMIT),
    (ses_error(400, "AccountSuspendedException"), TransportFault.SENDER),
    (ses_error(400, "SendingPausedException"), TransportFault.SENDER),
    (ses_error(400, "MailFromDomainNotVerifiedException"), TransportFault.SENDER),
    (
        ses_error(400, "MessageRejected", f"Email address is not verified: {MAILBOX}"),
        TransportFault.SENDER,
    ),
    (ses_error(403, "AccessDeniedException", "Not authorized."), TransportFault.AUTHENTICATION),
    (ses_error(403, "UnrecognizedClientException"), TransportFault.AUTHENTICATION),
    (ses_error(403, "ExpiredTokenException"), TransportFault.AUTHENTICATION),
    (ses_error(403, "SignatureDoesNotMatch"), TransportFault.AUTHENTICATION),
    (ses_error(404, "NotFoundException", "Configuration set"), TransportFault.SENDER),
    (ses_error(400, "BadRequestException", "Something else"), TransportFault.SENDER),
    (ses_error(503, "ServiceUnavailable"), TransportFault.CONNECTION),
    (Answer(307, "", {"Location": "https://elsewhere.example/"}), TransportFault.CONNECTION),
    (ses_error(400, "BadRequestException", "Missing final '@domain' in address"), RecipientRefused),
    (ses_error(400, "MessageRejected", "Invalid content."), MessageRefused),
    (ses_error(400, "BadRequestException", "Message length is more than 1"), MessageRefused),
    (ses_error(500, "InternalFailure"), TemporaryFailure),
]


def assert_result(error: SendError, expected: object, answer: Answer) -> None:
    found = error.fault if isinstance(error, TransportUnavailable) else type(error)
    assert found is expected, (error, answer)
    assert error.code == answer.status
    assert MAILBOX not in str(error)


def test_what_microsoft_graph_answers(make_site: MakeSite, services: MailServices) -> None:
    site = make_site("Graph, secret")
    for answer, expected in GRAPH_ANSWERS:
        services.script["graph"] = answer
        error = site.error()
        assert_result(error, expected, answer)
        assert error.retry_after == float(answer.headers.get("Retry-After", 0))
    services.script["graph"] = graph_error(400, "ErrorInvalidRequest")
    assert isinstance(site.error(ACKNOWLEDGEMENT), TemporaryFailure)
    assert services.received == []


def test_what_amazon_ses_answers(make_site: MakeSite, services: MailServices) -> None:
    site = make_site("SES")
    for answer, expected in SES_ANSWERS:
        services.script["ses"] = answer
        before = services.calls["ses"]
        assert_result(site.error(), expected, answer)
        assert services.calls["ses"] == before + 1, "not sent again by the library"
    services.script["ses"] = ses_error(400, "BadRequestException", "Something else")
    assert isinstance(site.error(ACKNOWLEDGEMENT), TemporaryFailure)
    assert services.received == []


def test_wrong_and_missing_credentials_of_amazon(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert make_site("SES").fault() is TransportFault.AUTHENTICATION
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert make_site("SES").fault() is TransportFault.AUTHENTICATION
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    site = make_site("SES")
    assert site.fault() is TransportFault.AUTHENTICATION
    result = site.check()[-1]
    assert "NoCredentialsError" in result.text
    assert result.advice == "Look up the answer in docs/mail.md#amazon-ses"


@pytest.mark.parametrize("way", ["Graph, secret", "SES"])
def test_a_service_that_is_down_or_not_trusted(
    make_site: MakeSite, services: MailServices, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(way)
    site.send()
    with monkeypatch.context() as patch:
        patch.delenv("SSL_CERT_FILE")
        patch.delenv("AWS_CA_BUNDLE")
        assert (site if way != "SES" else make_site(way)).fault() is TransportFault.TLS
    services.close()
    assert site.fault() is TransportFault.CONNECTION


# Time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "endpoint", "expected"),
    [
        ("Graph, secret", "token", TransportFault.TOKEN_ENDPOINT),
        ("Graph, secret", "discovery", TransportFault.TOKEN_ENDPOINT),
        ("Google", "token", TransportFault.TOKEN_ENDPOINT),
        ("Graph, secret", "graph", TemporaryFailure),
        ("SES", "ses", TemporaryFailure),
    ],
)
def test_the_deadline_holds_when_a_service_does_not_answer(
    make_site: MakeSite, services: MailServices, way: str, endpoint: str, expected: object
) -> None:
    site = make_site(way)
    services.script[endpoint] = HANG
    with SignalHandler().time_limit(3):
        error = site.error()
    found = error.fault if isinstance(error, TransportUnavailable) else type(error)
    assert found is expected


@pytest.fixture
def handler() -> Iterator[SignalHandler]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handler = SignalHandler()
    handler.install()
    yield handler
    for number, previous in before.items():
        signal.signal(number, previous)


@pytest.mark.parametrize("way", WITH_TOKENS)
def test_a_stop_while_waiting_for_a_token_aborts_at_once(
    make_site: MakeSite, services: MailServices, way: str, handler: SignalHandler
) -> None:
    site = make_site(way)
    services.script["token"] = HANG
    main = threading.main_thread().ident
    threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGTERM)).start()
    with pytest.raises(StopRequested), handler.time_limit(20):
        site.send(handler=handler)


# The outbox -------------------------------------------------------------------------


@pytest.fixture
def outbox(make_site: MakeSite, database_url: str) -> Iterator[OutboxHarness]:
    app = make_site("Graph, secret", DATABASE_URL=database_url).app
    with app.app_context():
        yield OutboxHarness(app)


def test_a_limit_uses_up_no_attempt_and_is_left_alone_for_as_long_as_it_asks(
    outbox: OutboxHarness, services: MailServices
) -> None:
    outbox.enqueue()
    services.script["graph"] = graph_error(429, "ApplicationThrottled", Retry_After="90")
    assert outbox.mailer().deliver_one()
    with outbox.database.read_session() as session:
        state = circuit_breaker.transport_state(session)
    assert state
    assert state.fault == "limit"
    assert state.next_probe_at
    wait = (state.next_probe_at - outbox.now()).total_seconds()
    assert 80 < wait <= 90
    assert outbox.message().attempt_count == 0
    assert not outbox.mailer().deliver_one()


@sqlite_only
def test_a_day_of_waiting_that_a_service_asks_for_is_cut_short(
    outbox: OutboxHarness, services: MailServices
) -> None:
    outbox.enqueue()
    services.script["graph"] = graph_error(503, "Maintenance", Retry_After="86400")
    assert outbox.mailer().deliver_one()
    with outbox.database.read_session() as session:
        state = circuit_breaker.transport_state(session)
    assert state
    assert state.next_probe_at
    assert (state.next_probe_at - outbox.now()).total_seconds() <= 300


# Secrets ----------------------------------------------------------------------------


@pytest.mark.usefixtures("name_server")
@pytest.mark.parametrize("way", WAYS)
def test_no_secret_in_logs_tracebacks_output_or_database(
    make_site: MakeSite,
    services: MailServices,
    log: StringIO,
    tmp_path: Path,
    way: str,
) -> None:
    site = make_site(way, METRICS_TOKEN="only-for-tests-metrics")
    shown = [site.run("mail", "test", "me@clinic.example")]
    outbox = OutboxHarness(site.app)
    for script in (
        {},
        {"token": Answer(200, f"not JSON: {CLIENT_SECRET} eyJ")},
        {"token": entra_error(401, "invalid_client", 7000215, "Invalid client secret provided.")},
        {"graph": graph_error(403, "ErrorAccessDenied")},
        {"ses": ses_error(403, "SignatureDoesNotMatch", "The string to sign is eyJ")},
    ):
        if not script.keys() <= services.calls.keys():
            continue  # not used by this way
        services.script = dict(script)
        services.revoke()
        with site.app.app_context():
            outbox.enqueue()
            outbox.mailer().deliver_one()
            outbox.mailer().deliver_one()
        try:
            site.send()
        except SendError as error:
            shown += traceback.format_exception(error)
        shown.append(site.run("mail", "test", "me@clinic.example"))
    shown += [site.run("doctor"), site.run("status"), site.run("outbox", "list", "--all", "--json")]
    metrics = site.app.test_client().get(
        "/metrics", headers={"Authorization": "Bearer only-for-tests-metrics"}
    )
    shown += [metrics.text, log.getvalue()]
    assert "mail server" in "".join(shown)
    for name in ("frontdesk.db", "frontdesk.db-wal"):
        if (tmp_path / name).exists():
            shown.append((tmp_path / name).read_bytes().decode("latin-1"))
    text = "".join(shown)
    assert not [secret for secret in SECRETS if secret in text]


# The doctor, and flask mail test -----------------------------------------------------


@pytest.mark.parametrize(
    ("way", "script", "text", "advice"),
    [
        (
            "Microsoft, secret",
            {"token": entra_error(401, "invalid_client", 7000222, "The secret is expired.")},
            "token refused: AADSTS7000222: The secret is expired.",
            "Look up the answer in docs/mail.md#microsoft-365-with-oauth-20",
        ),
        (
            "Graph, secret",
            {"discovery": entra_error(400, "invalid_tenant", 90002, "Tenant not found.")},
            "token endpoint: no usable answer (ValueError)",
            "Check the tenant or key, and this machine's network and DNS",
        ),
        ("Google", {"token": Answer(503)}, "token endpoint: no usable answer", "Check the tenant"),
        (
            "SES",
            {"ses": Answer(200, {"SendingEnabled": False, "EnforcementStatus": "SHUTDOWN"})},
            "Amazon SES has paused this account (SHUTDOWN)",
            "Look up the answer in docs/mail.md#amazon-ses",
        ),
        (
            "SES",
            {"ses": ses_error(403, "AccessDeniedException", "No ses:GetAccount")},
            "Amazon SES answered 403 AccessDeniedException",
            "Look up the answer in docs/mail.md#amazon-ses",
        ),
    ],
)
def test_the_doctor_names_the_cause(  # noqa: PLR0913, PLR0917
    make_site: MakeSite,
    services: MailServices,
    way: str,
    script: dict[str, Answer | str],
    text: str,
    advice: str,
) -> None:
    site = make_site(way)
    services.script = script
    result = site.check()[-1]
    assert result.level == "failed"
    assert text in result.text
    assert result.advice.startswith(advice)


def test_the_doctor_misses_a_permission_and_a_verified_sender(
    make_site: MakeSite, services: MailServices
) -> None:
    services.roles = ["User.Read.All"]
    for way, permission in (
        ("Microsoft, secret", "SMTP.SendAsApp"),
        ("Graph, secret", "Mail.Send"),
    ):
        assert f"without the permission {permission}" in make_site(way).check()[-1].text
    other = make_site("SES", MAIL_DEFAULT_SENDER="web@other.example")
    assert other.check()[-1].text == "Amazon SES has not verified other.example"


def test_an_account_in_the_sandbox_is_a_warning(
    make_site: MakeSite, services: MailServices
) -> None:
    account = {"SendingEnabled": True, "ProductionAccessEnabled": False, "SendQuota": {}}
    services.script["ses"] = Answer(200, {**account, "VerifiedForSendingStatus": True})
    first = make_site("SES").check()[0]
    assert (first.level, "only to verified addresses" in first.text) == ("warning", True)


@pytest.mark.parametrize(
    "answer",
    [
        "535 5.7.139 SmtpClientAuthentication is disabled",
        "550 5.7.30 Basic authentication is not supported",
    ],
)
def test_a_password_that_microsoft_no_longer_accepts(
    make_site: MakeSite, relay: Relay, answer: str
) -> None:
    relay.check_token, relay.mechanisms, relay.script = None, "PLAIN", {"auth": answer}
    site = make_site(MAIL_USERNAME=MAILBOX, MAIL_PASSWORD="old-password")
    (result,) = site.check()
    assert result.level == "failed"
    assert "OAuth 2.0: docs/mail.md#microsoft-365-with-oauth-20" in result.advice


@pytest.mark.parametrize(
    ("server", "warned"),
    [
        ("smtp.office365.com", "Microsoft"),
        ("SMTP-mail.outlook.com", "Microsoft"),
        ("clinic-example.mail.protection.outlook.com", "Microsoft"),
        ("smtp.gmail.com", "Google"),
        ("smtp-relay.gmail.com", "Google"),
        ("smtp.clinic.example", ""),
        ("smtp.notoutlook.com", ""),
    ],
)
def test_a_password_that_will_not_be_accepted_is_a_warning(server: str, warned: str) -> None:
    login = {"MAIL_USERNAME": MAILBOX, "MAIL_PASSWORD": "old-password"}
    settings = settings_for(Path("/nonexistent"), MAIL_SERVER=server, **login)
    notice = password_warning(settings)
    assert (notice[0].split()[0] if notice else "") == warned
    assert password_warning(settings_for(Path("/nonexistent"), MAIL_SERVER=server)) is None


def test_mail_test_sends_and_reports_each_step(make_site: MakeSite, services: MailServices) -> None:
    site = make_site("Graph, secret")
    output = site.run("mail", "test", "me@clinic.example")
    assert "Microsoft issues tokens" in output
    assert f"{services.host} answers, TLS verified" in output
    assert "accepted by the mail server for me@clinic.example" in output
    (received,) = services.received
    assert received.message["Subject"].startswith("Test email from")
    services.script["token"] = Answer(503)
    result = site.app.test_cli_runner().invoke(args=("mail", "test", "me@clinic.example"))
    assert result.exit_code == 1
    assert "token endpoint" in result.output
    assert len(services.received) == 1
