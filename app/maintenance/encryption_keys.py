"""The keys that seal what visitors wrote, and the proof that none of them is missing.

A canary is a known text sealed under a key. Each key that may have sealed a row
has one; it goes only when `flask keys rotate` has seen that no row needs the key
any more. So opening the canaries, one or two rows, tells at the start what
opening every row would tell.
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
EVERY = timedelta(minutes=10)


class MissingKeyError(UnknownKeyError):
    """ENCRYPTION_KEYS lacks a key that rows are sealed with; the message says which."""


class KeyCanary(Base):
    """A known text under the key called ``fingerprint``."""

    __tablename__ = "key_canary"

    fingerprint: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    encrypted_text: Mapped[bytes]
    since: Mapped[datetime] = mapped_column(UTCDateTime)


def key_canaries(session: Session) -> list[KeyCanary]:
    """One for each key that may have sealed a row, newest first."""
    return list(session.scalars(sa.select(KeyCanary).order_by(KeyCanary.since.desc())))


def check_keys(session: Session, keys: KeyRing) -> None:
    """Return when ``keys`` open all that is sealed. Raises MissingKeyError."""
    require_keys({one.fingerprint: one.encrypted_text for one in key_canaries(session)}, keys)


def require_keys(sealed: dict[str, bytes], keys: KeyRing) -> None:
    """The same for canaries by fingerprint. Raises MissingKeyError naming those not opened."""
    missing = [name for name, text in sealed.items() if keys.key_of(text) is None]
    if missing:
        raise MissingKeyError(
            f"a key is missing: ENCRYPTION_KEYS lacks {' and '.join(missing)},"
            " and rows are sealed with it. Put it back, after the newest"
        )


def register_newest_key(database: Database) -> None:
    """Give the newest key its canary, once, however many processes start together.

    The first time of all every listed key gets one: any of them may have sealed rows.
    Raises MissingKeyError.
    """
    with database.read_session() as session:
        known = {one.fingerprint for one in key_canaries(session)}
        check_keys(session, database.keys)
    if database.keys.fingerprints[0] in known:
        return
    wanted = database.keys.fingerprints[:1] if known else database.keys.fingerprints
    try:
        with database.session() as session:
            now = database.now(session)
            session.add_all(
                KeyCanary(fingerprint=f, encrypted_text=s, since=now)
                for f, s in create_canaries(database.keys, wanted).items()
            )
    except IntegrityError:
        pass  # another process was first, with the same keys


def create_canaries(keys: KeyRing, names: tuple[str, ...]) -> dict[str, bytes]:
    """The known text under each of ``names``, fingerprints of ``keys``."""
    return {name: keys.encrypt_with(name, KNOWN_TEXT) for name in names}


def delete_canaries(session: Session, *names: str) -> None:
    """Take the canaries of keys away that no row needs any more, or nobody has any more."""
    session.execute(
        sa.delete(KeyCanary)
        .where(KeyCanary.fingerprint.in_(names))
        .execution_options(synchronize_session=False)
    )


def keys_job(database: Database) -> Job:
    """The same again and again, for a database that did not answer at the start."""
    return Job("keys", every(EVERY), lambda _session, _now: partial(register_newest_key, database))
