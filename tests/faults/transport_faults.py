"""OAuth 2.0, Microsoft Graph and Amazon SES that refuse, stall, move, or lose their answers."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.outbox.circuit_breaker import transport_state
from tests.faults.delivery_check import read_message
from tests.faults.fault_plan import SHORT_TIMES
from tests.faults.registry import scenario
from tests.faults.site_under_test import SiteUnderTest, wait_until
from tests.support.mail_services import (
    CLIENT_ID,
    CLIENT_SECRET,
    HANG,
    LOSE,
    REGION,
    TENANT,
    Answer,
    MailServices,
    certificate_pem,
    entra_error,
    graph_error,
    ses_error,
)

TIMES = SHORT_TIMES | {
    "app.outbox.transports.http_client.CONNECT_TIMEOUT": 2.0,
    "app.outbox.transports.http_client.READ_TIMEOUT": 3.0,
    "app.outbox.transports.http_client.TOKEN_TIMEOUT": 2.0,
}
ENTRA = {"MAIL_MICROSOFT_TENANT": TENANT, "MAIL_MICROSOFT_CLIENT_ID": CLIENT_ID}
EXPIRED = entra_error(401, "invalid_client", 7000222, "The provided client secret is expired.")
MOVED = Answer(307, "", {"Location": "https://elsewhere.example/"})
HOUR = 3600.0


@dataclass(frozen=True)
class Fault:
    """What ``endpoint`` does until it has done so twice. ``flask outbox list`` then says
    ``named``, or the doctor, if ``by_doctor``.
    """

    endpoint: str
    answer: Answer | str
    named: str
    by_doctor: bool = False


def one_after_the_other(
    site: SiteUnderTest,
    services: MailServices,
    faults: Iterable[Fault],
    *,
    wrong_clock: bool = True,
) -> None:
    """Cause ``faults``, and a clock that is an hour off. After each, wait until email passes."""
    with site.load(pause=0.5):
        _wait_for_email(site, 4)
        for fault in faults:
            _cause(site, services, fault)
            _wait_for_email(site, 2)
        for seconds in (HOUR, -HOUR) if wrong_clock else ():
            _set_clock(site, services, seconds)


def _cause(site: SiteUnderTest, services: MailServices, fault: Fault) -> None:
    services.revoke()  # so that the token endpoint is asked again
    before = services.hits[fault.endpoint]
    services.script = {fault.endpoint: fault.answer}
    what = f"{fault.endpoint}: {fault.answer}"
    wait_until(lambda: services.hits[fault.endpoint] >= before + 2, 60, what)
    if fault.named:
        _expect(site, ("doctor",) if fault.by_doctor else ("outbox", "list"), fault.named)
    services.script = {}
    count = services.hits[fault.endpoint] - before
    site.injected += count
    site.duplicates_allowed += count if fault.answer == LOSE else 0


def _expect(site: SiteUnderTest, command: tuple[str, ...], text: str) -> None:
    """Wait until ``command`` says ``text``: a library may ask several times in one attempt."""
    what = f"{command} says {text!r}"
    wait_until(lambda: text in site.flask(*command, may_fail=True), 30, what)


def _wait_for_email(site: SiteUnderTest, count: int) -> None:
    before = len(site.messages())
    wait_until(lambda: len(site.messages()) >= before + count, 60, f"{count} emails")


def _start(site: SiteUnderTest, **env: str) -> MailServices:
    """Start ``site`` with ``env`` and the services that it then uses."""
    services = MailServices(site.folder)
    site.at_end.callback(services.close)
    site.relay.login, site.relay.mechanisms = True, "XOAUTH2"
    site.relay.check_token = services.check_smtp_token
    site.other_messages = lambda: [read_message(one.content) for one in tuple(services.received)]
    if env.get("MAIL_OAUTH_PROVIDER") == "google":
        env["MAIL_GOOGLE_SERVICE_ACCOUNT"] = services.google_key
    site.env = {**services.environment, **env}
    clock = str(site.folder / "library-clock")
    site.start(times=TIMES, cloud=services.cloud, library_clock=clock)
    return services


def _set_clock(site: SiteUnderTest, services: MailServices, seconds: float) -> None:
    """The libraries sign by a clock that is so many seconds off, until that is named."""
    services.revoke()
    (site.folder / "library-clock").write_text(str(seconds))
    wait_until(lambda: _is_known(site, "clock"), 30, "the wrong clock is known")
    _expect(site, ("doctor",), "Correct this machine's clock")
    (site.folder / "library-clock").write_text("0")
    site.injected += 1
    wait_until(lambda: not _is_known(site, "clock"), 30, "the clock is right again")


def _is_known(site: SiteUnderTest, fault: str) -> bool:
    with site.database.read_session() as session:
        state = transport_state(session)
        return state is not None and state.fault == fault


@scenario(
    "Microsoft, OAuth 2.0: tokens refused, revoked, late",
    note="token endpoint 503, silent, 401; unknown tenant; every token revoked",
)
def microsoft(site: SiteUnderTest) -> None:
    secret = {"MAIL_MICROSOFT_CLIENT_SECRET": CLIENT_SECRET}
    services = _start(site, MAIL_AUTH="oauth2", MAIL_OAUTH_PROVIDER="microsoft", **ENTRA, **secret)
    unknown = entra_error(400, "invalid_tenant", 90002, "Tenant not found.")
    faults = [
        Fault("token", Answer(503), "token endpoint: no usable answer"),
        Fault("token", HANG, "token endpoint: ReadTimeout"),
        Fault("token", EXPIRED, "AADSTS7000222: The provided client secret is expired."),
        Fault("discovery", unknown, "Check the tenant or key", by_doctor=True),
    ]
    one_after_the_other(site, services, faults, wrong_clock=False)


@scenario(
    "Google, OAuth 2.0: tokens refused, late; wrong clock",
    note="token endpoint 503, silent, 401; the clock that signs an hour off",
)
def google(site: SiteUnderTest) -> None:
    services = _start(site, MAIL_AUTH="oauth2", MAIL_OAUTH_PROVIDER="google")
    refused = Answer(401, {"error": "unauthorized_client", "error_description": "Not delegated."})
    faults = [
        Fault("token", Answer(503), "token endpoint: no usable answer"),
        Fault("token", HANG, "token endpoint: ReadTimeout"),
        Fault("token", refused, "unauthorized_client: Not delegated."),
    ]
    one_after_the_other(site, services, faults)


@scenario(
    "Microsoft Graph: 429, 403, 5xx, redirect, lost answer",
    note="with a certificate; also 200 with a page instead of 202, and a wrong clock",
)
def graph(site: SiteUnderTest) -> None:
    certificate = {"MAIL_MICROSOFT_CERTIFICATE": certificate_pem()}
    services = _start(site, MAIL_TRANSPORT="microsoft-graph", **ENTRA, **certificate)
    limit = graph_error(429, "ApplicationThrottled", Retry_After="3")
    faults = [
        Fault("graph", limit, "429 ApplicationThrottled"),
        Fault("graph", graph_error(403, "ErrorAccessDenied"), "403 ErrorAccessDenied"),
        Fault("graph", graph_error(503, "ServiceUnavailable"), "503 ServiceUnavailable"),
        Fault("graph", graph_error(500, "ErrorInternalServerError"), ""),
        Fault("graph", MOVED, "Microsoft Graph answered 307"),
        Fault("graph", Answer(200, "<html>"), "Microsoft Graph answered 200"),
        Fault("graph", LOSE, ""),
    ]
    one_after_the_other(site, services, faults)


@scenario(
    "Amazon SES: throttled, unverified, paused, lost answer",
    note="also 503 and a wrong clock",
)
def amazon_ses(site: SiteUnderTest) -> None:
    services = _start(site, MAIL_TRANSPORT="amazon-ses", MAIL_SES_REGION=REGION)
    unverified = ses_error(400, "MessageRejected", "Email address is not verified.")
    faults = [
        Fault("ses", ses_error(429, "TooManyRequestsException"), "429 TooManyRequestsException"),
        Fault("ses", unverified, "MessageRejected (not verified)"),
        Fault("ses", ses_error(400, "SendingPausedException"), "SendingPausedException"),
        Fault("ses", ses_error(503, "ServiceUnavailable"), "503 ServiceUnavailable"),
        Fault("ses", LOSE, ""),
    ]
    one_after_the_other(site, services, faults)
