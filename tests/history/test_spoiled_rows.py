"""One row that cannot be read, in whichever table: no start ends by it, no tick, and no other cluster's history."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table, event

from bot.domain.approvals import MessageRef, Outcome, Posted, ProposalState, Result, StepState
from bot.domain.cron import parse_cron
from bot.domain.diagnosis import Diagnosis
from bot.domain.digests import DigestSchedule
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.health import Mute, Sample, Standing
from bot.domain.history import Draft, Lease, Press
from bot.domain.kept_files import KeptFile
from bot.domain.outbox import Note, NotTaken
from bot.domain.people import Person
from bot.errors import RecordUnreadable
from bot.history import SqlHistory, open_history
from bot.history.columns import Json, UtcTime, Words
from bot.history.health import SqlHealth
from bot.history.subscriptions import SqlSubscriptions
from bot.history.tables import metadata, notes
from bot.history.watches import SqlWatches

CLUSTERS = ("cluster-bad", "cluster-good")
"""Everything of the first is stored first, and one of its rows is spoiled; the second is asked about."""
START = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)
TIME = "%Y-%m-%d %H:%M:%S.%f"
LONG_AGO, FAR_AWAY = "2026-01-01 00:00:00.000000", "2099-01-01 00:00:00.000000"
NEVER = NotTaken(reason="unreadable", again_within_seconds=None)
RULE = "dns_blocked_by_security_group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A full history, the file that it is restored from, and its clusters."""

    raw: sqlite3.Connection
    template: sqlite3.Connection
    history: SqlHistory

    @property
    def health(self) -> SqlHealth:
        """What digests are made of."""
        return SqlHealth(database=self.history.database)

    def spoil(self, table: Table, column: Column[Any], value: object) -> None:
        """Restore everything, then write something unreadable into the first row."""
        self.template.backup(self.raw)
        changed = self.raw.execute(
            f'UPDATE {table.name} SET "{column.name}" = ? WHERE rowid = (SELECT min(rowid) FROM {table.name})',  # noqa: S608  # names of our own tables
            (value,),
        )
        self.raw.commit()
        assert changed.rowcount == 1, f"nothing is stored in {table.name}"


def _fill(
    history: SqlHistory,
    cluster: str,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
) -> None:
    """Store at least one row in each table: plans that ran, run and wait, and what is said of them."""
    health = SqlHealth(database=history.database)
    first = diagnosis_of(f"d-{cluster}")
    target, question = replace(first.target, name=cluster), replace(first.question, cluster=cluster)
    kube_dns = replace(first.evidence[0], value=replace(first.evidence[0].value, selector=cluster))  # type: ignore[type-var]
    file = KeptFile(name="client-shop-ui.pcap", title="Packets", content=b"\0")
    evidence = (replace(kube_dns, files=(file,)), *first.evidence[1:])
    history.record(replace(first, target=target, question=question, evidence=evidence))
    well = Finding(
        rule=RULE,
        title="",
        kind=Kind.CAUSE,
        playbook="security-groups",
        severity=Severity.WARNING,
        judgement=Judgement(verdict=Verdict.HEALTHY, summary="", proof=()),
        evidence=(),
        fixes=(),
    )
    later: dict[str, Any] = {
        "started_at": START + timedelta(hours=1),
        "target": target,
        "question": question,
        "findings": (well,),
    }
    for name, finding in (("ran", RULE), ("runs", "runs"), ("waits", "waits")):
        draft = draft_of(f"{name}-{cluster}", cluster=cluster, finding=finding, fingerprint=f"{name}-{cluster}")
        draft = replace(draft, plan=replace(draft.plan, diagnosis_id=first.id), channel=f"C-{cluster}")
        history.propose(draft)
        history.remember(
            draft.plan.id, Posted(message=MessageRef(channel=f"C-{cluster}", ts=f"{name}.1"), report_url="u")
        )
        if name == "waits":
            history.refuse(press_of(draft), "not yours")
            continue
        history.take(press_of(draft), required=1)
        lease = history.begin(draft.plan.id, "p")
        assert isinstance(lease, Lease)
        history.journal(lease, index=0, state=StepState.STARTED)
        if name == "ran":
            history.journal(lease, index=0, state=StepState.DONE, effects={"made": ["sgr-1"]}, ends_after_seconds=-1)
            outcome = Outcome(proposal_id=draft.plan.id, result=Result.VERIFIED, summary="all well", steps=())
            history.finish(lease, outcome, ProposalState.DONE)
    history.record(replace(first, id=f"e-{cluster}", evidence=evidence, **later))
    promised = Note(
        key=f"n-{cluster}",
        channel=f"C-{cluster}",
        body={"text": "runs", "blocks": []},
        instead={"text": "ended", "blocks": []},
        promised_by="p",
    )
    said = Note(key=f"m-{cluster}", channel=f"C-{cluster}", body={"text": "said", "blocks": []})
    history.say(promised, said)
    health.keep(
        Sample(
            cluster=cluster,
            at=health.now(),
            standing=Standing(pods_wanted=2, pods_ready=2, restarts=0, nodes=1, zones=1),
        ),
        {"queries": 7},
        before=None,
    )
    health.claim(cluster, "09:00", "p", seconds=60)
    health.done(cluster, "09:00", "p", {"a": "warning"})
    mute = Mute(
        cluster=cluster,
        rule=RULE,
        severity="warning",
        since=START,
        owner=Person(team_id="T01", user_id="U01"),
        reason="known",
        until=health.now() + timedelta(days=1),
        objects=("security group sg-0abc",),
    )
    health.mute(mute)
    history.once(f"key-{cluster}")
    schedule = DigestSchedule(channel=f"C-{cluster}", cron=parse_cron("0 9 * * *"), timezone="UTC", clusters=(cluster,))
    SqlSubscriptions(database=history.database).subscribe(schedule, mute.owner)
    SqlWatches(database=history.database).begin(cluster, "p", every=timedelta(minutes=5), seconds=60)


