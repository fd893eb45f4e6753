"""A small disk of our own that can be filled and freed. Needs the right to mount."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.faults.servers import Postgres, database_name
from tests.faults.world import NotHereError, World

SIZE = "48m"


class SmallDisk:
    """A tmpfs, unmounted when ``world`` ends. Raises NotHereError where that is not allowed."""

    def __init__(self, world: World) -> None:
        self.folder = world.folder / "disk"
        self._filler = self.folder / "filler"
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            raise NotHereError("not allowed to mount a tmpfs")
        world.at_end.callback(subprocess.run, ["umount", "-l", str(self.folder)], check=False)

    def fill(self) -> None:
        """Leave no byte free."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


def move_database(world: World, disk: SmallDisk) -> None:
    """Put the world's database onto ``disk``; it leaves again before the disk does."""
    if not isinstance(world.server, Postgres):
        world.url = world.server.make(disk.folder)
        return
    place = disk.folder / "tablespace"
    place.mkdir()
    if world.server.user:
        shutil.chown(place, world.server.user)
        _let_through(disk.folder)
    space = f"small_{os.urandom(4).hex()}"
    world.server.execute(f"CREATE TABLESPACE {space} LOCATION '{place}'")
    world.at_end.callback(world.server.execute, f"DROP TABLESPACE {space}")
    world.url = world.server.make(world.folder, space)
    world.at_end.callback(
        world.server.execute, f'DROP DATABASE "{database_name(world.url)}" WITH (FORCE)'
    )


def _let_through(folder: Path) -> None:
    """Let the server's user pass the folders on the way, which are ours."""
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.geteuid() and not one.stat().st_mode & 0o001:
            one.chmod(one.stat().st_mode | 0o011)
