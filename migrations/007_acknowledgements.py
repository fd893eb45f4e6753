"""Mails to visitors that nobody misses, and to whom one was written lately.

Revision ID: 007
Revises: 006
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    courtesy = sa.Column("courtesy", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("outbox_message", courtesy)
    op.create_table(
        "acknowledgement",
        sa.Column("address_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("written_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_digest"),
    )
    op.create_index(None, "acknowledgement", ["written_at"])


def downgrade() -> None:
    op.drop_table("acknowledgement")
    op.drop_column("outbox_message", "courtesy")