@pytest.fixture(scope="module")
def stored_once(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Callable[[SqlHistory], None]], Stored]]:
    """A function that fills a database the first time and returns it."""
    file = tmp_path_factory.mktemp("spoiled") / "history.db"
    shutil.copy(migrated_sqlite, file)
    history = open_history(f"sqlite:///{file}", {})
    event.listen(history.database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    made: list[Stored] = []

    def once(fill: Callable[[SqlHistory], None]) -> Stored:
        if not made:
            fill(history)
            raw, template = sqlite3.connect(file), sqlite3.connect(":memory:")
            raw.execute("PRAGMA synchronous=OFF")
            # what is due must not change while the test runs
            raw.execute("UPDATE notes SET promised_until = ? WHERE promised_until IS NOT NULL", (LONG_AGO,))
            raw.execute("UPDATE clusters SET lease_until = ?", (f"{datetime.now(UTC) + timedelta(minutes=50):{TIME}}",))
            raw.execute("UPDATE proposals SET expires_at = ?", (FAR_AWAY,))
            for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f"DROP TRIGGER {trigger}")  # the audit table lets nobody spoil it
            raw.commit()
            raw.backup(template)
            made.append(Stored(raw=raw, template=template, history=history))
        return made[0]

    yield once
    for one in made:
        one.raw.close()
        one.template.close()
    history.close()


@pytest.fixture
def stored(
    stored_once: Callable[[Callable[[SqlHistory], None]], Stored],
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
) -> Stored:
    """A full history, made once."""

    def fill(history: SqlHistory) -> None:
        for cluster in CLUSTERS:
            _fill(history, cluster, diagnosis_of, draft_of, press_of)

    return stored_once(fill)


def _spoilings(column: Column[Any]) -> tuple[object, ...]:
    """Return what may stand in a column's place after a fault; of keys, the outbox's alone may."""
    if column is notes.c.key:
        return (b"\xff", "")
    if column.primary_key or column.foreign_keys or column.unique:
        return ()
    if isinstance(column.type, Json):
        return ("no JSON", '{"x": 1}')
    if isinstance(column.type, UtcTime):
        return ("no time",)
    if isinstance(column.type, Words):
        return (b"\xff",)
    return ("seven",)


