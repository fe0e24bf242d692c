"""Last words that Slack did not take: which outcomes and ends of changes are still to be said in a card's thread.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("outcomes", "endings")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("tell_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "tell_at")
