"""DNS health: the newest counters, the series of measurements, and the slots of schedules.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "health_scrapes",
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counters", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", name=op.f("pk_health_scrapes")),
    )
    op.create_table(
        "health_series",
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", "resolution", "at", name=op.f("pk_health_series")),
    )
    op.create_index("ix_health_series_resolution_at", "health_series", ["resolution", "at"])
    op.create_table(
        "slots",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("schedule", "slot", name=op.f("pk_slots")),
    )
    op.create_index("ix_slots_schedule_done_at", "slots", ["schedule", "done_at"])


def downgrade() -> None:
    op.drop_index("ix_slots_schedule_done_at", table_name="slots")
    op.drop_table("slots")
    op.drop_index("ix_health_series_resolution_at", table_name="health_series")
    op.drop_table("health_series")
    op.drop_table("health_scrapes")
