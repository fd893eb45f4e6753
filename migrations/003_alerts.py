"""What was told by webhook, and an index to count undelivered mails by.

Revision ID: 003
Revises: 002
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None

DEAD_INDEX = "ix_outbox_message_dead"


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("gone_at", UTCDateTime()),
        sa.Column("told_at", UTCDateTime()),
        sa.Column("told_severity", sa.Integer(), nullable=False),
        sa.Column("told_count", sa.Integer(), nullable=False),
        sa.Column("telling_until", UTCDateTime()),
        sa.PrimaryKeyConstraint("event"),
    )
    dead = sa.text("state = 'dead'")
    op.create_index(
        DEAD_INDEX, "outbox_message", ["queued_at"], sqlite_where=dead, postgresql_where=dead
    )


def downgrade() -> None:
    op.drop_index(DEAD_INDEX, "outbox_message")
    op.drop_table("alert")
