"""The tables. Documents are canonical JSON in text columns; what is compared has a column of its own."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from bot.history.columns import Json, UtcTime, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

diagnoses = Table(
    "diagnoses",
    metadata,
    Column("id", Words, primary_key=True),
    Column("cluster", Words, nullable=False),
    Column("asked_team_id", Words, nullable=False),
    Column("asked_user_id", Words, nullable=False),
    Column("verdict", Words, nullable=False),
    Column("root_causes", Json, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("document", Json, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("evidence_deleted_at", UtcTime, nullable=True),
    Index("ix_diagnoses_cluster_started_at", "cluster", "started_at"),
    Index("ix_diagnoses_started_at", "started_at"),
)

evidence_contents = Table(
    "evidence_contents",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("document", Json, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("diagnosis_id", ForeignKey("diagnoses.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("evidence_id", Words, nullable=False),
    Column("collector", Words, nullable=False),
    Column("digest", ForeignKey("evidence_contents.digest"), nullable=True),
    Column("document", Json, nullable=False),
    UniqueConstraint("diagnosis_id", "evidence_id"),
    Index("ix_evidence_digest", "digest"),
)

kept_files = Table(
    "kept_files",
    metadata,
    Column("diagnosis_id", ForeignKey("diagnoses.id"), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("title", Words, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""Packet captures. They go with the evidence of their diagnosis."""

