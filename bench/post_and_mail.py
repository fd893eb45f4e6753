"""Does a visitor wait for the mail server? Three sites side by side, measured in turns.

One site's mail server is fast, one takes 2 s over each mail, one is gone. Each
client goes round the three in random order, so that all get the same share of
whatever else the machine does.
"""

import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from http.client import HTTPConnection
from pathlib import Path

from tests.faults.clients import _request, new_inquiry
from tests.faults.servers import Postgres, Server, SQLite
from tests.faults.world import World
from tests.support.site import free_port

ROUNDS = 1_500  # posts of each client to each site, by form and by API in turns
WARM_UP = 60
CLIENTS = 2
STATES = ("fast", "slow by 2 s", "gone")

Times = dict[tuple[str, str], list[float]]


def start(state: str, folder: Path, server: Server) -> World:
    world = World(folder / state.split(maxsplit=1)[0], server, folder / "maps")
    world.env = {"PYTHONPATH": ""}  # no hooks, and the real times
    if state == "slow by 2 s":
        world.relay.pause = {"dot": 2.0}
    if state == "gone":
        world.relay_port = free_port()
    world.start()
    return world


def post(world: World, *, by_form: bool) -> float:
    """Seconds from connecting to the whole answer."""
    request = _request(new_inquiry(by_form=by_form))
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", world.port, timeout=30)
    connection.request("POST", *request)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - began
    connection.close()
    assert answer.status == (303 if by_form else 201), answer.status
    return seconds


def client(worlds: dict[str, World], times: Times, rounds: int) -> None:
    for number in range(rounds):
        by_form = number % 2 == 0
        for state in random.sample(STATES, len(STATES)):
            times["form" if by_form else "API", state].append(post(worlds[state], by_form=by_form))


def measure(worlds: dict[str, World]) -> Times:
    client(worlds, defaultdict(list), WARM_UP)
    times: Times = defaultdict(list)
    clients = [
        threading.Thread(target=client, args=(worlds, times, ROUNDS)) for _ in range(CLIENTS)
    ]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return times


def show(name: str, times: Times, worlds: dict[str, World]) -> None:
    print(f"\n{name}\n\n| post | mail server | posts | median | p99 | median ratio | p99 ratio |")
    print("|---|---|---|---|---|---|---|")
    for kind in ("form", "API"):
        base = statistics.quantiles(times[kind, "fast"], n=100)
        for state in STATES:
            cuts = statistics.quantiles(times[kind, state], n=100)
            ratios = f"{cuts[49] / base[49]:.2f} | {cuts[98] / base[98]:.2f}"
            print(
                f"| {kind} | {state} | {len(times[kind, state])}"
                f" | {cuts[49] * 1000:.1f} ms | {cuts[98] * 1000:.1f} ms | {ratios} |"
            )
    waiting = ", ".join(f"{state}: {worlds[state].unfinished()}" for state in STATES)
    print(f"\nStill to be mailed at the end: {waiting}.", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as place:
        folder = Path(place)
        folder.chmod(0o711)
        for kind in (SQLite, Postgres):
            lane = folder / kind.name
            lane.mkdir(mode=0o711)
            server = kind(lane)
            worlds: dict[str, World] = {}
            try:
                for state in STATES:
                    worlds[state] = start(state, lane, server)
                show(kind.name, measure(worlds), worlds)
            finally:
                for world in worlds.values():
                    world.close()
                server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
