"""Keyed digests of an inquiry's message and network, kept for a day to tell a flood.

Revision ID: 006
Revises: 005
"""

import sqlalchemy as sa
from alembic import op

revision = "006"
down_revision = "005"
branch_labels = None
depends_on = None

TRACES = ("message_digest", "source_digest")


def upgrade() -> None:
    for name in TRACES:
        op.add_column("inquiry", sa.Column(name, sa.LargeBinary(16)))
        kept = sa.text(f"{name} is not null")
        op.create_index(None, "inquiry", [name], sqlite_where=kept, postgresql_where=kept)


def downgrade() -> None:
    for name in TRACES:
        op.drop_index(f"ix_inquiry_{name}", "inquiry")
        op.drop_column("inquiry", name)
