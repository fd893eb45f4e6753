"""Mail servers that refuse, stall, lie and drop."""

import ssl
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from app.outbox.models import DeliveryAttempt
from tests.faults.judge import read_mail
from tests.faults.plan import REAL_TIMES, SHORT_TIMES
from tests.faults.registry import SCENARIOS, Scenario, scenario
from tests.faults.world import NotHereError, World, wait_until
from tests.support import smtp_sink
from tests.support.certificate import self_signed
from tests.support.site import free_port
from tests.support.smtp_relay import DRIP, DROP, HANG, TAKE_AND_DROP, Relay


def misbehave(world: World, script: dict[str, str], hits: int) -> None:
    """The server does what ``script`` says until it has done it so often, then works."""
    (step,) = script
    world.start()
    with world.load(rest=0.25):
        world.relay.script = script
        wait_until(lambda: world.relay.hits[step] >= hits, 60, f"{hits} times {script}")
        world.relay.script = {}
    world.injected = world.relay.hits[step]
    world.dup_allowed = world.injected if script[step] == TAKE_AND_DROP else 0


for name, script, hits in (
    ("SMTP black hole: connects, says nothing", {"greeting": HANG}, 3),
    ("SMTP hangs after the dot", {"dot": HANG}, 2),
    ("SMTP 421 as greeting", {"greeting": "421 too busy"}, 4),
    ("SMTP drops at once", {"greeting": DROP}, 4),
    ("SMTP 451 to RCPT", {"rcpt": "451 greylisted"}, 8),
    ("SMTP 550 to RCPT", {"rcpt": "550 no such user"}, 30),
    ("SMTP 552 after DATA", {"dot": "552 too big"}, 30),
    ("SMTP takes the mail, drops after the dot", {"dot": TAKE_AND_DROP}, 5),
):
    made = partial(misbehave, script=script, hits=hits)
    SCENARIOS.append(Scenario(name, made, short=script == {"dot": TAKE_AND_DROP}))


@scenario("SMTP one byte a second", note="deadline 6 s instead of 660")
def drip(world: World) -> None:
    world.relay.drip = 1.0
    world.start(times=SHORT_TIMES | {"app.outbox.signals.DEADLINE": 6.0})
    with world.load(rest=0.5):
        world.relay.script = {"rcpt": DRIP}
        wait_until(lambda: world.relay.hits["rcpt"] >= 2, 60, "two attempts held up")
        world.relay.script = {}
    world.injected = world.relay.hits["rcpt"]


@scenario("SMTP refused: nobody listens")
def refused(world: World) -> None:
    world.relay_port = free_port()
    web = world.start()
    with world.load(rest=0.25) as load:
        wait_until(lambda: _said(world, "Connection refused") >= 3, 40, "3 refused connections")
        wait_until(lambda: load.acknowledged >= 20, 30, "traffic meanwhile")
        world.injected = _said(world, "Connection refused")
        world.relay.close()
        world.relay = Relay(port=world.relay_port)
    assert web.poll() is None


def _said(world: World, words: str) -> int:
    """How many attempts ended with ``words``."""
    with world.database.read_session() as session:
        count = sa.select(sa.func.count()).where(DeliveryAttempt.transport_reply.contains(words))
        return session.scalar(count) or 0


@scenario("SMTP certificate nobody vouches for", note="later the right one is shown")
def bad_certificate(world: World) -> None:
    wrong, right = (_tls(world.folder / f"{name}.pem") for name in ("wrong", "right"))
    world.relay.tls = wrong
    world.env = {
        "MAIL_SERVER": "localhost",
        "MAIL_USE_TLS": "true",
        "SSL_CERT_FILE": str(world.folder / "right.pem"),
    }
    world.start()
    with world.load(rest=0.25):
        wait_until(lambda: _said(world, "CERTIFICATE_VERIFY_FAILED") >= 3, 40, "3 refusals of ours")
        world.injected = _said(world, "CERTIFICATE_VERIFY_FAILED")
        assert not world.relay.taken
        world.relay.tls = right


def _tls(file: Path) -> ssl.SSLContext:
    self_signed(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@scenario("SMTP wrong password")
def wrong_password(world: World) -> None:
    world.relay.login = True
    world.relay.script = {"auth": "535 wrong password"}
    world.env = {"MAIL_USERNAME": "desk", "MAIL_PASSWORD": "not-this"}
    world.start()
    with world.load(rest=0.25):
        wait_until(lambda: world.relay.hits["auth"] >= 3, 40, "3 refused logins")
        world.injected = world.relay.hits["auth"]
        world.relay.script = {}


def slow(world: World, seconds: float, count: int, times: dict[str, float]) -> None:
    """The server thinks for so long before it answers the final dot."""
    world.relay.pause = {"dot": seconds}
    world.drain_seconds = 30 + seconds * count
    world.start(times=times)
    with world.load(count=count):
        pass
    world.drain()
    world.injected = world.relay.hits["dot"]


SCENARIOS += [
    Scenario("SMTP slow by 2 s", partial(slow, seconds=2, count=8, times=SHORT_TIMES)),
    Scenario(
        "SMTP slow by 30 s",
        partial(slow, seconds=30, count=2, times=REAL_TIMES),
        note="no time is shortened",
    ),
]


@scenario("no fault; Postfix's smtp-sink receives", note="a second judge")
def second_judge(world: World) -> None:
    sink = smtp_sink.start(world.folder / "sink", world.at_end)
    if sink is None:
        raise NotHereError("not installed: smtp-sink")
    world.relay_port = sink.port
    world.other_mails = lambda: [read_mail(content) for content in sink.received()]
    world.start()
    with world.load() as load:
        wait_until(lambda: load.acknowledged >= 40, 40, "40 inquiries")
    world.drain()
    world.injected = len(sink.received())
