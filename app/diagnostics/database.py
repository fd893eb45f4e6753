"""The database: is a commit on disk, are the tables ours, do our keys open it, does its
clock agree with ours?
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import Inquiry
from app.database import Database
from app.database.engines import NotDurableError, is_wal_safe, sqlite_module
from app.database.revisions import revision_of, schema_problem
from app.diagnostics.result import CheckResult, Level, failed, ok, warning
from app.encryption import UnknownKeyError
from app.maintenance import encryption_keys

BUILT = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right says earlier
SKEW = timedelta(seconds=5)
Look = Callable[[Database], CheckResult]


def check_database(database: Database) -> list[CheckResult]:
    """The findings on ``database``. Where it does not answer, or has not our tables, the
    later ones are left out.
    """
    findings: list[CheckResult] = []
    looks: tuple[Look, ...] = (_durability, _schema, _keys, _clock)
    for look in looks:
        findings.append(_look(look, database))
        if look in (_durability, _schema) and findings[-1].level is Level.FAILED:
            break
    return findings


def _look(look: Look, database: Database) -> CheckResult:
    try:
        return look(database)
    except NotDurableError as error:
        return failed("database", str(error), "Turn fsync on in postgresql.conf")
    except SQLAlchemyError as error:
        return failed("database", describe_error(error), "Start it, or correct DATABASE_URL")


def describe_error(error: SQLAlchemyError) -> str:
    """The first line of what the database says, without the statement."""
    said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
    return (said.splitlines() or [type(error).__name__])[0][:200]


def _durability(database: Database) -> CheckResult:
    sqlite = database.engine.dialect.name == "sqlite"
    with database.read_session() as session:
        return _sqlite(session) if sqlite else _postgres(session)


def _sqlite(session: Session) -> CheckResult:
    show = _asker(session, "PRAGMA")
    level = {"2": "FULL", "3": "EXTRA"}.get(show("synchronous"), "too little")
    mode, version = show("journal_mode").upper(), sqlite_module.sqlite_version
    durable = (mode, level) in (("WAL", "FULL"), ("DELETE", "EXTRA"))
    corrupts = mode == "WAL" and not is_wal_safe(sqlite_module.sqlite_version_info)
    says = f"SQLite {version}, {mode} with {level}"
    if corrupts or not durable:
        return failed("database", f"{says}: not safe", "End what else has the file open")
    return ok("database", f"{says}: a commit is on disk")


def _postgres(session: Session) -> CheckResult:
    show = _asker(session, "SHOW")
    says = f"PostgreSQL {show('server_version').split()[0]}"
    wrong = [name for name in ("fsync", "full_page_writes") if show(name) != "on"]
    if show("synchronous_commit") == "off":
        wrong.append("synchronous_commit")
    if wrong:
        return failed("database", f"{says}, {' and '.join(wrong)} off", "Turn it on")
    return ok("database", f"{says}, fsync and synchronous_commit on: a commit is on disk")


def _asker(session: Session, verb: str) -> Callable[[str], str]:
    connection = session.connection()
    return lambda name: str(connection.exec_driver_sql(f"{verb} {name}").scalar_one())


def _schema(database: Database) -> CheckResult:
    with database.read_session() as session:
        wrong = schema_problem(revision_of(session.connection()))
    if wrong is None:
        return ok("migrations", "the database is at the newest revision")
    says, _, advice = wrong.partition(": ")
    return failed("migrations", says, advice[:1].upper() + advice[1:])


def _keys(database: Database) -> CheckResult:
    with database.read_session() as session:
        count = len(encryption_keys.key_canaries(session))
        try:
            encryption_keys.check_keys(session, database.keys)
        except UnknownKeyError as error:
            return failed("keys", str(error), "Find it in your copy of ENCRYPTION_KEYS")
    if not count:
        return warning("keys", "not known yet to the database", "Start the site once")
    return ok("keys", "they open all that is sealed")


def _clock(database: Database) -> CheckResult:
    here = clock.now()
    with database.read_session() as session:
        there = database.now(session)
        newest = session.scalar(sa.select(sa.func.max(Inquiry.created_at)))
    advice = "Let the machine keep its clock by NTP"
    if here < BUILT or (newest and newest > max(here, there) + SKEW):
        return failed("clock", f"it says {here:%Y-%m-%d %H:%M} UTC, which is in the past", advice)
    if abs(there - here) > SKEW:
        ahead = (there - here).total_seconds()
        return warning("clock", f"the database's is {ahead:+.0f} s from this machine's", advice)
    return ok("clock", f"{here:%Y-%m-%d %H:%M} UTC")
