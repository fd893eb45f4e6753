"""Mail servers that reject, stall, drop connections or are unreachable."""

import ssl
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from app.outbox.models import DeliveryAttempt, OutboxMessage, State
from tests.faults.clients import new_inquiry, submit
from tests.faults.delivery_check import read_message
from tests.faults.fault_plan import REAL_TIMES, SHORT_TIMES
from tests.faults.registry import SCENARIOS, Scenario, scenario
from tests.faults.site_under_test import SiteUnderTest, UnavailableError, wait_until
from tests.support import smtp_sink
from tests.support.certificate import write_self_signed_certificate
from tests.support.site import free_port
from tests.support.smtp_relay import ACCEPT_AND_DROP, DRIP, DROP, HANG, Relay

PROBES_PER_HOUR = 62  # after 15 s, 30 s, then each minute


def follow_script(site: SiteUnderTest, script: dict[str, str], hits: int) -> None:
    """The server follows ``script`` until it has done so ``hits`` times, then works."""
    (step,) = script
    site.start()
    with site.load(pause=0.25):
        site.relay.script = script
        wait_until(lambda: site.relay.hits[step] >= hits, 60, f"{hits} times {script}")
        site.relay.script = {}
    site.injected = site.relay.hits[step]
    site.duplicates_allowed = site.injected if script[step] == ACCEPT_AND_DROP else 0


for name, script, hits in (
    ("SMTP server accepts connections, sends nothing", {"greeting": HANG}, 3),
    ("SMTP server hangs after the message", {"dot": HANG}, 2),
    ("SMTP 421 as greeting", {"greeting": "421 too busy"}, 4),
    ("SMTP server drops the connection at once", {"greeting": DROP}, 4),
    ("SMTP 451 to RCPT", {"rcpt": "451 greylisted"}, 8),
    ("SMTP 550 to RCPT", {"rcpt": "550 no such user"}, 30),
    ("SMTP 552 after DATA", {"dot": "552 too big"}, 30),
    ("SMTP server accepts the message, then drops", {"dot": ACCEPT_AND_DROP}, 5),
):
    function = partial(follow_script, script=script, hits=hits)
    SCENARIOS.append(Scenario(name, function))


NOT_OURS = "553 5.7.1 <no-reply@clinic.example>: Sender address rejected: not owned by user web"


@scenario(
    "SMTP relay refuses us for an hour",
    note="the probes of an hour, 2 s apart; none uses up an attempt or the fallback mailbox",
)
def refuses_us(site: SiteUnderTest) -> None:
    site.relay.script = {"rcpt": NOT_OURS}
    site.start()
    with site.load(pause=1):
        wait_until(lambda: site.relay.hits["rcpt"] >= PROBES_PER_HOUR, 300, "probes of an hour")
        used_up = sa.or_(
            OutboxMessage.attempt_count > 0,
            OutboxMessage.used_fallback,
            OutboxMessage.state == State.DEAD,
        )
        with site.database.read_session() as session:
            waiting = sa.select(sa.func.count()).where(OutboxMessage.state != State.SENDING)
            assert not session.scalar(waiting.where(used_up))
        site.relay.script = {}
    site.injected = site.relay.hits["rcpt"]


@scenario(
    "SMTP relay refuses one message, accepts others", note="it is retried like after any failure"
)
def refuses_one(site: SiteUnderTest) -> None:
    refused = new_inquiry(text="please refuse this one")
    site.relay.script, site.relay.only = {"dot": "554 5.7.1 refused"}, "refuse this one"
    site.start()
    submit(f"http://127.0.0.1:{site.port}", refused)
    site.submissions.append(refused)
    with site.load(pause=0.5):
        wait_until(lambda: site.relay.hits["dot"] >= 6, 60, "6 refusals")
        wait_until(lambda: len(site.relay.received) >= 40, 60, "40 other messages")
    site.relay.script = {}
    site.injected = site.relay.hits["dot"]


