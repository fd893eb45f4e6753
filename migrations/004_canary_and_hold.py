"""A known text under each key, the hold of a restored outbox, when words were erased.

Revision ID: 004
Revises: 003
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_canary",
        sa.Column("fingerprint", sa.String(12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    # A restore puts the hold on before it brings an older backup to this revision.
    op.create_table(
        "outbox_hold",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.CheckConstraint("id = 1", "single_row"),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.add_column("inquiry", sa.Column("erased_at", UTCDateTime()))


def downgrade() -> None:
    op.drop_column("inquiry", "erased_at")
    op.drop_table("outbox_hold")
    op.drop_table("key_canary")
