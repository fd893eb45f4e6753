"""Processes that die: web workers, gunicorn's master, the mailer at each of its steps."""

from functools import partial

import sqlalchemy as sa

from app.outbox.message import DeliveryAttempt, Outcome
from app.outbox.queue import MOST_CRASHES
from tests.faults.clients import new_inquiry, submit
from tests.faults.plan import POISON, TERM, At
from tests.faults.registry import SCENARIOS, Scenario, scenario
from tests.faults.world import World, wait_until


def die_at(world: World, point: str, at: At, *, copies: bool) -> None:
    """A process dies whenever ``at`` says; ``copies``: each death may cause one."""
    world.start(points={point: at})
    with world.load():
        wait_until(lambda: world.happened() >= at.most, 60, f"{at.most} deaths {point}")
    world.injected = world.happened()
    world.dup_allowed = world.injected if copies else 0


WEB = At(every=8, most=4)
MAILER = At(every=4, most=3)

for name, point, at, copies, short in (
    ("web worker killed -9 just before commit", "web before commit", WEB, False, False),
    ("web worker killed -9 just after commit", "web after commit", WEB, False, True),
    ("mailer killed -9 before claim", "before claim", MAILER, False, False),
    ("mailer killed -9 after claim", "after claim", MAILER, False, False),
    ("mailer killed -9 in DATA", "in DATA", MAILER, False, False),
    ("mailer killed -9 after the dot", "after the dot", MAILER, True, True),
    ("mailer killed -9 before settling", "before settling", MAILER, True, False),
    ("SIGTERM to the mailer in DATA", "in DATA", At(TERM, every=4), False, False),
):
    SCENARIOS.append(
        Scenario(name, partial(die_at, point=point, at=at, copies=copies), short=short)
    )


@scenario("gunicorn's master killed -9", note="started again at once, as a supervisor would")
def master_killed(world: World) -> None:
    web = world.start()
    with world.load() as load:
        for _ in range(3):
            enough = load.acknowledged + 12
            wait_until(lambda: load.acknowledged >= enough, 30, "traffic")  # noqa: B023
            web.kill()
            world.injected += web.wait(10) == -9
            web = world.start()


def race(world: World, mailers: int) -> None:
    world.start()
    owners = [f"racer-{number}" for number in range(2, mailers + 1)]
    for owner in owners:
        world.start_mailer(owner)
    with world.load(clients=6, rest=0.02):
        wait_until(lambda: senders(world) >= mailers, 40, f"{mailers} mailers at work")
    world.injected = senders(world)


def senders(world: World) -> int:
    """How many mailers have delivered something."""
    delivered = DeliveryAttempt.outcome == Outcome.DELIVERED
    with world.database.read_session() as session:
        owners = sa.select(sa.func.count(sa.distinct(DeliveryAttempt.owner))).where(delivered)
        return session.scalar(owners) or 0


for count in (2, 4):
    SCENARIOS.append(Scenario(f"{count} mailers racing", partial(race, mailers=count)))


@scenario("poison row", note="one mail kills its mailer each time, until it is dead and listed")
def poison(world: World) -> None:
    world.start(points={"poison": At(every=1, most=99)})
    bad = new_inquiry(words=POISON)
    submit(f"http://127.0.0.1:{world.port}", bad)
    world.sent.append(bad)
    with world.load(rest=0.5):
        wait_until(lambda: world.happened() >= MOST_CRASHES, 120, "five deaths")
    world.injected = world.happened()
