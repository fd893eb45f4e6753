"""A small disk that can be filled and freed. Mounting it needs root."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.faults.database_servers import Postgres, database_name
from tests.faults.site_under_test import SiteUnderTest, UnavailableError

SIZE = "48m"


class SmallDisk:
    """A tmpfs, unmounted when ``site`` is closed. Raises UnavailableError if mounting fails."""

    def __init__(self, site: SiteUnderTest) -> None:
        self.folder = site.folder / "disk"
        self._filler = self.folder / "filler"
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            raise UnavailableError("not allowed to mount a tmpfs")
        site.at_end.callback(subprocess.run, ["umount", "-l", str(self.folder)], check=False)

    def fill(self) -> None:
        """Leave no free byte."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


def move_database(site: SiteUnderTest, disk: SmallDisk) -> None:
    """Move the site's database to ``disk`` until the site is closed."""
    if not isinstance(site.server, Postgres):
        site.url = site.server.create(disk.folder)
        return
    folder = disk.folder / "tablespace"
    folder.mkdir()
    if site.server.user:
        shutil.chown(folder, site.server.user)
        _allow_access(disk.folder)
    space = f"small_{os.urandom(4).hex()}"
    site.server.execute(f"CREATE TABLESPACE {space} LOCATION '{folder}'")
    site.at_end.callback(site.server.execute, f"DROP TABLESPACE {space}")
    site.url = site.server.create(site.folder, space)
    site.at_end.callback(
        site.server.execute, f'DROP DATABASE "{database_name(site.url)}" WITH (FORCE)'
    )


def _allow_access(folder: Path) -> None:
    """Let the server's user enter our parent folders of ``folder``."""
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
