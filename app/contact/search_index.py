"""A blind index: staff find an inquiry by its email address or phone number, but nobody can read
either from the index.

It has digests with keys that are derived from ENCRYPTION_KEYS. While the staff console is on, rows
are written with the inquiry; ``index_missing`` adds the others. ``rebuild`` replaces the rows of
older keys. Until then a search tries all keys.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.contact.email_addresses import clean_address, mailbox
from app.contact.models import ALPHABET, Inquiry, InquiryData
from app.contact.phone_numbers import clean_phone, e164
from app.database import Base, Database
from app.encryption import KeyRing, UnknownKeyError

BATCH_SIZE = 500  # inquiries in one short transaction
MAX_LENGTH = 254  # characters of a search


class InquirySearchKey(Base):
    """A digest of an inquiry's email address or phone number, by the key ``key_fingerprint``."""

    __tablename__ = "inquiry_search_key"

    inquiry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("inquiry.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(16), primary_key=True, index=True)
    key_fingerprint: Mapped[str] = mapped_column(sa.String(12))


def add_to_index(
    keys: KeyRing, connection: sa.Connection, inquiry_id: UUID, content: InquiryData
) -> None:
    """Index a new inquiry in the caller's transaction."""
    connection.execute(sa.insert(InquirySearchKey), _rows(keys, inquiry_id, content))


def search(keys: KeyRing, text: str, country: str) -> sa.Select[Inquiry] | None:
    """Select the inquiries with this reference, email address or phone number.

    None if ``text`` is none of them. ``country`` is that of a phone number without a country code.
    """
    if len(text) > MAX_LENGTH:
        return None
    reference = re.sub(r"[\s\u2010-\u2015-]", "", text).upper()
    if re.fullmatch(rf"[{ALPHABET}]{{6}}", reference):
        return sa.select(Inquiry).where(Inquiry.reference == f"{reference[:3]}-{reference[3:]}")
    if "@" in text:
        term = _email_term(clean_address(text))
    elif number := e164(clean_phone(text), country):
        term = _phone_term(number)
    else:
        return None
    matches = InquirySearchKey.digest.in_(keys.search_digests(term).values())
    return sa.select(Inquiry).where(
        Inquiry.id.in_(sa.select(InquirySearchKey.inquiry_id).where(matches))
    )


def index_missing(database: Database) -> int:
    """Index all inquiries that have no row of the newest key. Returns how many.

    Those that cannot be decrypted are skipped.
    """
    newest = database.keys.fingerprints[0]
    is_indexed = sa.exists().where(
        InquirySearchKey.inquiry_id == Inquiry.id, InquirySearchKey.key_fingerprint == newest
    )
    query = sa.select(Inquiry).where(Inquiry.encrypted_content.is_not(None), ~is_indexed)
    count, after = 0, UUID(int=0)
    while True:
        with database.session() as session:
            # Locked: none of them can be erased before its row is here.
            batch = session.scalars(
                query.where(Inquiry.id > after)
                .order_by(Inquiry.id)
                .limit(BATCH_SIZE)
                .with_for_update()
            ).all()
            if not batch:
                return count
            rows = [row for inquiry in batch for row in _rows_of(database.keys, inquiry)]
            if rows:
                session.execute(sa.insert(InquirySearchKey), rows)
        count, after = count + len(batch), batch[-1].id


def rebuild(database: Database) -> None:
    """Replace the rows of older keys. Does nothing if the index is not used."""
    newest = database.keys.fingerprints[0]
    with database.read_session() as session:
        is_used = session.scalar(sa.select(sa.exists(sa.select(InquirySearchKey))))
    if is_used:
        index_missing(database)
        with database.session() as session:
            outdated = InquirySearchKey.key_fingerprint != newest
            session.execute(sa.delete(InquirySearchKey).where(outdated))


def remove_from_index(session: Session, inquiries: Sequence[UUID]) -> None:
    """Delete the rows of ``inquiries`` in the caller's transaction."""
    session.execute(
        sa.delete(InquirySearchKey)
        .where(InquirySearchKey.inquiry_id.in_(inquiries))
        .execution_options(synchronize_session=False)
    )


def _rows_of(keys: KeyRing, inquiry: Inquiry) -> list[dict[str, Any]]:
    try:
        content = inquiry.decrypt(keys)
    except UnknownKeyError:
        content = None
    return _rows(keys, inquiry.id, content) if content else []


def _rows(keys: KeyRing, inquiry_id: UUID, content: InquiryData) -> list[dict[str, Any]]:
    terms = [_email_term(content.email)]
    if content.phone_e164:
        terms.append(_phone_term(content.phone_e164))
    newest = keys.fingerprints[0]
    return [
        {
            "inquiry_id": inquiry_id,
            "digest": keys.search_digests(term)[newest],
            "key_fingerprint": newest,
        }
        for term in terms
    ]


def _email_term(email: str) -> str:
    return "email:{}@{}".format(*mailbox(email))


def _phone_term(number: str) -> str:
    return f"phone:{number}"
