"""Leases: which process runs a repair, and until when; ends of changes; which version of its story a card shows.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op



revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clusters", sa.Column("lease_owner", sa.Text(), nullable=False, server_default=""))
    op.add_column("clusters", sa.Column("lease_token", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("clusters", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("proposals", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("proposals", sa.Column("drawn", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "endings",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name=op.f("fk_endings_proposal_id")),
        sa.PrimaryKeyConstraint("proposal_id", "step", name=op.f("pk_endings")),
    )
    op.create_index("ix_endings_due_at", "endings", ["due_at"])
    # A plan's hash covers fields that older plans lack: what waits for a decision has to be planned anew.
    op.execute("UPDATE proposals SET state = 'expired' WHERE state IN ('pending', 'approved')")


def downgrade() -> None:
    op.drop_index("ix_endings_due_at", table_name="endings")
    op.drop_table("endings")
    op.drop_column("proposals", "drawn")
    op.drop_column("proposals", "version")
    op.drop_column("clusters", "lease_until")
    op.drop_column("clusters", "lease_token")
    op.drop_column("clusters", "lease_owner")
