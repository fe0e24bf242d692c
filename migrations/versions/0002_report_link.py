"""A proposal's link to the report that it came with: its card is written again after a restart.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("proposals", sa.Column("report_url", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("proposals", "report_url")
