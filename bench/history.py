"""Throughput with few and with many old inquiries in the database.

Old inquiries look like the retention job leaves them after years: delivered and erased. Sites
with different numbers of them take turns.
"""

from contextlib import ExitStack
from statistics import median, quantiles
from time import perf_counter

from app.database import Database
from app.outbox import results
from app.outbox.models import Outcome
from app.outbox.results import AttemptResult
from app.outbox.transports.smtp import SMTPTransport
from app.outbox.worker import Mailer
from bench import wrk
from bench.databases import DATABASES, temporary_database
from bench.markdown import table
from bench.outbox import enqueue
from bench.profiles import Profile
from bench.sites import site_under_test
from bench.wrk import Result
from tests.faults.site_under_test import SiteUnderTest

CLAIMS = 200  # per round
HEAD = ("old inquiries", "database", "posts per second", "p50 ms", "p99 ms", "vs. empty",
        "claim and record ms", "vs. empty")  # fmt: skip

# Expressions that differ between the databases: a random id, a time 91 days and some seconds
# ago, false, and an empty binary value.
SQLITE = {
    "id": "lower(hex(randomblob(16)))",
    "time": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-91 days', -i || ' seconds')",
    "false": "0",
    "empty": "x''",
}
POSTGRES = {
    "id": "gen_random_uuid()",
    "time": "clock_timestamp() - interval '91 days' - i * interval '1 second'",
    "false": "false",
    "empty": "''::bytea",
}
NUMBERS = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
"""
INSERTS = (
    """INSERT INTO inquiry (id, reference, content_digest, state, topic, created_at, erased_at)
    {numbers} SELECT {id}, substr(CAST(10000000 + i AS varchar), 2), {empty}, 'erased',
    'billing', {time}, {time} FROM n""",
    """INSERT INTO outbox_message (id, reference, message_id, state, created_at, queued_at,
    attempt_count, crash_count, used_fallback, is_acknowledgement, delivered_at)
    {numbers} SELECT {id}, substr(CAST(10000000 + i AS varchar), 2), '<' || i || '@old.example>',
    'delivered', {time}, {time}, 1, 0, {false}, {false}, {time} FROM n""",
    """INSERT INTO delivery_attempt (outbox_message_id, owner, started_at, ended_at, outcome)
    SELECT id, 'old', created_at, delivered_at, 'delivered' FROM outbox_message""",
)


def report(profile: Profile) -> str:
    rows = [
        [f"{count:,}", name, *row]
        for name in DATABASES
        for count, row in measure(name, profile).items()
    ]
    return table(HEAD, rows)


def measure(name: str, profile: Profile) -> dict[int, list[str]]:
    """One row of figures for each number of old inquiries."""
    with temporary_database(name) as (database, folder), ExitStack() as stack:
        sites: dict[int, SiteUnderTest] = {}
        for count in (0, 10_000, profile.old_inquiries):
            site = stack.enter_context(site_under_test(f"old-{count}", folder, database))
            add_old_inquiries(site.database, count)
            site.start(mailer=False)
            sites[count] = site
        posts: dict[int, list[Result]] = {count: [] for count in sites}
        claims: dict[int, list[float]] = {count: [] for count in sites}
        for _ in range(profile.rounds + 1):
            for count, site in sites.items():
                url = f"http://127.0.0.1:{site.port}/api/v1/inquiries"
                posts[count].append(wrk.post(url, "json", 8, profile.seconds))
                claims[count] += claim_times(site)
    return {count: _row(count, posts, claims) for count in sites}


def _row(count: int, posts: dict[int, list[Result]], claims: dict[int, list[float]]) -> list[str]:
    # The first round fills the caches and does not count.
    result, empty = wrk.median_result(posts[count][1:]), wrk.median_result(posts[0][1:])
    claim, claim_empty = median(claims[count][CLAIMS:]), median(claims[0][CLAIMS:])
    return [
        f"{result.rate:,.0f}",
        f"{result.p50:.1f}",
        f"{result.p99:.0f}",
        f"{empty.rate / result.rate:.2f}x",
        f"{claim * 1000:.2f} (p99 {quantiles(claims[count][CLAIMS:], n=100)[98] * 1000:.1f})",
        f"{claim / claim_empty:.2f}x",
    ]


def claim_times(site: SiteUnderTest) -> list[float]:
    """Return the seconds to claim each of ``CLAIMS`` messages and record its result."""
    database, times = site.database, list[float]()
    enqueue(site, CLAIMS)
    mailer = Mailer(
        database, SMTPTransport(server="127.0.0.1", port=9, sender="x@x.example"), owner="bench"
    )
    for _ in range(CLAIMS):
        started = perf_counter()
        message = mailer._claim()
        assert message is not None
        with database.session() as session:
            result = AttemptResult(Outcome.DELIVERED, 250)
            results.record_result(session, message, result, database.now(session))
        times.append(perf_counter() - started)
    return times


def add_old_inquiries(database: Database, count: int) -> None:
    """Add ``count`` erased inquiries, each with its message and delivery attempt."""
    if not count:
        return
    sqlite = database.engine.dialect.name == "sqlite"
    expressions = SQLITE if sqlite else POSTGRES
    with database.engine.begin() as connection:
        if sqlite:
            connection.exec_driver_sql("PRAGMA cache_size=-500000")  # KiB; the ids are random
        for insert in INSERTS:
            statement = insert.format(numbers=NUMBERS.format(count=count), **expressions)
            connection.exec_driver_sql(statement)
    if not sqlite:  # PostgreSQL runs this itself over time; SQLite never does
        with database.engine.connect() as connection:
            autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
            autocommit.exec_driver_sql("VACUUM ANALYZE")
    database.engine.dispose()
