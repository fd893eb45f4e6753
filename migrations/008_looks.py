"""Who looked at what visitors wrote, and when.

Revision ID: 008
Revises: 007
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "008"
down_revision = "007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "look",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(7)),
        sa.Column("by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(None, "look", ["reference"])


def downgrade() -> None:
    op.drop_table("look")
