"""PostgreSQL's own programs, found and called."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import make_conninfo

from app.database import Database
from app.maintenance.backup_archive import BackupError

DEBIAN_FOLDER = Path("/usr/lib/postgresql")


def find_program(name: str, server: int) -> str:
    """The path of the program ``name`` that suits a server of the major version ``server``:
    of the same version, or of the next that there is. Raises BackupError.
    """
    folders = [*os.get_exec_path(), *sorted(map(str, DEBIAN_FOLDER.glob("*/bin")))]
    paths = [path for folder in folders if (path := shutil.which(name, path=folder))]
    versions = {path: _version(path) for path in dict.fromkeys(paths)}
    fitting = [path for path in versions if versions[path] >= server]
    if not fitting:
        found = ", ".join(f"{path} is {version}" for path, version in versions.items())
        raise BackupError(
            f"{name} {server} or newer is not on PATH ({found or 'there is none'}):"
            f" install postgresql-client-{server}"
        )
    return min(fitting, key=lambda path: versions[path])


def run_program(database: Database, command: Sequence[str]) -> None:
    """Run ``command`` on the database. The password goes through the environment, where
    other users of this machine do not see it. Raises BackupError with its last words.
    """
    where = {str(k): str(v) for k, v in database.engine.url.translate_connect_args().items()}
    where |= {key: str(value) for key, value in database.engine.url.query.items()}
    where["dbname"] = where.pop("database")
    where["user"] = where.pop("username", "") or where.get("user", "")
    password = {"PGPASSWORD": where.pop("password")} if "password" in where else {}
    conninfo = make_conninfo(**{key: value for key, value in where.items() if value})
    done = subprocess.run(  # noqa: S603  (a program found above, no shell)
        [*command, f"--dbname={conninfo}"],
        env={**os.environ, **password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or ["no words"]
        raise BackupError(f"{Path(command[0]).name} failed: {lines[-1][:200]}")


def _version(path: str) -> int:
    try:
        said = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0
