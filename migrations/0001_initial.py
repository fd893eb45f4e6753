"""All tables.

Revision ID: 0001
Revises:
"""

import click
import sqlalchemy as sa
from alembic import op

from app.database import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = ("default",)
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    create_inquiries()
    create_notes()
    create_outbox()
    create_mailers()
    create_operations()
    create_notices()
    create_accounts()


def create_inquiries() -> None:
    op.create_table(
        "inquiry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(7), nullable=False),
        sa.Column("submission_key", sa.LargeBinary(32)),
        sa.Column("content_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("encrypted_content", sa.LargeBinary()),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("location", sa.String(40), server_default=sa.text("''"), nullable=False),
        sa.Column("quarantine_reasons", sa.String(200)),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("request_id", sa.String(16)),
        sa.Column("erased_at", UTCDateTime()),
        sa.Column("marked_as_spam_at", UTCDateTime()),
        sa.Column("released_at", UTCDateTime()),
        sa.Column("reminded_at", UTCDateTime()),
        sa.Column("escalated_at", UTCDateTime()),
        sa.Column("answered_at", UTCDateTime()),
        sa.Column("answered_by", sa.String(80)),
        sa.Column("taken_at", UTCDateTime()),
        sa.Column("taken_by", sa.String(80)),
        sa.Column("message_digest", sa.LargeBinary(16)),
        sa.Column("network_digest", sa.LargeBinary(16)),
        sa.CheckConstraint("state in ('received', 'quarantined', 'erased')", "known_state"),
        sa.CheckConstraint("(state = 'erased') = (encrypted_content is null)", "erased_is_empty"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("submission_key"),
    )
    op.create_index(None, "inquiry", ["created_at"])
    create_partial_index("ix_inquiry_quarantined", "inquiry", "created_at", "state = 'quarantined'")
    unanswered = "state = 'received' and answered_at is null"
    create_partial_index("ix_inquiry_unanswered", "inquiry", "created_at", unanswered)
    answered = "state = 'received' and answered_at is not null"
    create_partial_index("ix_inquiry_answered", "inquiry", "answered_at", answered)
    for digest in ("message_digest", "network_digest"):
        op.create_index(None, "inquiry", [digest])
    op.create_table(
        "acknowledgement_limit",
        sa.Column("address_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("domain_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("queued_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_digest"),
    )
    op.create_index(None, "acknowledgement_limit", ["queued_at"])


def create_notes() -> None:
    op.create_table(
        "inquiry_note",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("inquiry_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("encrypted_text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["inquiry_id"], ["inquiry.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(None, "inquiry_note", ["inquiry_id"])
    op.create_table(
        "inquiry_search_key",
        sa.Column("inquiry_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("key_fingerprint", sa.String(12), nullable=False),
        sa.ForeignKeyConstraint(["inquiry_id"], ["inquiry.id"]),
        sa.PrimaryKeyConstraint("inquiry_id", "digest"),
    )
    op.create_index(None, "inquiry_search_key", ["digest"])


def create_outbox() -> None:
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("mailbox", sa.String(254)),
        sa.Column("encrypted_message", sa.LargeBinary()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("queued_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime()),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("crash_count", sa.Integer(), nullable=False),
        sa.Column("used_fallback", sa.Boolean(), nullable=False),
        sa.Column("lease_token", sa.Uuid()),
        sa.Column("owner", sa.String(120)),
        sa.Column("claimed_at", UTCDateTime()),
        sa.Column("last_code", sa.Integer()),
        sa.Column("last_error", sa.String(300)),
        sa.Column("delivered_at", UTCDateTime()),
        sa.Column("request_id", sa.String(16)),
        sa.Column("is_acknowledgement", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(10), server_default="email", nullable=False),
        sa.Column("target", sa.String(40)),
        sa.CheckConstraint(
            "(state in ('pending', 'sending') and due_at is not null)"
            " or (state in ('delivered', 'dead', 'cancelled') and due_at is null)",
            "unfinished_is_due",
        ),
        sa.CheckConstraint(
            "state = 'delivered' or encrypted_message is not null", "undelivered_has_mail"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index(None, "outbox_message", ["reference"])
    create_partial_index(None, "outbox_message", "due_at", "due_at is not null")
    create_partial_index("ix_outbox_message_dead", "outbox_message", "queued_at", "state = 'dead'")
    op.create_table(
        "delivery_attempt",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("outbox_message_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("code", sa.Integer()),
        sa.Column("transport_reply", sa.String(300)),
        sa.ForeignKeyConstraint(["outbox_message_id"], ["outbox_message.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(None, "delivery_attempt", ["outbox_message_id"])


def create_mailers() -> None:
    op.create_table(
        "mail_transport_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("unavailable_since", UTCDateTime()),
        sa.Column("next_probe_at", UTCDateTime()),
        sa.Column("fault", sa.String(20)),
        sa.Column("reason", sa.String(300)),
        sa.CheckConstraint("id = 1", "single_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mailer_heartbeat",
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("heartbeat_at", UTCDateTime(), nullable=False),
        sa.Column("stopped_at", UTCDateTime()),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.create_table(
        "mailer_downtime",
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("started_at"),
    )
    op.create_table(
        "outbox_pause",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.CheckConstraint("id = 1", "single_row"),
        sa.PrimaryKeyConstraint("id"),
    )


def create_operations() -> None:
    op.create_table(
        "scheduled_job",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("overdue_at", UTCDateTime()),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "alert",
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("resolved_at", UTCDateTime()),
        sa.Column("notified_at", UTCDateTime()),
        sa.Column("notified_severity", sa.Integer(), nullable=False),
        sa.Column("notified_count", sa.Integer(), nullable=False),
        sa.Column("claimed_at", UTCDateTime()),
        sa.PrimaryKeyConstraint("event"),
    )
    op.create_table(
        "observation",
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("observed_at", UTCDateTime(), nullable=False),
        sa.Column("problem", sa.String(60), nullable=False),
        sa.Column("failing_since", UTCDateTime()),
        sa.Column("certificate_ends_at", UTCDateTime()),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "key_check_value",
        sa.Column("fingerprint", sa.String(12), nullable=False),
        sa.Column("encrypted_text", sa.LargeBinary(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("action", sa.String(120), nullable=False),
        sa.Column("reference", sa.String(7)),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(None, "audit_event", ["reference"])


def create_notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("location", sa.String(40)),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("closed_from", UTCDateTime()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(None, "notice", ["ends_at"])


def create_accounts() -> None:
    op.create_table(
        "staff_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(80), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_sign_in_at", UTCDateTime()),
        sa.Column("invitation_digest", sa.LargeBinary(32)),
        sa.Column("invitation_expires_at", UTCDateTime()),
        sa.Column("password", sa.String(255)),
        sa.Column("tf_totp_secret", sa.Text()),
        sa.Column("totp_counter", sa.BigInteger()),
        sa.Column("mf_recovery_codes", sa.JSON()),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("failed_at", UTCDateTime()),
        sa.Column("fs_uniquifier", sa.String(64), nullable=False),
        sa.Column("fs_webauthn_user_handle", sa.String(64), nullable=False),
        sa.CheckConstraint("role in ('desk', 'manager')", "known_role"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("invitation_digest"),
        sa.UniqueConstraint("fs_uniquifier"),
        sa.UniqueConstraint("fs_webauthn_user_handle"),
    )
    op.create_table(
        "webauthn_credential",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.JSON()),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("device_type", sa.String(64), nullable=False),
        sa.Column("extensions", sa.Text()),
        sa.Column("lastuse_datetime", UTCDateTime(), nullable=False),
        sa.Column("usage", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["staff_user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential_id"),
    )
    op.create_index(None, "webauthn_credential", ["user_id"])


def create_partial_index(name: str | None, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    raise click.ClickException("The first migration has no downgrade: restore a backup instead.")
