"""Diagnoses, evidence, findings, proposals, decisions, steps, outcomes, deliveries.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clusters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("repairing", sa.Text(), nullable=True),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_clusters"),
    )
    op.create_table(
        "deliveries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_seen_at", "deliveries", ["seen_at"], unique=False)

    op.create_table(
        "diagnoses",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("asked_team_id", sa.Text(), nullable=False),
        sa.Column("asked_user_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("root_causes", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_diagnoses"),
    )
    op.create_index("ix_diagnoses_cluster_started_at", "diagnoses", ["cluster", "started_at"], unique=False)
    op.create_index("ix_diagnoses_started_at", "diagnoses", ["started_at"], unique=False)

    op.create_table(
        "evidence_contents",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_evidence_contents"),
    )
    op.create_table(
        "evidence",
        sa.Column("diagnosis_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evidence_id", sa.Text(), nullable=False),
        sa.Column("collector", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["diagnosis_id"], ["diagnoses.id"], name="fk_evidence_diagnosis_id"),
        sa.ForeignKeyConstraint(["digest"], ["evidence_contents.digest"], name="fk_evidence_digest"),
        sa.PrimaryKeyConstraint("diagnosis_id", "position", name="pk_evidence"),
        sa.UniqueConstraint("diagnosis_id", "evidence_id", name="uq_evidence_diagnosis_id_evidence_id"),
    )
    op.create_table(
        "findings",
        sa.Column("diagnosis_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["diagnosis_id"], ["diagnoses.id"], name="fk_findings_diagnosis_id"),
        sa.PrimaryKeyConstraint("diagnosis_id", "position", name="pk_findings"),
    )
    op.create_index("ix_findings_rule_verdict", "findings", ["rule", "verdict"], unique=False)

    op.create_table(
        "proposals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("diagnosis_id", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("requested_team_id", sa.Text(), nullable=False),
        sa.Column("requested_user_id", sa.Text(), nullable=False),
        sa.Column("not_approvable", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("presses", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("apply_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_channel", sa.Text(), nullable=False),
        sa.Column("message_ts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["cluster"], ["clusters.name"], name="fk_proposals_cluster"),
        sa.ForeignKeyConstraint(["diagnosis_id"], ["diagnoses.id"], name="fk_proposals_diagnosis_id"),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_cluster_state", "proposals", ["cluster", "state"], unique=False)
    op.create_index("ix_proposals_diagnosis_id", "proposals", ["diagnosis_id"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name="fk_decisions_proposal_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_proposal_id", "decisions", ["proposal_id"], unique=False)
    op.create_index(
        "uq_decisions_accepted",
        "decisions",
        ["proposal_id", "team_id", "user_id"],
        unique=True,
        sqlite_where=sa.text("accepted"),
        postgresql_where=sa.text("accepted"),
    )

    op.create_table(
        "outcomes",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("verification_diagnosis_id", sa.Text(), nullable=False),
        sa.Column("inverse_proposal_id", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name="fk_outcomes_proposal_id"),
        sa.PrimaryKeyConstraint("proposal_id", name="pk_outcomes"),
    )
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("effects", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name="fk_steps_proposal_id"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.UniqueConstraint("proposal_id", "step", "state", name="uq_steps_proposal_id_step_state"),
    )


def downgrade() -> None:
    op.drop_table("steps")
    op.drop_table("outcomes")
    op.drop_index("uq_decisions_accepted", table_name="decisions")
    op.drop_index("ix_decisions_proposal_id", table_name="decisions")

    op.drop_table("decisions")
    op.drop_index("ix_proposals_diagnosis_id", table_name="proposals")
    op.drop_index("ix_proposals_cluster_state", table_name="proposals")

    op.drop_table("proposals")
    op.drop_index("ix_findings_rule_verdict", table_name="findings")

    op.drop_table("findings")
    op.drop_table("evidence")
    op.drop_table("evidence_contents")
    op.drop_index("ix_diagnoses_started_at", table_name="diagnoses")
    op.drop_index("ix_diagnoses_cluster_started_at", table_name="diagnoses")

    op.drop_table("diagnoses")
    op.drop_index("ix_deliveries_seen_at", table_name="deliveries")

    op.drop_table("deliveries")
    op.drop_table("clusters")
