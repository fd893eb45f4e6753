"""The pages as files: ``flask site export``."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import brotli
import pytest
import time_machine
from flask import Flask

from app.ops.export import tree
from app.ops.export.follow import __file__ as follow_file
from app.web.headers import HEADERS
from config import ROOT
from tests.support.settings import environment
from tests.support.site import eventually

MONDAY_NOON = datetime(2026, 7, 6, 19, tzinfo=UTC)  # 12 o'clock at the demo clinic
MONDAY_NIGHT = datetime(2026, 7, 7, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _maps(maps: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").symlink_to(maps)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clinic's maps are kept once the first test has made them."""
    return tmp_path_factory.mktemp("maps")


@pytest.fixture
def export(make_app: Callable[..., Flask], tmp_path: Path) -> Callable[..., Path]:
    """Export at a moment; the link under which the pages are found."""
    folder = tmp_path / "pages"

    def make(moment: datetime, **env: str) -> Path:
        with time_machine.travel(moment, tick=False):
            app = make_app(**{"BASE_URL": "https://clinic.example", **env})
            words = ["site", "export", str(folder), "--json"]
            done = app.test_cli_runner().invoke(args=words)
        assert done.exit_code == 0, done.output
        return Path(json.loads(done.stdout)["folder"])

    return make


def test_every_page_is_there_in_three_codings(export: Callable[..., Path]) -> None:
    live = export(MONDAY_NOON)
    page = (live / "index.html").read_bytes()
    assert brotli.decompress((live / "index.html.br").read_bytes()) == page
    assert b"Open now until" in page
    for name in (
        "contact.html",
        "location.html",
        "location/map.js",
        "static/site.js",
        "robots.txt",
    ):
        assert (live / name).is_file(), name
    assert b'href="tel:' in (live / "errors" / "down.html").read_bytes()


def test_other_words_take_the_place_at_once_and_what_stays_keeps_its_time(
    export: Callable[..., Path],
) -> None:
    live = export(MONDAY_NOON)
    before = {name: (live / name).stat() for name in ("index.html", "static/site.js.br")}
    assert export(MONDAY_NIGHT) == live, "the web server's rules are still right"
    assert b"Open now until" not in (live / "index.html").read_bytes()
    assert (live / "index.html").stat().st_ino != before["index.html"].st_ino
    assert (live / "static/site.js.br").stat().st_mtime == before["static/site.js.br"].st_mtime
    export(MONDAY_NOON)
    assert len(list(live.parent.glob("releases/*"))) == tree.KEEP


def test_files_are_never_shown_under_the_headers_of_another_version(
    export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = export(MONDAY_NOON)
    monkeypatch.setitem(HEADERS, "Referrer-Policy", "no-referrer")
    after = export(MONDAY_NOON)
    assert after != before
    assert after.exists()
    assert not before.exists(), "who knows the old rules asks the site"


def test_an_export_that_fails_leaves_what_was_there(
    export: Callable[..., Path], make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = export(MONDAY_NOON)
    target = live.readlink()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    app = make_app(BASE_URL="https://clinic.example")
    done = app.test_cli_runner().invoke(args=["site", "export", str(live.parent)])
    assert done.exit_code == 1
    assert "No space left on device; nothing changed" in done.output
    assert live.readlink() == target
    assert len(list(live.parent.glob("releases/*"))) == 1


@pytest.fixture
def following(
    tmp_path: Path, sqlite_url: str
) -> "Iterator[Callable[..., subprocess.Popen[bytes]]]":
    """Start ``flask site export --follow`` on a folder."""
    started = []

    def start(**env: str) -> "subprocess.Popen[bytes]":
        variables = environment(tmp_path, DATABASE_URL=sqlite_url, **env)
        flask = str(Path(sys.executable).parent / "flask")
        command = [flask, "--app", "wsgi", "site", "export", "--follow", str(tmp_path / "pages")]
        started.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables}))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def test_following_exports_at_its_start_stays_small_and_leaves_the_pages(
    following: "Callable[..., subprocess.Popen[bytes]]", tmp_path: Path
) -> None:
    process = following()
    eventually(lambda: list((tmp_path / "pages").glob("live-*")), what="the pages are there")
    command = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
    assert follow_file in command, "it became the small process"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert list((tmp_path / "pages").glob("live-*/index.html"))


FOLLOW = """
import runpy, sys
from datetime import UTC, datetime, timedelta
follow = runpy.run_path({file!r})
scope = follow["follow"].__globals__
scope["LOOK"], scope["AGAIN"] = 0.01, 0.1
answers = iter([datetime.now(UTC) + timedelta(seconds=0.3), None])
def export(folder):
    print("exported", flush=True)
    return next(answers, datetime.max.replace(tzinfo=UTC))
scope["export"] = export
follow["follow"](sys.argv[1])
"""


def test_following_exports_anew_when_it_is_time_and_withdraws_what_it_cannot_renew(
    tmp_path: Path,
) -> None:
    (tmp_path / "live-0").symlink_to("releases/0")
    code = FOLLOW.format(file=follow_file)
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"exported\n"
        assert (tmp_path / "live-0").is_symlink()
        assert process.stdout.readline() == b"exported\n", "the time had come"
        assert process.stdout.readline() == b"exported\n", "after the failure, once more"
        assert not (tmp_path / "live-0").is_symlink(), "the site answers for itself"
    finally:
        process.kill()
        process.communicate()


def test_the_rules_are_printed_for_both_servers(make_app: Callable[..., Flask]) -> None:
    runner = make_app(BASE_URL="https://clinic.example").test_cli_runner()
    for server, line in (("nginx", 'location = "/contact" {'), ("caddy", "(frontdesk-pages) {")):
        done = runner.invoke(args=["site", "rules", server, "/var/cache/frontdesk"])
        assert done.exit_code == 0
        assert line in done.stdout
        assert "/var/cache/frontdesk/live-" in done.stdout
