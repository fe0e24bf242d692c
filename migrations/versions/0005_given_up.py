"""What the chat did not take of a plan: from when on its card is drawn again, and why that, or telling, was given up.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIMES = ("draw_at", "undrawn_since")
REASONS = ("undrawn", "untold")


def upgrade() -> None:
    for name in TIMES:
        op.add_column("proposals", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in REASONS:
        op.add_column("proposals", sa.Column(name, sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    for name in (*TIMES, *REASONS):
        op.drop_column("proposals", name)
