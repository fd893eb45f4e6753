"""Processes that die: web workers, gunicorn's master, the mailer at each of its steps."""

import itertools
import random
import time
from contextlib import suppress
from functools import partial

import psutil
import sqlalchemy as sa

from app.outbox.models import DeliveryAttempt, Outcome
from app.outbox.queue import MAX_CRASHES
from tests.faults.clients import new_inquiry, submit
from tests.faults.fault_plan import POISON, TERM, Trigger
from tests.faults.registry import SCENARIOS, Scenario, scenario
from tests.faults.site_under_test import GUNICORN, MAILER, SiteUnderTest, wait_until
from tests.support.smtp_relay import DROP, HANG, TAKE_AND_DROP


def die_at(site: SiteUnderTest, point: str, at: Trigger, *, copies: bool) -> None:
    """A process dies whenever ``at`` says; ``copies``: each death may cause one."""
    site.start(points={point: at})
    with site.load():
        wait_until(lambda: site.happened() >= at.most, 60, f"{at.most} deaths {point}")
    site.injected = site.happened()
    site.dup_allowed = site.injected if copies else 0


WEB_DEATHS = Trigger(every=8, most=4)
MAILER_DEATHS = Trigger(every=4, most=3)

for name, point, at, copies, short in (
    ("web worker killed -9 just before commit", "web before commit", WEB_DEATHS, False, False),
    ("web worker killed -9 just after commit", "web after commit", WEB_DEATHS, False, True),
    ("mailer killed -9 before claim", "before claim", MAILER_DEATHS, False, False),
    ("mailer killed -9 after claim", "after claim", MAILER_DEATHS, False, False),
    ("mailer killed -9 in DATA", "in DATA", MAILER_DEATHS, False, False),
    ("mailer killed -9 after the dot", "after the dot", MAILER_DEATHS, True, True),
    ("mailer killed -9 before settling", "before settling", MAILER_DEATHS, True, False),
    ("SIGTERM to the mailer in DATA", "in DATA", Trigger(TERM, every=4), False, False),
):
    SCENARIOS.append(
        Scenario(name, partial(die_at, point=point, at=at, copies=copies), short=short)
    )


@scenario("gunicorn's master killed -9", note="started again at once, as a supervisor would")
def master_killed(site: SiteUnderTest) -> None:
    web = site.start()
    with site.load() as load:
        for _ in range(3):
            enough = load.acknowledged + 12
            wait_until(lambda: load.acknowledged >= enough, 30, "traffic")  # noqa: B023
            web.kill()
            site.injected += web.wait(10) == -9
            web = site.start()


def race(site: SiteUnderTest, mailers: int) -> None:
    site.start()
    owners = [f"racer-{number}" for number in range(2, mailers + 1)]
    for owner in owners:
        site.start_mailer(owner)
    with site.load(clients=6, rest=0.02):
        wait_until(lambda: senders(site) >= mailers, 40, f"{mailers} mailers at work")
    site.injected = senders(site)


def senders(site: SiteUnderTest) -> int:
    """How many mailers have delivered something."""
    delivered = DeliveryAttempt.outcome == Outcome.DELIVERED
    with site.database.read_session() as session:
        owners = sa.select(sa.func.count(sa.distinct(DeliveryAttempt.owner))).where(delivered)
        return session.scalar(owners) or 0


for count in (2, 4):
    SCENARIOS.append(Scenario(f"{count} mailers racing", partial(race, mailers=count)))


@scenario("poison row", note="one mail kills its mailer each time, until it is dead and listed")
def poison(site: SiteUnderTest) -> None:
    site.start(points={"poison": Trigger(every=1, most=99)})
    bad = new_inquiry(words=POISON)
    submit(f"http://127.0.0.1:{site.port}", bad)
    site.sent.append(bad)
    with site.load(rest=0.5):
        wait_until(lambda: site.happened() >= MAX_CRASHES, 120, "five deaths")
    site.injected = site.happened()


def killed_at_random(site: SiteUnderTest, seconds: float) -> None:
    """Kill the web server's master and workers and two mailers while mail misbehaves."""
    site.keep(*GUNICORN)
    site.keep(*MAILER, "one")
    site.keep(*MAILER, "two")
    wait_until(site.answers, 60, "the site answers")
    chance, mailers_killed = random.Random(), 0
    scripts = itertools.cycle(MISBEHAVIOR)
    with site.load(clients=4, rest=0.1) as load:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            site.relay.script = next(scripts)
            time.sleep(chance.uniform(0.3, 1.5))
            mailer = chance.random() < 0.5
            killed = _kill_one(site, "mailer" if mailer else "gunicorn", chance)
            site.injected += killed
            mailers_killed += killed and mailer
        site.relay.script = {}
        enough = load.acknowledged + 12
        wait_until(lambda: load.acknowledged >= enough, 60, "traffic after the last death")
    site.dup_allowed = mailers_killed + site.relay.hits["dot"]


MISBEHAVIOR: tuple[dict[str, str], ...] = (
    {},
    {"rcpt": "451 greylisted"},
    {"dot": TAKE_AND_DROP},
    {},
    {"greeting": DROP},
    {"rcpt": HANG},
)


def _kill_one(site: SiteUnderTest, word: str, chance: random.Random) -> bool:
    """Kill one of the processes with ``word`` in their command; whether there was one."""
    processes = site.processes(word)
    if not processes:
        return False
    with suppress(psutil.Error):
        chance.choice(processes).kill()
        return True
    return False


for seconds, short in ((60.0, False), (10.0, True)):
    SCENARIOS.append(
        Scenario(
            f"web and mailers killed -9 at random for {seconds:g} s",
            partial(killed_at_random, seconds=seconds),
            short=short,
            note="master, workers and each of two mailers, while mail misbehaves; all restarted",
        )
    )
