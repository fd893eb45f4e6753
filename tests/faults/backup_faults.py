"""Backups that are killed."""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from app.maintenance.backup_archive import read_manifest, unpack
from app.maintenance.backup_folder import ABANDONED_AFTER, WORK_FOLDER
from tests.faults.database_faults import wait_for_more
from tests.faults.registry import scenario
from tests.faults.site_under_test import FLASK, SiteUnderTest

KILLS = 3  # that leave something


@scenario(
    "backups killed -9 at random moments",
    note="their fragments are made older than 15 minutes; the next backup deletes them",
)
def backups_killed(site: SiteUnderTest) -> None:
    folder = site.folder / "backups"
    folder.mkdir()
    site.start()
    with site.load(clients=2, pause=1) as load:
        wait_for_more(load, 4)
        seconds = _work_seconds(site, folder)
        while site.injected < KILLS:
            site.injected += _kill_backup(site, folder, random.uniform(0, seconds))
        wait_for_more(load, 4)
    _age_fragments(folder)
    site.flask("backup", str(folder), "--keep", "14", "--every", "1")
    assert not fragments(folder), "fragments of killed backups are left"
    for number, backup in enumerate(sorted(folder.glob("*.backup"))):
        manifest = read_manifest(backup, site.database.keys)
        unpack(backup, manifest, site.folder / f"unpacked-{number}")  # checks the checksum


def fragments(folder: Path) -> list[Path]:
    """What running or killed backups have in ``folder``."""
    return list(folder.glob(f"{WORK_FOLDER}*"))


def _work_seconds(site: SiteUnderTest, folder: Path) -> float:
    """How long an undisturbed backup writes."""
    process = _start_backup(site, folder)
    started = time.monotonic()
    while fragments(folder):
        time.sleep(0.001)
    seconds = time.monotonic() - started
    assert process.wait(60) == 0
    return seconds


def _kill_backup(site: SiteUnderTest, folder: Path, delay: float) -> bool:
    """Kill a backup ``delay`` seconds after it began to write. Returns whether it left anything."""
    before = len(fragments(folder))
    process = _start_backup(site, folder)
    time.sleep(delay)
    programs = psutil.Process(process.pid).children() if process.poll() is None else []
    process.kill()
    for program in programs:  # pg_dump, as when the machine or the service is killed
        with suppress(psutil.Error):
            program.kill()
    return process.wait(10) == -signal.SIGKILL and len(fragments(folder)) > before


def _start_backup(site: SiteUnderTest, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a backup and wait until it writes."""
    before = set(fragments(folder))
    process = site.launch(*FLASK, "backup", str(folder), "--keep", "14", "--every", "1")
    while process.poll() is None and not set(fragments(folder)) - before:
        time.sleep(0.001)
    return process


def _age_fragments(folder: Path) -> None:
    old = time.time() - ABANDONED_AFTER.total_seconds() - 60
    for fragment in fragments(folder):
        for path in (*fragment.iterdir(), fragment):
            os.utime(path, (old, old))
