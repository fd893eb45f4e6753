"""When a mailer stopped, and the times in which none ran.

Revision ID: 010
Revises: 009
"""

import sqlalchemy as sa
from alembic import op

from app.db import UTCDateTime

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailer", sa.Column("stopped_at", UTCDateTime()))
    op.create_table(
        "mailer_downtime",
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("started_at"),
    )


def downgrade() -> None:
    op.drop_table("mailer_downtime")
    op.drop_column("mailer", "stopped_at")
