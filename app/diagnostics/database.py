"""Checks of the database: durability, migrations, encryption keys, clock, outbox, backup."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import clock
from app.contact.models import Inquiry
from app.database import Database, error_line, key_check_values
from app.database.engines import NotDurableError, is_wal_safe, sqlite_module, uses_pooler
from app.database.revisions import get_revision, schema_problem, table_problem
from app.diagnostics.outbox import check_outbox
from app.diagnostics.result import CheckResult, Level, failed, ok, warning
from app.encryption import KeyRing, UnknownKeyError
from app.maintenance.backup import backup_overdue_for, last_backup_at
from app.monitoring.health_rules import format_duration
from app.monitoring.readiness import write_problem
from app.outbox.models import OutboxMessage

RELEASED = datetime(2026, 1, 1, tzinfo=UTC)  # no correct clock is earlier
MAX_SKEW = timedelta(seconds=5)
SAMPLE_SIZE = 200  # rows of each kind
HAS_CONTENT = Inquiry.encrypted_content.is_not(None)
MAX_BACKUP_AGE = timedelta(days=8)


def check_database(database: Database) -> list[CheckResult]:
    """Check ``database`` and what it says of the outbox, the mailers and backups.

    If it is unavailable or not migrated, later checks are skipped.
    """
    results: list[CheckResult] = []
    required = (_check_durability, _check_migrations)
    for check in (
        *required,
        _check_storage,
        _check_keys,
        _check_clock,
        check_outbox,
        _check_backup,
    ):
        try:
            with database.read_session() as session:
                results += check(database, session)
        except NotDurableError as error:
            results.append(failed("database", str(error), "Turn fsync on in postgresql.conf"))
        except SQLAlchemyError as error:
            advice = "Start it, or correct DATABASE_URL"
            results.append(failed("database", error_line(error), advice))
        if check in required and results[-1].level is Level.FAILED:
            break
    return results


def _check_durability(database: Database, session: Session) -> list[CheckResult]:
    sqlite = database.engine.dialect.name == "sqlite"
    return [_check_sqlite(session) if sqlite else _check_postgres(session)]


def _check_sqlite(session: Session) -> CheckResult:
    get = _setting_getter(session, "PRAGMA")
    level = {"2": "FULL", "3": "EXTRA"}.get(get("synchronous"), "a lower level")
    mode, version = get("journal_mode").upper(), sqlite_module.sqlite_version
    durable = (mode, level) in (("WAL", "FULL"), ("DELETE", "EXTRA"))
    corrupts = mode == "WAL" and not is_wal_safe(sqlite_module.sqlite_version_info)
    message = f"SQLite {version}, {mode} with {level}"
    if corrupts or not durable:
        return failed("database", f"{message}: not safe", "Close other programs that use the file")
    return ok("database", f"{message}: commits are durable")


def _check_postgres(session: Session) -> CheckResult:
    get = _setting_getter(session, "SHOW")
    message = f"PostgreSQL {get('server_version').split()[0]}"
    disabled = [name for name in ("fsync", "full_page_writes") if get(name) != "on"]
    if get("synchronous_commit") == "off":
        disabled.append("synchronous_commit")
    if disabled:
        return failed("database", f"{message}, {' and '.join(disabled)} off", "Turn it on")
    if uses_pooler(session.connection()):
        message += " through a connection pooler"
    return ok("database", f"{message}, fsync and synchronous_commit on: commits are durable")


def _setting_getter(session: Session, verb: str) -> Callable[[str], str]:
    connection = session.connection()
    return lambda name: str(connection.exec_driver_sql(f"{verb} {name}").scalar_one())


def _check_migrations(_database: Database, session: Session) -> list[CheckResult]:
    problem = schema_problem(get_revision(session.connection()))
    if problem is None:
        if problem := table_problem(session.connection()):
            return [failed("migrations", problem, "Restore a backup")]
        return [ok("migrations", "the database is at the newest revision")]
    message, _, advice = problem.partition(": ")
    return [failed("migrations", message, advice[:1].upper() + advice[1:])]


def _check_storage(database: Database, _session: Session) -> list[CheckResult]:
    if problem := write_problem(database):
        return [failed("storage", problem, "Inquiries are refused until this is fixed")]
    return [ok("storage", "an inquiry can be stored")]


def _check_keys(database: Database, session: Session) -> list[CheckResult]:
    try:
        key_check_values.check_keys(session, database.keys)
    except UnknownKeyError as error:
        return [failed("keys", str(error), "Find it in your copy of ENCRYPTION_KEYS")]
    if not key_check_values.get_key_check_values(session):
        return [warning("keys", "not registered in the database yet", "Start the site once")]
    if unreadable := _count_undecryptable(database.keys, session):
        message = f"no key decrypts {unreadable} of the newest inquiries and waiting emails"
        return [failed("keys", message, "Find the key, and add it after the newest")]
    return [ok("keys", "all encrypted rows can be decrypted")]


def _count_undecryptable(keys: KeyRing, session: Session) -> int:
    inquiries = sa.select(Inquiry.encrypted_content).where(HAS_CONTENT)
    emails = sa.select(OutboxMessage.encrypted_message).where(OutboxMessage.due_at.is_not(None))
    samples = (
        inquiries.order_by(Inquiry.created_at.desc()).limit(SAMPLE_SIZE),
        emails.order_by(OutboxMessage.due_at.desc()).limit(SAMPLE_SIZE),
    )
    content = [text for query in samples for text in session.scalars(query)]
    return [keys.key_of(text or b"") for text in content].count(None)


def _check_clock(database: Database, session: Session) -> list[CheckResult]:
    here, there = clock.now(), database.now(session)
    advice = "Synchronize the clock by NTP"
    if here < RELEASED:
        return [failed("clock", f"{here:%Y-%m-%d %H:%M} UTC, which is in the past", advice)]
    is_future = Inquiry.created_at > max(here, there) + MAX_SKEW
    count = sa.select(sa.func.count(Inquiry.id)).where(is_future, HAS_CONTENT)
    if future := session.scalar(count):
        message = f"inquiries dated in the future: {future}; the clock is wrong, or was then"
        return [failed("clock", message, f"{advice}. If it was, erase them once answered")]
    if abs(there - here) > MAX_SKEW:
        ahead = (there - here).total_seconds()
        message = f"the database's clock is {ahead:+.0f} s from this machine's"
        return [warning("clock", message, advice)]
    return [ok("clock", f"{here:%Y-%m-%d %H:%M} UTC")]


def _check_backup(database: Database, session: Session) -> list[CheckResult]:
    """Check the age of the last `flask backup`, made on any host."""
    created_at, advice = last_backup_at(session), "Run `flask backup PATH` every hour"
    if created_at is None:
        return [warning("backup", "none recorded", advice)]
    now = database.now(session)
    newest = abs(now - created_at)  # one from the future is not recent
    message = f"the newest is {format_duration(newest)} old"
    if newest > MAX_BACKUP_AGE or backup_overdue_for(session, now):
        return [warning("backup", message, advice)]
    return [ok("backup", message)]
