"""A small disk of our own that can be filled and freed. Needs the right to mount."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.faults.database_servers import Postgres, database_name
from tests.faults.site_under_test import SiteUnderTest, UnavailableError

SIZE = "48m"


class SmallDisk:
    """A tmpfs, unmounted when ``site`` ends. Raises UnavailableError where that is not allowed."""

    def __init__(self, site: SiteUnderTest) -> None:
        self.folder = site.folder / "disk"
        self._filler = self.folder / "filler"
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            raise UnavailableError("not allowed to mount a tmpfs")
        site.at_end.callback(subprocess.run, ["umount", "-l", str(self.folder)], check=False)

    def fill(self) -> None:
        """Leave no byte free."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


def move_database(site: SiteUnderTest, disk: SmallDisk) -> None:
    """Put the site's database onto ``disk``; it leaves again before the disk does."""
    if not isinstance(site.server, Postgres):
        site.url = site.server.create(disk.folder)
        return
    place = disk.folder / "tablespace"
    place.mkdir()
    if site.server.user:
        shutil.chown(place, site.server.user)
        _let_through(disk.folder)
    space = f"small_{os.urandom(4).hex()}"
    site.server.execute(f"CREATE TABLESPACE {space} LOCATION '{place}'")
    site.at_end.callback(site.server.execute, f"DROP TABLESPACE {space}")
    site.url = site.server.create(site.folder, space)
    site.at_end.callback(
        site.server.execute, f'DROP DATABASE "{database_name(site.url)}" WITH (FORCE)'
    )


def _let_through(folder: Path) -> None:
    """Let the server's user pass the folders on the way, which are ours."""
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.geteuid() and not one.stat().st_mode & 0o001:
            one.chmod(one.stat().st_mode | 0o011)
