"""The site's files are private even if it is started with the usual umask, without systemd."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from config import ROOT
from tests.support.settings import environment
from tests.support.site import METRICS_TOKEN, Site

USUAL_UMASK = 0o022


def readable_by_others(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.stat().st_mode & 0o077]


def test_the_files_of_commands_are_private(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    env = {"PATH": os.environ["PATH"], **environment(tmp_path)}
    subprocess.run(command, cwd=ROOT, env=env, umask=USUAL_UMASK, check=True, timeout=60)
    assert (tmp_path / "frontdesk.db").is_file()
    assert readable_by_others(tmp_path) == []


def test_the_files_of_the_web_server_are_private(server: Site) -> None:
    """Also those that it creates before it loads the application."""
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert httpx.get(f"{server.url}/metrics", headers=headers, trust_env=False).status_code == 200
    metrics = server.instance / "metrics"
    assert metrics.stat().st_mode & 0o077 == 0
    assert list(metrics.iterdir())
    assert readable_by_others(metrics) == []
