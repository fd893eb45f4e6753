"""When each chore of the mailers was last begun.

Revision ID: 002
Revises: 001
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chore",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("chore")
