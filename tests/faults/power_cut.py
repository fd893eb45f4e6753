"""The power goes at each acknowledgement: is every acknowledged inquiry on the disk?"""

import random
import shlex
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from app.database.engines import sqlite_module
from tests.faults.registry import SQLITE, scenario
from tests.faults.simulated_disk import STRACE, Disk, acknowledged, calls
from tests.faults.site_under_test import GUNICORN, MAILER, SiteUnderTest, UnavailableError

WITH_MAIL = "SELECT reference FROM inquiry JOIN outbox_message USING (reference)"

# One strace for both: the order of their writes matters.
WEB_AND_MAILER = f"{shlex.join((*MAILER, 'one'))} & exec {shlex.join(GUNICORN)}"


@scenario(
    "power cut at each acknowledgement",
    on=(SQLITE,),
    short=True,
    note="strace; only synced writes, and again with half of the others",
)
def power_cut(site: SiteUnderTest) -> None:
    if not shutil.which("strace"):
        raise UnavailableError("not installed: strace")
    log, start = site.folder / "strace", site.folder / "start"
    place = site.folder / "database"
    for folder in (start, place):
        folder.mkdir()
    site.url = site.server.create(place)
    shutil.copytree(place, start, dirs_exist_ok=True)
    site.wait_for_site(site.launch(*STRACE, "-o", str(log), "sh", "-c", WEB_AND_MAILER))
    with site.load(count=40, rest=0.05):
        pass
    site.drain()
    site.stop()
    site.injected, forgotten = replay(log, Disk(place, start))
    assert not forgotten, f"LOST at a power cut: {len(forgotten)} of {site.injected}"


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
