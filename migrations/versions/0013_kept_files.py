"""Files that are kept with diagnoses: packet captures.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_files",
        sa.Column("diagnosis_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["diagnosis_id"], ["diagnoses.id"], name=op.f("fk_kept_files_diagnosis_id_diagnoses")
        ),
        sa.PrimaryKeyConstraint("diagnosis_id", "name", name=op.f("pk_kept_files")),
    )


def downgrade() -> None:
    op.drop_table("kept_files")
