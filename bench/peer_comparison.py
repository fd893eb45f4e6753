"""Frontdesk beside its peers: the tutorial way, and Wagtail's form page.

For each mail server all three take turns under gunicorn with the same workers.
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.outbox.models import OutboxMessage
from bench import wrk
from bench.databases import temporary_database
from bench.markdown import table
from bench.profiles import Profile
from bench.servers import ROOT, Server, environment, started
from bench.sites import MAIL, SLOW, inquiries, mail_servers, site_under_test
from bench.wrk import Result
from tests.faults.site_under_test import SiteUnderTest

BIN = ROOT / "build" / "peers" / "bin"
PEERS = ROOT / "bench" / "peers"
GUNICORN = [str(BIN / "gunicorn"), "-c", str(PEERS / "workers.conf.py")]
FRONTDESK, TUTORIAL, WAGTAIL = "Frontdesk", "Flask-WTF and Flask-Mail", "Wagtail's form page"
CONNECTIONS = 8
HEAD = ("peer", "mail server", "posts a second", "p50 ms", "p99 ms", "error page", "on disk",
        "mailed, or to be mailed")  # fmt: skip


def report(profile: Profile) -> str:
    with (
        temporary_database("SQLite, WAL/FULL") as (database, folder),
        mail_servers(folder) as ports,
    ):
        rows, made = list[list[str]](), make_wagtail(folder)
        for mail in MAIL:
            with ExitStack() as stack:
                site = stack.enter_context(site_under_test(mail, folder, database, ports[mail]))
                site.start()
                place = site.folder / "peers"
                place.mkdir()
                env = environment(place, MAIL_PORT=str(ports[mail]), PYTHONPATH=str(PEERS))
                peers = [
                    stack.enter_context(tutorial(place, env)),
                    stack.enter_context(wagtail(place, env, made)),
                ]
                rows += measure(mail, site, peers, place, profile)
    return table(HEAD, rows)


@contextmanager
def tutorial(folder: Path, env: dict[str, str]) -> Iterator[Server]:
    with started(TUTORIAL, [*GUNICORN, "tutorial:app"], env, folder) as server:
        yield server


def make_wagtail(folder: Path) -> Path:
    """Its database, with a form page; it takes a while."""
    env = environment(folder, MAIL_PORT="9", PYTHONPATH=str(PEERS))
    (folder / "instance").mkdir()
    make = [str(BIN / "python"), "-m", "clinic_wagtail.wsgi"]
    subprocess.run(make, env=env, cwd=ROOT, check=True)
    return folder / "instance"


@contextmanager
def wagtail(folder: Path, env: dict[str, str], made: Path) -> Iterator[Server]:
    shutil.copytree(made, folder / "instance")
    with started(WAGTAIL, [*GUNICORN, "clinic_wagtail.wsgi"], env, folder) as server:
        yield server


def measure(
    mail: str, site: SiteUnderTest, peers: list[Server], folder: Path, profile: Profile
) -> Iterator[list[str]]:
    """The rows of the three for one mail server."""
    seconds = max(profile.seconds, 3 * SLOW) if mail == "slow" else profile.seconds
    urls = {FRONTDESK: f"http://127.0.0.1:{site.port}/contact"}
    urls |= {TUTORIAL: f"{peers[0].url}contact", WAGTAIL: peers[1].url}
    found: dict[str, list[Result]] = {name: [] for name in urls}
    for _ in range(profile.rounds):
        for name, url in urls.items():
            one = wrk.post(url, "form", CONNECTIONS, seconds, may_fail=True)
            found[name].append(one)
    for name, many in found.items():
        one = wrk.middle(many)
        good = one.requests - one.errors
        kept, mailed = {
            FRONTDESK: (inquiries(site), outbox(site)),
            TUTORIAL: (0, good),
            WAGTAIL: (submissions(folder), good),
        }[name]
        yield [
            name,
            mail,
            f"{one.rate:,.0f}" if one.rate >= 10 else f"{one.rate:.1f}",
            f"{one.p50:,.0f}",
            f"{one.p99:,.0f}",
            *(f"{min(1.0, count / one.requests):.0%}" for count in (one.errors, kept, mailed)),
        ]


def outbox(site: SiteUnderTest) -> int:
    """Mails that were written down, whatever became of them since."""
    with site.database.read_session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage)) or 0


def submissions(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "instance" / "wagtail.db")) as connection:
        rows = connection.execute("SELECT count(*) FROM wagtailforms_formsubmission")
        return int(rows.fetchone()[0])