@scenario("SMTP server sends one byte per second", note="deadline 6 s instead of 660")
def drip(site: SiteUnderTest) -> None:
    site.relay.drip = 1.0
    site.start(times=SHORT_TIMES | {"app.outbox.signals.DEADLINE": 6.0})
    with site.load(pause=0.5):
        site.relay.script = {"rcpt": DRIP}
        wait_until(lambda: site.relay.hits["rcpt"] >= 2, 60, "two delayed attempts")
        site.relay.script = {}
    site.injected = site.relay.hits["rcpt"]


@scenario("SMTP connection refused")
def refused(site: SiteUnderTest) -> None:
    site.relay_port = free_port()
    web = site.start()
    with site.load(pause=0.25) as load:
        wait_until(
            lambda: _attempts_with_reply(site, "Connection refused") >= 3,
            40,
            "3 refused connections",
        )
        wait_until(lambda: load.acknowledged >= 20, 30, "20 inquiries")
        site.injected = _attempts_with_reply(site, "Connection refused")
        site.relay.close()
        site.relay = Relay(port=site.relay_port)
    assert web.poll() is None


def _attempts_with_reply(site: SiteUnderTest, text: str) -> int:
    """How many attempts ended with ``text`` in the reply or error."""
    with site.database.read_session() as session:
        count = sa.select(sa.func.count()).where(DeliveryAttempt.transport_reply.contains(text))
        return session.scalar(count) or 0


@scenario("SMTP certificate not trusted", note="replaced by a trusted one at the end")
def untrusted_certificate(site: SiteUnderTest) -> None:
    untrusted, trusted = (_tls(site.folder / f"{name}.pem") for name in ("untrusted", "trusted"))
    site.relay.tls = untrusted
    site.env = {
        "MAIL_SERVER": "localhost",
        "MAIL_USE_TLS": "true",
        "SSL_CERT_FILE": str(site.folder / "trusted.pem"),
    }
    site.start()
    with site.load(pause=0.25):
        wait_until(
            lambda: _attempts_with_reply(site, "CERTIFICATE_VERIFY_FAILED") >= 3,
            40,
            "3 failed handshakes",
        )
        site.injected = _attempts_with_reply(site, "CERTIFICATE_VERIFY_FAILED")
        assert not site.relay.received
        site.relay.tls = trusted


def _tls(file: Path) -> ssl.SSLContext:
    write_self_signed_certificate(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@scenario("SMTP wrong password")
def wrong_password(site: SiteUnderTest) -> None:
    site.relay.login = True
    site.relay.script = {"auth": "535 wrong password"}
    site.env = {"MAIL_USERNAME": "desk", "MAIL_PASSWORD": "not-this"}
    site.start()
    with site.load(pause=0.25):
        wait_until(lambda: site.relay.hits["auth"] >= 3, 40, "3 failed logins")
        site.injected = site.relay.hits["auth"]
        site.relay.script = {}


def slow(site: SiteUnderTest, seconds: float, count: int, times: dict[str, float]) -> None:
    """The server waits for ``seconds`` before it accepts a message."""
    site.relay.pause = {"dot": seconds}
    site.drain_seconds = 30 + seconds * count
    site.start(times=times)
    with site.load(count=count):
        pass
    site.drain()
    site.injected = site.relay.hits["dot"]


SCENARIOS += [
    Scenario("SMTP server slow by 2 s", partial(slow, seconds=2, count=8, times=SHORT_TIMES)),
    Scenario(
        "SMTP server slow by 30 s",
        partial(slow, seconds=30, count=2, times=REAL_TIMES),
        note="with production timeouts",
    ),
]


@scenario("no fault, Postfix's smtp-sink receives", note="an independent mail server")
def smtp_sink_receives(site: SiteUnderTest) -> None:
    sink = smtp_sink.start(site.folder / "sink", site.at_end)
    if sink is None:
        raise UnavailableError("not installed: smtp-sink")
    site.relay_port = sink.port
    site.other_messages = lambda: [read_message(content) for content in sink.received()]
    site.start()
    with site.load() as load:
        wait_until(lambda: load.acknowledged >= 40, 40, "40 inquiries")
    site.drain()
    site.injected = len(sink.received())