def _ask(stored: Stored, cluster: str) -> None:
    """Ask for everything that is kept of a cluster: what cannot be read is said where it alone was asked for."""
    history, health = stored.history, stored.health
    long_ago = START - timedelta(days=365)
    for asked in (
        lambda: history.diagnosis(f"d-{cluster}"),
        lambda: history.story(f"ran-{cluster}"),
        lambda: history.story(f"waits-{cluster}"),
        lambda: history.outcome(f"ran-{cluster}"),
        lambda: history.files(f"d-{cluster}"),
    ):
        with suppress(RecordUnreadable):
            asked()
    history.remembered(cluster, "kube_dns")
    history.said(f"m-{cluster}")
    health.scrape(cluster)
    health.series(cluster, since=long_ago, until=START + timedelta(days=365))
    health.last_said(cluster)
    health.problems(cluster, fixed_since=long_ago)
    health.mutes(cluster)
    health.last_diagnosis(cluster)


def _tick(stored: Stored) -> tuple[object, ...]:
    """List everything, and do what a start and the clock do; return what of it is the second cluster's."""
    history, good = stored.history, CLUSTERS[1]
    entries = [entry for entry in history.recent() if entry.cluster == good]
    due = [job for job in history.due() if good in str(job.ids)]
    history.late_endings()
    history.expire()
    history.unsent()
    queues = [f"C-{cluster}" for cluster in CLUSTERS]
    firsts = [history.next_to_send(queue, "p") for queue in queues if history.begin_sending(queue, "p")]
    first = firsts[-1].note.key if firsts and firsts[-1] is not None else ""
    sending = firsts[0]
    for _ in range(20):
        if sending is None:
            return entries, due, first
        history.not_sent(sending.note.key, sending.version, NEVER)
        sending = history.next_to_send(queues[0], "p")
    raise AssertionError("what is given up is sent again and again")


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_a_spoiled_row_stops_nothing_else(stored: Stored, table: Table) -> None:
    """Whatever stands in a column of the first cluster's row, the second is shown as before."""
    stored.template.backup(stored.raw)
    before = _tick(stored)
    assert all(before), "nothing is shown of the second cluster"
    wrong = []
    for column in table.columns:
        for value in _spoilings(column):
            stored.spoil(table, column, value)
            try:
                _ask(stored, CLUSTERS[0])
                assert _tick(stored) == before, "the other cluster is shown otherwise"
            except Exception as error:  # noqa: BLE001  # every one is shown
                wrong.append(f"{column.name} = {value!r:.20}: {type(error).__name__}: {str(error)[:200]}")
    assert not wrong, "\n".join(wrong)


def test_a_running_repair_whose_journal_cannot_be_read_is_ended(stored: Stored) -> None:
    """Its outcome is written without the steps, and the cluster is free."""
    bad = CLUSTERS[0]
    stored.template.backup(stored.raw)
    with closing(stored.raw.cursor()) as cursor:
        cursor.execute("UPDATE steps SET state = 'so so' WHERE proposal_id = ?", (f"runs-{bad}",))
        cursor.execute("UPDATE clusters SET lease_until = ?", (LONG_AGO,))
    stored.raw.commit()
    lease = stored.history.take_over(f"runs-{bad}", "heir")
    assert lease is not None
    outcome = Outcome(proposal_id=f"runs-{bad}", result=Result.STOPPED, summary="nobody knows", steps=())
    ended = stored.history.finish(lease, outcome, ProposalState.INTERRUPTED)
    assert (ended.result, ended.steps) == (Result.STOPPED, ())
    assert stored.raw.execute("SELECT repairing FROM clusters WHERE name = ?", (bad,)).fetchone() == (None,)


@pytest.mark.parametrize("until", ["no time", FAR_AWAY, b"\xff"], ids=["no time", "far away", "bytes"])
def test_a_spoiled_time_holds_nothing_for_ever(stored: Stored, until: object) -> None:
    """A channel's sender, its pause, a note that was put off, a cluster's lease: all are over."""
    bad = CLUSTERS[0]
    stored.template.backup(stored.raw)
    stored.raw.execute("UPDATE queues SET sender = 'gone', sender_until = ?, paused_until = ?", (until, until))
    stored.raw.execute("UPDATE notes SET send_at = ?, promised_until = ?", (until, until))
    stored.raw.execute("UPDATE clusters SET lease_until = ?", (until,))
    stored.raw.commit()

    assert {"queue": f"C-{bad}"} in [job.ids for job in stored.history.due() if job.kind == "send"]
    assert stored.history.begin_sending(f"C-{bad}", "p")
    assert stored.history.next_to_send(f"C-{bad}", "p") is not None
    assert stored.history.take_over(f"runs-{bad}", "heir") is not None
