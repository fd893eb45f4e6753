"""Contact posts against the database's own limit, and whether the mail server is felt.

Three sites and a bare view that commits one row take turns, so that a slow
moment of the machine meets all of them. While one is measured the mailers of
the others stand still; the fast site's mailer always has a backlog to send.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from statistics import median

import psutil

from bench import raw_commits, wrk
from bench.databases import KINDS, temporary_database
from bench.markdown import table
from bench.profiles import CONNECTIONS, Profile
from bench.servers import Server, bare
from bench.sites import MAIL, inquiries, mail_servers, site_under_test
from bench.wrk import Result
from tests.faults.database_servers import DatabaseServer
from tests.faults.site_under_test import SiteUnderTest

KINDS_OF_POST = {"form": ("form", "contact"), "API": ("json", "api/v1/inquiries")}
BARE = "bare view"
HEAD = (
    "posts a second", "post", "connections", BARE, *(f"{mail} mail" for mail in MAIL),
    "least of bare view", "p50 ms " + " · ".join(MAIL), "p99 ms " + " · ".join(MAIL),
    "worst p50 of fast",
)  # fmt: skip
Key = tuple[str, str, int]  # the kind of post, whose answer, connections
Found = dict[Key, Result]


def report(profile: Profile) -> str:
    """The tables of all databases."""
    limits, rows, unkept = list[list[str]](), list[list[str]](), 0
    for name in KINDS:
        with (
            temporary_database(name) as (database, folder),
            rivals(database, folder) as (view, sites),
        ):
            found, answered = measure(view, sites, profile)
            limits.append([name, *_limits(database, folder, profile), f"{best(found):,.0f}"])
            rows += [[name, *row] for row in compare(found)]
            unkept += max(0, answered - sum(inquiries(site) for site in sites.values()))
    return "\n".join(
        (
            table(("commits a second", "1 process", "2 processes", f"{BARE}, HTTP"), limits),
            table(HEAD, rows),
            f"Inquiries that were answered and are not in the database: {unkept}.\n",
        )
    )


@contextmanager
def rivals(
    database: DatabaseServer, folder: Path
) -> Iterator[tuple[Server, dict[str, SiteUnderTest]]]:
    """The bare view and, by mail server, the sites; all started."""
    with ExitStack() as stack:
        view = stack.enter_context(bare_view(database, folder))
        ports = stack.enter_context(mail_servers(folder))
        sites = {
            mail: stack.enter_context(site_under_test(mail, folder, database, ports[mail]))
            for mail in MAIL
        }
        for site in sites.values():
            site.start()
        yield view, sites


@contextmanager
def bare_view(database: DatabaseServer, folder: Path) -> Iterator[Server]:
    place = folder / "bare"
    place.mkdir()
    url = database.make(place)
    raw_commits.create(url)
    with bare(BARE, "in_flask", place, DATABASE_URL=url) as server:
        yield server


def measure(view: Server, sites: dict[str, SiteUnderTest], profile: Profile) -> tuple[Found, int]:
    """The medians of all rounds, and how many inquiries the sites acknowledged."""
    mailers = {mail: _mailers(site) for mail, site in sites.items()}
    found: dict[Key, list[Result]] = {}
    for _ in range(profile.rounds):
        for connections in CONNECTIONS:
            for post, (kind, path) in KINDS_OF_POST.items():
                one = wrk.post(view.url, kind, connections, profile.seconds)
                found.setdefault((post, BARE, connections), []).append(one)
                for mail, site in sites.items():
                    url = f"http://127.0.0.1:{site.port}/{path}"
                    with _at_work(mailers[mail]):
                        one = wrk.post(url, kind, connections, profile.seconds)
                    found.setdefault((post, mail, connections), []).append(one)
    for process in chain.from_iterable(mailers.values()):
        process.resume()  # one may have stopped with the database's lock in hand
    answered = sum(r.requests for key, many in found.items() if key[1] in MAIL for r in many)
    return {key: wrk.middle(many) for key, many in found.items()}, answered


def _mailers(site: SiteUnderTest) -> list[psutil.Process]:
    found = site.family("mailer")
    for process in found:
        process.suspend()
    return found


@contextmanager
def _at_work(mailers: list[psutil.Process]) -> Iterator[None]:
    for process in mailers:
        process.resume()
    yield
    for process in mailers:
        process.suspend()


def compare(found: Found) -> Iterator[list[str]]:
    for post in KINDS_OF_POST:
        for connections in CONNECTIONS:
            limit = found[post, BARE, connections].rate
            sites = [found[post, mail, connections] for mail in MAIL]
            yield [
                post,
                str(connections),
                f"{limit:,.0f}",
                *(f"{one.rate:,.0f}" for one in sites),
                f"{min(one.rate for one in sites) / limit:.2f}x",
                " · ".join(f"{one.p50:.1f}" for one in sites),
                " · ".join(f"{one.p99:.0f}" for one in sites),
                f"{max(one.p50 for one in sites) / sites[0].p50:.2f}x",
            ]


def best(found: Found) -> float:
    return max(one.rate for key, one in found.items() if key[1] == BARE)


def _limits(database: DatabaseServer, folder: Path, profile: Profile) -> Iterator[str]:
    place = folder / "commits"
    place.mkdir()
    url = database.make(place)
    raw_commits.create(url)
    for processes in (1, 2):
        yield f"{median(_rates(url, processes, profile)):,.0f}"


def _rates(url: str, processes: int, profile: Profile) -> list[float]:
    return [raw_commits.rate(url, processes, profile.seconds) for _ in range(profile.rounds)]