findings = Table(
    "findings",
    metadata,
    Column("diagnosis_id", ForeignKey("diagnoses.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("rule", Words, nullable=False),
    Column("verdict", Words, nullable=False),
    Column("severity", Words, nullable=False),
    Column("document", Json, nullable=False),
    Index("ix_findings_rule_verdict", "rule", "verdict"),
)

clusters = Table(
    "clusters",
    metadata,
    Column("name", Words, primary_key=True),
    Column("repairing", Words, nullable=True),
    Column("lease_owner", Words, nullable=False, server_default=""),
    Column("lease_token", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcTime, nullable=True),
    Column("touched", Integer, nullable=False),
)
"""One row a cluster. `repairing` names the one repair that may write, `lease_*` which process runs it and until when;
`lease_token` only grows. Updating the row orders proposals."""

proposals = Table(
    "proposals",
    metadata,
    Column("id", Words, primary_key=True),
    Column("diagnosis_id", ForeignKey("diagnoses.id"), nullable=False),
    Column("cluster", ForeignKey("clusters.name"), nullable=False),
    Column("finding", Words, nullable=False),
    Column("undoes", Words, nullable=False),
    Column("plan", Json, nullable=False),
    Column("plan_hash", Words, nullable=False),
    Column("alternatives", Json, nullable=False, server_default="[]"),
    Column("chosen_hash", Words, nullable=False, server_default=""),
    Column("fingerprint", Words, nullable=False),
    Column("policy", Json, nullable=False),
    Column("requested_team_id", Words, nullable=False),
    Column("requested_user_id", Words, nullable=False),
    Column("not_approvable", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("presses", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("apply_before", UtcTime, nullable=True),
    Column("report_url", Words, nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="0"),
    Index("ix_proposals_diagnosis_id", "diagnosis_id"),
    Index("ix_proposals_cluster_state", "cluster", "state"),
)
"""`version` grows with everything that a card shows. `alternatives`: plans that may be approved instead of `plan`."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("proposal_id", ForeignKey("proposals.id"), nullable=False),
    Column("team_id", Words, nullable=False),
    Column("user_id", Words, nullable=False),
    Column("choice", Words, nullable=False),
    Column("accepted", Boolean(create_constraint=False), nullable=False),
    Column("reason", Words, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
    Column("plan_hash", Words, nullable=False, server_default=""),
    Index("ix_decisions_proposal_id", "proposal_id"),
    Index("uq_decisions_accepted", "proposal_id", "team_id", "user_id", "plan_hash", unique=True),
)
"""Presses. Of those that were taken, one a plan of the proposal and person: the index is over these rows alone
(migration 0014). Said here, in each dialect's words, it would import PostgreSQL's drivers at every start."""

steps = Table(
    "steps",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("proposal_id", ForeignKey("proposals.id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("effects", Json, nullable=False),
    Column("note", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("proposal_id", "step", "state"),
)
"""The journal, append-only: a step starts once and ends once."""

endings = Table(
    "endings",
    metadata,
    Column("proposal_id", ForeignKey("proposals.id"), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("due_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=True),
    Column("note", Words, nullable=False),
    Index("ix_endings_due_at", "due_at"),
)
"""Steps that were approved for a time: when each is to be taken back, and what became of it."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("proposal_id", ForeignKey("proposals.id"), primary_key=True),
    Column("result", Words, nullable=False),
    Column("summary", Words, nullable=False),
    Column("verification_diagnosis_id", Words, nullable=False),
    Column("inverse_proposal_id", Words, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("key", Words, primary_key=True),
    Column("seen_at", UtcTime, nullable=False),
    Index("ix_deliveries_seen_at", "seen_at"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False, unique=True),
    Column("queue", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("about", Json, nullable=False),
    Column("proposal_id", Words, nullable=False),
    Column("body", Json, nullable=True),
    Column("thread_ts", Words, nullable=False),
    Column("in_thread_of", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("person", Words, nullable=False),
    Column("alone", Boolean(create_constraint=False), nullable=False),
    Column("response_url", Words, nullable=False),
    Column("supplement", Boolean(create_constraint=False), nullable=False),
    Column("instead", Json, nullable=True),
    Column("promised_by", Words, nullable=False),
    Column("promised_until", UtcTime, nullable=True),
    Column("ts", Words, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("tried", Boolean(create_constraint=False), nullable=False),
    Column("send_at", UtcTime, nullable=True),
    Column("unsent_since", UtcTime, nullable=True),
    Column("given_up", Words, nullable=False),
    Column("said_at", UtcTime, nullable=False),
    Index("ix_notes_queue", "queue"),
    Index("ix_notes_proposal_id", "proposal_id"),
)
"""The outbox: what must stand in the chat. `shown` is the version that stands there; that of a card is the plan's.
What the chat did not take is sent again from `send_at` on; `given_up` says why it is not."""

queues = Table(
    "queues",
    metadata,
    Column("name", Words, primary_key=True),
    Column("sender", Words, nullable=False),
    Column("sender_until", UtcTime, nullable=True),
    Column("paused_until", UtcTime, nullable=True),
)
"""Of a channel, or of one person in it: which process sends there, and until when nothing is sent."""

health_scrapes = Table(
    "health_scrapes",
    metadata,
    Column("cluster", Words, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("counters", Json, nullable=False),
)
"""The newest counters of each cluster: the next light round takes its differences from them."""

health_series = Table(
    "health_series",
    metadata,
    Column("cluster", Words, primary_key=True),
    Column("resolution", Words, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("document", Json, nullable=False),
    Index("ix_health_series_resolution_at", "resolution", "at"),
)
"""Measurements, `raw` for days and as sums of an `hour` for long; `at` is when one ends, or when its hour begins."""

mutes = Table(
    "mutes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cluster", Words, nullable=False),
    Column("rule", Words, nullable=False),
    Column("severity", Words, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("team_id", Words, nullable=False),
    Column("user_id", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("muted_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("objects", Json, nullable=True),
    Index("ix_mutes_cluster_until", "cluster", "until"),
)
"""Known issues, append-only: which problem (a rule's, open `since` then) is muted by whom, why, and until when.

`objects`: what it was about then; NULL: muted before that was kept."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", Words, nullable=False),
    Column("proposal_id", Words, nullable=False),
    Column("entry", Json, nullable=False),
    Column("seal", Words, nullable=False),
    Index("ix_audit_proposal_id", "proposal_id"),
)
"""What was proposed, decided and done, append-only, without gaps; `seal` binds each row to all before it."""

watches = Table(
    "watches",
    metadata,
    Column("cluster", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("held_until", UtcTime, nullable=True),
    Column("looked_at", UtcTime, nullable=False),
    Column("document", Json, nullable=False),
)
"""Watched clusters: who makes the look that is under way, when the newest began, and what is known from them."""

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("schedule", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("document", Json, nullable=False),
    Column("team_id", Words, nullable=False),
    Column("user_id", Words, nullable=False),
    Column("subscribed_at", UtcTime, nullable=False),
)
"""Digests that people subscribed channels to, beside those of dnsbot.yaml, by the schedule's name."""

slots = Table(
    "slots",
    metadata,
    Column("schedule", Words, primary_key=True),
    Column("slot", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("held_until", UtcTime, nullable=True),
    Column("done_at", UtcTime, nullable=True),
    Column("said", Json, nullable=True),
    Index("ix_slots_schedule_done_at", "schedule", "done_at"),
)
"""What is done once a time of a schedule, by whoever holds it until then."""
