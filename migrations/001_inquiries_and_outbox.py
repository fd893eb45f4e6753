"""Inquiries and the outbox.

Revision ID: 001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "001"
down_revision = None
branch_labels = ("default",)
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inquiry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(7), nullable=False),
        sa.Column("submission_key", sa.LargeBinary(32)),
        sa.Column("content_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed_words", sa.LargeBinary()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("held_because", sa.String(200)),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("state in ('received', 'held', 'erased')", "known_state"),
        sa.CheckConstraint("(state = 'erased') = (sealed_words is null)", "erased_is_empty"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("submission_key"),
    )
    op.create_index(None, "inquiry", ["created_at"])
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.String(40), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("sealed_mail", sa.LargeBinary()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("queued_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("fell_back", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Uuid()),
        sa.Column("owner", sa.String(120)),
        sa.Column("claimed_at", UTCDateTime()),
        sa.Column("last_code", sa.Integer()),
        sa.Column("last_error", sa.String(300)),
        sa.Column("delivered_at", UTCDateTime()),
        sa.CheckConstraint(
            "(state in ('pending', 'sending') and due_at is not null)"
            " or (state in ('delivered', 'dead', 'cancelled') and due_at is null)",
            "unfinished_is_due",
        ),
        sa.CheckConstraint(
            "state = 'delivered' or sealed_mail is not null", "undelivered_has_mail"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    due = sa.text("due_at is not null")
    op.create_index(None, "outbox_message", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index(None, "outbox_message", ["about"])
    op.create_table(
        "delivery_attempt",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("code", sa.Integer()),
        sa.Column("said", sa.String(300)),
        sa.ForeignKeyConstraint(["message_id"], ["outbox_message.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(None, "delivery_attempt", ["message_id"])
    op.create_table(
        "relay_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("down_since", UTCDateTime()),
        sa.Column("probe_at", UTCDateTime()),
        sa.Column("reason", sa.String(300)),
        sa.CheckConstraint("id = 1", "single_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mailer",
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("heartbeat_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )


def downgrade() -> None:
    for table in ("mailer", "relay_state", "delivery_attempt", "outbox_message", "inquiry"):
        op.drop_table(table)
