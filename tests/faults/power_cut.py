"""A power cut at each acknowledgement: every acknowledged inquiry must be on disk."""

import random
import shlex
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from app.database.engines import sqlite_module
from tests.faults.registry import SQLITE, scenario
from tests.faults.simulated_disk import STRACE, SimulatedDisk, acknowledged_reference, read_calls
from tests.faults.site_under_test import GUNICORN, MAILER, SiteUnderTest, UnavailableError

QUEUED = "SELECT reference FROM inquiry JOIN outbox_message USING (reference)"

# One strace for both processes, because the order of their writes matters.
WEB_AND_MAILER = f"{shlex.join((*MAILER, 'one'))} & exec {shlex.join(GUNICORN)}"


@scenario(
    "power cut at each acknowledgement",
    on=(SQLITE,),
    short=(SQLITE,),
    note="with strace; first with synced writes only, then with half of the others",
)
def power_cut(site: SiteUnderTest) -> None:
    if not shutil.which("strace"):
        raise UnavailableError("not installed: strace")
    log, initial = site.folder / "strace", site.folder / "initial"
    database = site.folder / "database"
    for folder in (initial, database):
        folder.mkdir()
    site.url = site.server.create(database)
    shutil.copytree(database, initial, dirs_exist_ok=True)
    site.wait_for_site(site.launch(*STRACE, "-o", str(log), "sh", "-c", WEB_AND_MAILER))
    with site.load(count=40, pause=0.05):
        pass
    site.drain()
    site.stop()
    site.injected, lost = replay(log, SimulatedDisk(database, initial))
    assert not lost, f"lost at a power cut: {len(lost)} of {site.injected}"


def replay(log: Path, disk: SimulatedDisk) -> tuple[int, list[str]]:
    """Simulate the power cuts. Returns their number and the references that were lost."""
    cuts, acknowledged, lost = 0, set[str](), list[str]()
    seeded = random.Random(1)  # the same log gives the same disks
    for call in read_calls(log):
        disk.apply(call)
        if reference := acknowledged_reference(call):
            acknowledged.add(reference)
            for keep in (None, seeded):
                cuts += 1
                lost += sorted(acknowledged - _surviving(disk, keep))
    return cuts, lost


def _surviving(disk: SimulatedDisk, keep: random.Random | None) -> set[str]:
    """The inquiries in the database and in the outbox after a power cut now."""
    with tempfile.TemporaryDirectory() as folder:
        disk.write_after_power_cut(Path(folder), keep)
        with closing(sqlite_module.connect(f"{folder}/frontdesk.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return {reference for (reference,) in connection.execute(QUEUED)}
