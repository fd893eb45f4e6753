"""Detect a missing encryption key by canaries.

A canary is a known text encrypted with one key. Every key that may have encrypted a row
has one, until `flask keys rotate` finds that no row needs that key. Decrypting the canaries,
one or two rows, therefore shows at startup whether all rows can be decrypted.
"""

from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.database import Base, Database, UTCDateTime
from app.encryption import KeyRing, UnknownKeyError
from app.scheduler import Job, every

KNOWN_TEXT = "canary"
CHECK_INTERVAL = timedelta(minutes=10)


class MissingKeyError(UnknownKeyError):
    """ENCRYPTION_KEYS lacks a key that rows are encrypted with; the message names it."""


class KeyCanary(Base):
    """The known text, encrypted with the key called ``fingerprint``."""

    __tablename__ = "key_canary"

    fingerprint: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    encrypted_text: Mapped[bytes]
    since: Mapped[datetime] = mapped_column(UTCDateTime)


def key_canaries(session: Session) -> list[KeyCanary]:
    """Return the canaries, newest first."""
    return list(session.scalars(sa.select(KeyCanary).order_by(KeyCanary.since.desc())))


def check_keys(session: Session, keys: KeyRing) -> None:
    """Raise MissingKeyError unless ``keys`` can decrypt all rows."""
    canaries = key_canaries(session)
    require_keys({canary.fingerprint: canary.encrypted_text for canary in canaries}, keys)


def require_keys(canaries: dict[str, bytes], keys: KeyRing) -> None:
    """Raise MissingKeyError unless ``keys`` can decrypt ``canaries``, given by fingerprint."""
    missing = [name for name, text in canaries.items() if keys.key_of(text) is None]
    if missing:
        raise MissingKeyError(
            f"a key is missing: ENCRYPTION_KEYS lacks {' and '.join(missing)},"
            " which encrypted rows need. Add it after the newest key"
        )


def register_newest_key(database: Database) -> None:
    """Give the newest key a canary if it has none; on first use, give one to every key.

    Several processes may call this at once. Raises MissingKeyError.
    """
    with database.read_session() as session:
        known = {canary.fingerprint for canary in key_canaries(session)}
        check_keys(session, database.keys)
    fingerprints = database.keys.fingerprints
    if fingerprints[0] in known:
        return
    canaries = create_canaries(database.keys, fingerprints[:1] if known else fingerprints)
    try:
        with database.session() as session:
            now = database.now(session)
            session.add_all(
                KeyCanary(fingerprint=name, encrypted_text=text, since=now)
                for name, text in canaries.items()
            )
    except IntegrityError:
        pass  # another process with the same keys was first


def create_canaries(keys: KeyRing, fingerprints: tuple[str, ...]) -> dict[str, bytes]:
    """Return a new canary for each of these keys, by fingerprint."""
    return {name: keys.encrypt_with(name, KNOWN_TEXT) for name in fingerprints}


def delete_canaries(session: Session, *fingerprints: str) -> None:
    """Delete the canaries of keys that no row needs any more, or that are lost."""
    session.execute(
        sa.delete(KeyCanary)
        .where(KeyCanary.fingerprint.in_(fingerprints))
        .execution_options(synchronize_session=False)
    )


def key_registration_job(database: Database) -> Job:
    """Repeat the registration, for a database that was unreachable at startup."""
    run = partial(register_newest_key, database)
    return Job("keys", every(CHECK_INTERVAL), lambda _session, _now: run)
