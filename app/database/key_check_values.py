"""Key check values show whether ENCRYPTION_KEYS lacks a key.

A key check value is a known text encrypted with one key. The database has one for each key that
may have encrypted a row, until `flask keys rotate` finds that no row needs that key. If a process
can decrypt these few values, it can decrypt all rows. If the value of its newest key is gone, that
key was rotated out, and the process must not store anything.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, Database, UTCDateTime
from app.encryption import KeyRing, UnknownKeyError

KNOWN_TEXT = "frontdesk"


class MissingKeyError(UnknownKeyError):
    """ENCRYPTION_KEYS lacks a key that rows are encrypted with; the message names it."""


class KeyCheckValue(Base):
    """The known text, encrypted with the key called ``fingerprint``."""

    __tablename__ = "key_check_value"

    fingerprint: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    encrypted_text: Mapped[bytes]
    since: Mapped[datetime] = mapped_column(UTCDateTime)


# Built once, because each post runs it. On PostgreSQL, DELETE waits for the lock.
LOCK_CHECK_VALUE = (
    sa.select(KeyCheckValue.fingerprint)
    .where(KeyCheckValue.fingerprint == sa.bindparam("fingerprint"))
    .with_for_update(read=True, key_share=True)
)


def get_key_check_values(session: Session) -> list[KeyCheckValue]:
    """Return the key check values, newest first."""
    return list(session.scalars(sa.select(KeyCheckValue).order_by(KeyCheckValue.since.desc())))


def check_keys(session: Session, keys: KeyRing) -> None:
    """Raise MissingKeyError unless ``keys`` can decrypt all rows."""
    values = get_key_check_values(session)
    require_keys({value.fingerprint: value.encrypted_text for value in values}, keys)


def require_keys(check_values: Mapping[str, bytes], keys: KeyRing) -> None:
    """Raise MissingKeyError unless ``keys`` can decrypt ``check_values``, by fingerprint."""
    missing = [name for name, text in check_values.items() if keys.key_of(text) is None]
    if missing:
        raise MissingKeyError(
            f"a key is missing: ENCRYPTION_KEYS lacks {' and '.join(missing)},"
            " which encrypted rows need. Add it after the newest key"
        )


def register_newest_key(database: Database) -> None:
    """Store a key check value for the newest key; on first use, one for every key.

    Several processes may call this at once. Raises MissingKeyError.
    """
    keys = database.keys
    with database.read_session() as session:
        check_keys(session, keys)
        if session.get(KeyCheckValue, keys.fingerprints[0]):
            return
    with suppress(IntegrityError), database.session() as session:  # another one may be first
        require_newest_key(session, keys, database.now(session))


def require_newest_key(session: Session, keys: KeyRing, now: datetime) -> None:
    """Call this in every transaction that stores something encrypted with ``keys``.

    Registers the newest key if necessary. Raises MissingKeyError if that key was rotated out by
    a process that has a newer one. Until the commit, the key cannot be rotated out.
    """
    newest = keys.fingerprints[0]
    if session.connection().scalar(LOCK_CHECK_VALUE, {"fingerprint": newest}):
        return
    check_keys(session, keys)
    for name in [newest] if get_key_check_values(session) else keys.fingerprints:
        text = keys.encrypt_with(name, KNOWN_TEXT)
        session.add(KeyCheckValue(fingerprint=name, encrypted_text=text, since=now))
    session.flush()


def delete_check_values(session: Session, *fingerprints: str) -> None:
    """Delete the check values of keys that no row needs any more, or that are lost."""
    session.execute(
        sa.delete(KeyCheckValue)
        .where(KeyCheckValue.fingerprint.in_(fingerprints))
        .execution_options(synchronize_session=False)
    )
