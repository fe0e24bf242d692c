"""Retention: when the evidence of a diagnosis was deleted, and a way to find what nobody refers to any more.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("diagnoses", sa.Column("evidence_deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_evidence_digest", "evidence", ["digest"])


def downgrade() -> None:
    op.drop_index("ix_evidence_digest", table_name="evidence")
    op.drop_column("diagnoses", "evidence_deleted_at")
