"""The power goes at each acknowledgement: is every acknowledged inquiry on the disk?"""

import random
import shlex
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from app.database.engines import sqlite_module
from tests.faults.disk import STRACE, Disk, acknowledged, calls
from tests.faults.registry import SQLITE, scenario
from tests.faults.world import GUNICORN, MAILER, NotHereError, World

WITH_MAIL = "SELECT reference FROM inquiry JOIN outbox_message USING (reference)"

# One strace for both: the order of their writes matters.
WEB_AND_MAILER = f"{shlex.join((*MAILER, 'one'))} & exec {shlex.join(GUNICORN)}"


@scenario(
    "power cut at each acknowledgement",
    on=(SQLITE,),
    short=True,
    note="strace; only synced writes, and again with half of the others",
)
def power_cut(world: World) -> None:
    if not shutil.which("strace"):
        raise NotHereError("not installed: strace")
    log, start = world.folder / "strace", world.folder / "start"
    place = world.folder / "database"
    for folder in (start, place):
        folder.mkdir()
    world.url = world.server.make(place)
    shutil.copytree(place, start, dirs_exist_ok=True)
    world.wait_for_site(world.launch(*STRACE, "-o", str(log), "sh", "-c", WEB_AND_MAILER))
    with world.load(count=40, rest=0.05):
        pass
    world.drain()
    world.stop()
    world.injected, forgotten = replay(log, Disk(place, start))
    assert not forgotten, f"LOST at a power cut: {len(forgotten)} of {world.injected}"


def replay(log: Path, disk: Disk) -> tuple[int, list[str]]:
    """How many power cuts were tried, and what was forgotten in one of them."""
    cuts, told, forgotten = 0, set[str](), list[str]()
    chance = random.Random(1)  # the same run twice gives the same disks
    for call in calls(log):
        disk.see(call)
        if reference := acknowledged(call):
            told.add(reference)
            for careless in (None, chance):
                cuts += 1
                forgotten += sorted(told - _kept(disk, careless))
    return cuts, forgotten


def _kept(disk: Disk, careless: random.Random | None) -> set[str]:
    """The inquiries that are there, with their mail, after a power cut now."""
    with tempfile.TemporaryDirectory() as folder:
        disk.after_cut(Path(folder), careless)
        with closing(sqlite_module.connect(f"{folder}/frontdesk.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return {reference for (reference,) in connection.execute(WITH_MAIL)}
