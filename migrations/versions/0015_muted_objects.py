"""What a muted problem was about: one that names another object is told again.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mutes", sa.Column("objects", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("mutes", "objects")
