"""Frontdesk compared with a typical Flask tutorial and with a Wagtail form page.

With each mail server, all three take turns under gunicorn with the same number of workers.
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
from bench.sites import MAIL_SERVERS, SLOW_REPLY, count_inquiries, mail_servers, site_under_test
from bench.wrk import Result
from tests.faults.site_under_test import SiteUnderTest

BIN = ROOT / "build" / "peers" / "bin"
PEERS = ROOT / "bench" / "peers"
GUNICORN = [str(BIN / "gunicorn"), "-c", str(PEERS / "workers.conf.py")]
FRONTDESK, TUTORIAL, WAGTAIL = "Frontdesk", "Flask-WTF and Flask-Mail", "Wagtail form page"
CONNECTIONS = 8
HEAD = ("application", "mail server", "posts per second", "p50 ms", "p99 ms", "error page",
        "stored", "sent or queued")  # fmt: skip


def report(profile: Profile) -> str:
    with (
        temporary_database("SQLite, WAL/FULL") as (database, folder),
        mail_servers(folder) as ports,
    ):
        rows, wagtail_instance = list[list[str]](), create_wagtail_site(folder)
        for mail_server in MAIL_SERVERS:
            with ExitStack() as stack:
                port = ports[mail_server]
                site = stack.enter_context(site_under_test(mail_server, folder, database, port))
                site.start()
                peer_folder = site.folder / "peers"
                peer_folder.mkdir()
                env = environment(peer_folder, MAIL_PORT=str(port), PYTHONPATH=str(PEERS))
                peers = [
                    stack.enter_context(tutorial(peer_folder, env)),
                    stack.enter_context(wagtail(peer_folder, env, wagtail_instance)),
                ]
                rows += measure(mail_server, site, peers, peer_folder, profile)
    return table(HEAD, rows)


@contextmanager
def tutorial(folder: Path, env: dict[str, str]) -> Iterator[Server]:
    with started(TUTORIAL, [*GUNICORN, "tutorial:app"], env, folder) as server:
        yield server


def create_wagtail_site(folder: Path) -> Path:
    """Create a Wagtail database with a form page. Returns its instance folder."""
    env = environment(folder, MAIL_PORT="9", PYTHONPATH=str(PEERS))
    (folder / "instance").mkdir()
    command = [str(BIN / "python"), "-m", "clinic_wagtail.wsgi"]
    subprocess.run(command, env=env, cwd=ROOT, check=True)
    return folder / "instance"


@contextmanager
def wagtail(folder: Path, env: dict[str, str], instance: Path) -> Iterator[Server]:
    shutil.copytree(instance, folder / "instance")
    with started(WAGTAIL, [*GUNICORN, "clinic_wagtail.wsgi"], env, folder) as server:
        yield server


def measure(
    mail_server: str, site: SiteUnderTest, peers: list[Server], folder: Path, profile: Profile
) -> Iterator[list[str]]:
    """One row for each application."""
    seconds = max(profile.seconds, 3 * SLOW_REPLY) if mail_server == "slow" else profile.seconds
    urls = {FRONTDESK: f"http://127.0.0.1:{site.port}/contact"}
    urls |= {TUTORIAL: f"{peers[0].url}contact", WAGTAIL: peers[1].url}
    results: dict[str, list[Result]] = {name: [] for name in urls}
    for _ in range(profile.rounds):
        for name, url in urls.items():
            result = wrk.post(url, "form", CONNECTIONS, seconds, allow_errors=True)
            results[name].append(result)
    for name, rounds in results.items():
        result = wrk.median_result(rounds)
        succeeded = result.requests - result.errors
        stored, sent = {
            FRONTDESK: (count_inquiries(site), count_messages(site)),
            TUTORIAL: (0, succeeded),
            WAGTAIL: (count_submissions(folder), succeeded),
        }[name]
        yield [
            name,
            mail_server,
            f"{result.rate:,.0f}" if result.rate >= 10 else f"{result.rate:.1f}",
            f"{result.p50:,.0f}",
            f"{result.p99:,.0f}",
            *(
                f"{min(1.0, count / result.requests):.0%}"
                for count in (result.errors, stored, sent)
            ),
        ]


def count_messages(site: SiteUnderTest) -> int:
    """Return the number of messages in Frontdesk's outbox, in any state."""
    with site.database.read_session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage)) or 0


def count_submissions(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "instance" / "wagtail.db")) as connection:
        rows = connection.execute("SELECT count(*) FROM wagtailforms_formsubmission")
        return int(rows.fetchone()[0])
