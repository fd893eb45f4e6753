"""Killed processes: web workers, gunicorn's master, and the mailer at each of its steps."""

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
from tests.faults.registry import BOTH, SCENARIOS, SQLITE, Scenario, scenario
from tests.faults.site_under_test import GUNICORN, MAILER, SiteUnderTest, wait_until
from tests.support.smtp_relay import ACCEPT_AND_DROP, DROP, HANG


def kill_at(site: SiteUnderTest, point: str, trigger: Trigger, *, duplicates: bool) -> None:
    """Kill processes at ``point``. ``duplicates``: each kill may cause a duplicate message."""
    site.start(points={point: trigger})
    with site.load():
        wait_until(
            lambda: site.planned_faults() >= trigger.limit, 60, f"{trigger.limit} kills {point}"
        )
    site.injected = site.planned_faults()
    site.duplicates_allowed = site.injected if duplicates else 0


WEB_KILLS = Trigger(every=8, limit=4)
MAILER_KILLS = Trigger(every=4, limit=3)

for name, point, trigger, duplicates, short in (
    ("web worker killed -9 just before commit", "web before commit", WEB_KILLS, False, ()),
    ("web worker killed -9 just after commit", "web after commit", WEB_KILLS, False, (SQLITE,)),
    ("mailer killed -9 before claim", "before claim", MAILER_KILLS, False, ()),
    ("mailer killed -9 after claim", "after claim", MAILER_KILLS, False, ()),
    ("mailer killed -9 in DATA", "in DATA", MAILER_KILLS, False, ()),
    ("mailer killed -9 after the dot", "after the dot", MAILER_KILLS, True, (SQLITE,)),
    ("mailer killed -9 before recording", "before recording", MAILER_KILLS, True, ()),
    ("SIGTERM to the mailer in DATA", "in DATA", Trigger(TERM, every=4), False, ()),
):
    SCENARIOS.append(
        Scenario(
            name, partial(kill_at, point=point, trigger=trigger, duplicates=duplicates), short=short
        )
    )


@scenario("gunicorn's master killed -9", note="restarted immediately, as by systemd")
def master_killed(site: SiteUnderTest) -> None:
    web = site.start()
    with site.load() as load:
        for _ in range(3):
            enough = load.acknowledged + 12
            wait_until(lambda: load.acknowledged >= enough, 30, "12 more inquiries")  # noqa: B023
            web.kill()
            site.injected += web.wait(10) == -9
            web = site.start()


def concurrent_mailers(site: SiteUnderTest, mailers: int) -> None:
    site.start()
    owners = [f"mailer-{number}" for number in range(2, mailers + 1)]
    for owner in owners:
        site.start_mailer(owner)
    with site.load(clients=6, pause=0.02):
        wait_until(lambda: active_mailers(site) >= mailers, 40, f"{mailers} mailers have delivered")
    site.injected = active_mailers(site)


def active_mailers(site: SiteUnderTest) -> int:
    """How many mailers have delivered a message."""
    delivered = DeliveryAttempt.outcome == Outcome.DELIVERED
    with site.database.read_session() as session:
        owners = sa.select(sa.func.count(sa.distinct(DeliveryAttempt.owner))).where(delivered)
        return session.scalar(owners) or 0


for count in (2, 4):
    SCENARIOS.append(
        Scenario(f"{count} concurrent mailers", partial(concurrent_mailers, mailers=count))
    )


@scenario("poison message", note="kills its mailer each time, until it is dead and listed")
def poison(site: SiteUnderTest) -> None:
    site.start(points={"poison": Trigger(every=1, limit=99)})
    poisoned = new_inquiry(text=POISON)
    submit(f"http://127.0.0.1:{site.port}", poisoned)
    site.submissions.append(poisoned)
    with site.load(pause=0.5):
        wait_until(lambda: site.planned_faults() >= MAX_CRASHES, 120, f"{MAX_CRASHES} kills")
    site.injected = site.planned_faults()


def killed_at_random(site: SiteUnderTest, seconds: float) -> None:
    """Kill gunicorn's master and workers and two mailers while the mail server misbehaves."""
    site.keep_running(*GUNICORN)
    site.keep_running(*MAILER, "one")
    site.keep_running(*MAILER, "two")
    wait_until(site.responds, 60, "the site responds")
    rng, mailers_killed = random.Random(), 0
    scripts = itertools.cycle(MAIL_SERVER_SCRIPTS)
    with site.load(clients=4, pause=0.1) as load:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            site.relay.script = next(scripts)
            time.sleep(rng.uniform(0.3, 1.5))
            is_mailer = rng.random() < 0.5
            killed = _kill_one(site, "mailer" if is_mailer else "gunicorn", rng)
            site.injected += killed
            mailers_killed += killed and is_mailer
        site.relay.script = {}
        enough = load.acknowledged + 12
        wait_until(lambda: load.acknowledged >= enough, 60, "12 more inquiries")
    site.duplicates_allowed = mailers_killed + site.relay.hits["dot"]


MAIL_SERVER_SCRIPTS: tuple[dict[str, str], ...] = (
    {},
    {"rcpt": "451 greylisted"},
    {"dot": ACCEPT_AND_DROP},
    {},
    {"greeting": DROP},
    {"rcpt": HANG},
)


def _kill_one(site: SiteUnderTest, argument: str, rng: random.Random) -> bool:
    """Kill a random process with ``argument`` in its command. Returns whether one was killed."""
    processes = site.processes(argument)
    if not processes:
        return False
    with suppress(psutil.Error):
        rng.choice(processes).kill()
        return True
    return False


RANDOM_KILLS: tuple[tuple[float, tuple[str, ...]], ...] = ((60.0, ()), (10.0, BOTH))
for seconds, in_short in RANDOM_KILLS:
    SCENARIOS.append(
        Scenario(
            f"web and mailers killed -9 at random for {seconds:g} s",
            partial(killed_at_random, seconds=seconds),
            short=in_short,
            note="gunicorn and two mailers, all restarted; the mail server misbehaves",
        )
    )
