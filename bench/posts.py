"""Contact posts, compared with the database's own limit, with each mail server.

Three sites and a bare view that commits one row take turns, so that a busy moment of the
machine affects all of them. While one site is measured, the mailers of the others are
suspended. The mailer of the site with the fast mail server always has a backlog.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from statistics import median

import psutil

from bench import raw_commits, wrk
from bench.databases import DATABASES, temporary_database
from bench.markdown import table
from bench.profiles import CONNECTIONS, Profile
from bench.servers import Server, baseline
from bench.sites import MAIL_SERVERS, count_inquiries, mail_servers, site_under_test
from bench.wrk import Result
from tests.faults.database_servers import DatabaseServer
from tests.faults.site_under_test import SiteUnderTest

ENDPOINTS = {"form": ("form", "contact"), "API": ("json", "api/v1/inquiries")}
BARE = "bare view"
HEAD = (
    "posts per second", "endpoint", "connections", BARE,
    *(f"{mail_server} mail" for mail_server in MAIL_SERVERS), "slowest vs. bare view",
    "p50 ms " + " · ".join(MAIL_SERVERS), "p99 ms " + " · ".join(MAIL_SERVERS),
    "worst p50 vs. fast",
)  # fmt: skip
Key = tuple[str, str, int]  # endpoint, BARE or mail server, connections


def report(profile: Profile) -> str:
    limits, rows, missing = list[list[str]](), list[list[str]](), 0
    for name in DATABASES:
        with (
            temporary_database(name) as (database, folder),
            view_and_sites(database, folder) as (view, sites),
        ):
            results, accepted = measure(view, sites, profile)
            best = max(result.rate for key, result in results.items() if key[1] == BARE)
            limits.append([name, *_commit_rates(database, folder, profile), f"{best:,.0f}"])
            rows += [[name, *row] for row in compare(results)]
            missing += max(0, accepted - sum(count_inquiries(site) for site in sites.values()))
    return "\n".join(
        (
            table(("commits per second", "1 process", "2 processes", f"{BARE}, HTTP"), limits),
            table(HEAD, rows),
            f"Accepted inquiries that are missing from the database: {missing}.\n",
        )
    )


@contextmanager
def view_and_sites(
    database: DatabaseServer, folder: Path
) -> Iterator[tuple[Server, dict[str, SiteUnderTest]]]:
    """Yield the bare view, and a started site for each mail server."""
    with ExitStack() as stack:
        view = stack.enter_context(bare_view(database, folder))
        ports = stack.enter_context(mail_servers(folder))
        sites = {
            name: stack.enter_context(site_under_test(name, folder, database, ports[name]))
            for name in MAIL_SERVERS
        }
        for site in sites.values():
            site.start()
        yield view, sites


@contextmanager
def bare_view(database: DatabaseServer, folder: Path) -> Iterator[Server]:
    view_folder = folder / "bare"
    view_folder.mkdir()
    url = database.create(view_folder)
    raw_commits.create_table(url)
    with baseline(BARE, "flask_app", view_folder, DATABASE_URL=url) as server:
        yield server


def measure(
    view: Server, sites: dict[str, SiteUnderTest], profile: Profile
) -> tuple[dict[Key, Result], int]:
    """Return the median of all rounds, and the number of inquiries that the sites accepted."""
    mailers = {name: _suspended_mailers(site) for name, site in sites.items()}
    results: dict[Key, list[Result]] = {}
    for _ in range(profile.rounds):
        for connections in CONNECTIONS:
            for endpoint, (encoding, path) in ENDPOINTS.items():
                result = wrk.post(view.url, encoding, connections, profile.seconds)
                results.setdefault((endpoint, BARE, connections), []).append(result)
                for name, site in sites.items():
                    url = f"http://127.0.0.1:{site.port}/{path}"
                    with _resumed(mailers[name]):
                        result = wrk.post(url, encoding, connections, profile.seconds)
                    results.setdefault((endpoint, name, connections), []).append(result)
    for process in chain.from_iterable(mailers.values()):
        process.resume()  # a suspended mailer may hold a database lock
    accepted = sum(
        result.requests
        for (_, name, _), rounds in results.items()
        for result in rounds
        if name in MAIL_SERVERS
    )
    return {key: wrk.median_result(rounds) for key, rounds in results.items()}, accepted


def _suspended_mailers(site: SiteUnderTest) -> list[psutil.Process]:
    mailers = site.processes("mailer")
    for process in mailers:
        process.suspend()
    return mailers


@contextmanager
def _resumed(mailers: list[psutil.Process]) -> Iterator[None]:
    for process in mailers:
        process.resume()
    yield
    for process in mailers:
        process.suspend()


def compare(results: dict[Key, Result]) -> Iterator[list[str]]:
    for endpoint in ENDPOINTS:
        for connections in CONNECTIONS:
            limit = results[endpoint, BARE, connections].rate
            sites = [results[endpoint, name, connections] for name in MAIL_SERVERS]
            yield [
                endpoint,
                str(connections),
                f"{limit:,.0f}",
                *(f"{site.rate:,.0f}" for site in sites),
                f"{min(site.rate for site in sites) / limit:.2f}x",
                " · ".join(f"{site.p50:.1f}" for site in sites),
                " · ".join(f"{site.p99:.0f}" for site in sites),
                f"{max(site.p50 for site in sites) / sites[0].p50:.2f}x",
            ]


def _commit_rates(database: DatabaseServer, folder: Path, profile: Profile) -> Iterator[str]:
    """Yield the commits per second of one and of two processes."""
    commits_folder = folder / "commits"
    commits_folder.mkdir()
    url = database.create(commits_folder)
    raw_commits.create_table(url)
    for processes in (1, 2):
        rates = [raw_commits.rate(url, processes, profile.seconds) for _ in range(profile.rounds)]
        yield f"{median(rates):,.0f}"
