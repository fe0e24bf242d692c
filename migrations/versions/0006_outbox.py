"""The outbox: messages that must stand in the chat, and who sends them; it takes over what cards and threads lacked.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TOLD = ("outcomes", "endings")


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("thread_ts", sa.Text(), nullable=False),
        sa.Column("in_thread_of", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("response_url", sa.Text(), nullable=False),
        sa.Column("supplement", sa.Boolean(), nullable=False),
        sa.Column("instead", sa.Text(), nullable=True),
        sa.Column("promised_by", sa.Text(), nullable=False),
        sa.Column("promised_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("tried", sa.Boolean(), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sa.UniqueConstraint("key", name=op.f("uq_notes_key")),
    )
    op.create_index("ix_notes_queue", "notes", ["queue"])
    op.create_index("ix_notes_proposal_id", "notes", ["proposal_id"])
    op.create_table(
        "queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("sender_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_queues")),
    )
    _take_over()
    for name in ("message_channel", "message_ts", "drawn", "draw_at", "undrawn_since", "undrawn", "untold"):
        op.drop_column("proposals", name)
    for table in TOLD:
        op.drop_column(table, "tell_at")


def _take_over() -> None:
    """Make notes of the cards that stand somewhere, and of outcomes that are still to be said below them."""
    common = "person, alone, response_url, supplement, promised_by, version, tried, given_up, said_at"
    same = "'', false, '', false, '', 1, false"
    op.execute(
        f"INSERT INTO notes (key, queue, channel, kind, about, proposal_id, thread_ts, in_thread_of, after, ts, shown, "
        f"{common}) SELECT 'card:' || id, message_channel, message_channel, 'card', "
        f"'{{\"proposal_id\":\"' || id || '\"}}', id, '', '', '', message_ts, drawn, {same}, undrawn, created_at "
        "FROM proposals WHERE message_ts <> '' ORDER BY created_at"
    )
    op.execute(
        f"INSERT INTO notes (key, queue, channel, kind, about, proposal_id, thread_ts, in_thread_of, after, ts, shown, "
        f"{common}) SELECT 'outcome:' || o.proposal_id, p.message_channel, p.message_channel, 'outcome', "
        f"'{{\"proposal_id\":\"' || o.proposal_id || '\"}}', o.proposal_id, '', 'card:' || o.proposal_id, '', '', 0, "
        f"{same}, '', o.finished_at FROM outcomes o JOIN proposals p ON p.id = o.proposal_id "
        "WHERE o.tell_at IS NOT NULL AND p.message_ts <> ''"
    )
    op.execute("INSERT INTO queues (name, sender) SELECT DISTINCT queue, '' FROM notes")


def downgrade() -> None:
    for table in TOLD:
        op.add_column(table, sa.Column("tell_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("message_channel", "message_ts", "undrawn", "untold"):
        op.add_column("proposals", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("proposals", sa.Column("drawn", sa.Integer(), nullable=False, server_default="0"))
    for name in ("draw_at", "undrawn_since"):
        op.add_column("proposals", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for column, wanted in {"message_channel": "channel", "message_ts": "ts", "drawn": "shown"}.items():
        op.execute(
            f"UPDATE proposals SET {column} = (SELECT {wanted} FROM notes WHERE key = 'card:' || proposals.id) "
            "WHERE EXISTS (SELECT 1 FROM notes WHERE key = 'card:' || proposals.id)"
        )
    op.drop_table("queues")
    op.drop_index("ix_notes_proposal_id", table_name="notes")
    op.drop_index("ix_notes_queue", table_name="notes")
    op.drop_table("notes")
