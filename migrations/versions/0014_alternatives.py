"""Several plans for one finding: what may be approved instead, what was, and which plan a decision is about.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ACCEPTED = "uq_decisions_accepted"


def upgrade() -> None:
    op.add_column("proposals", sa.Column("alternatives", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("proposals", sa.Column("chosen_hash", sa.Text(), nullable=False, server_default=""))
    op.add_column("decisions", sa.Column("plan_hash", sa.Text(), nullable=False, server_default=""))
    _once("proposal_id", "team_id", "user_id", "plan_hash")


def downgrade() -> None:
    _once("proposal_id", "team_id", "user_id")
    op.drop_column("decisions", "plan_hash")
    op.drop_column("proposals", "chosen_hash")
    op.drop_column("proposals", "alternatives")


def _once(*columns: str) -> None:
    """Let a press be taken once for these columns."""
    op.drop_index(_ACCEPTED, table_name="decisions")
    accepted = sa.text("accepted")
    op.create_index(
        _ACCEPTED, "decisions", list(columns), unique=True, sqlite_where=accepted, postgresql_where=accepted
    )
