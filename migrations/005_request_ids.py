"""The request behind an inquiry and its mails, as the log names it.

Revision ID: 005
Revises: 004
"""

import sqlalchemy as sa
from alembic import op

revision = "005"
down_revision = "004"
branch_labels = None
depends_on = None

TABLES = ("inquiry", "outbox_message")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("request_id", sa.String(16)))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "request_id")
