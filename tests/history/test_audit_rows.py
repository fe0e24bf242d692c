from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.approvals import Choice, ProposalState
from bot.domain.audit import Seals
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft, Press, Taken
from bot.errors import ConfigurationError, HistoryUnavailable
from bot.history import SqlHistory, migrate, open_history
from bot.history.audit_heads import HeadsFile
from bot.history.engine import open_database

Sql = Callable[[str], list[tuple[Any, ...]]]
Drafts = Callable[..., Draft]
Presses = Callable[..., Press]
KEYED = Seals((b"k" * 32,))


@pytest.fixture
def keyed(history: SqlHistory, diagnosis_of: Callable[..., Diagnosis], tmp_path: Path) -> SqlHistory:
    """A history whose chain has a key, with the diagnosis `d1`."""
    sealed = replace(history, seals=KEYED, heads=HeadsFile(tmp_path / "heads"))
    sealed.record(diagnosis_of())
    return sealed


@pytest.fixture
def tamper(sql: Sql, url: str) -> Callable[[str], None]:
    """A function that changes the audit table as its owner can: without what refuses it."""

    def run(statement: str) -> None:
        if url.startswith("sqlite"):
            kept = [row[0] for row in sql("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
            for change in ("update", "delete"):
                sql(f"DROP TRIGGER audit_only_grows_{change}")
            sql(statement)
            for trigger in kept:
                sql(trigger)
            return
        sql("ALTER TABLE audit DISABLE TRIGGER USER")
        sql(statement)
        sql("ALTER TABLE audit ENABLE TRIGGER USER")

    return run


def _decided(keyed: SqlHistory, draft_of: Drafts, press_of: Presses, required: int = 1) -> Draft:
    draft = draft_of()
    keyed.propose(draft)
    assert keyed.take(press_of(draft), required=required) is Taken.TAKEN
    return draft


def test_what_happens_to_a_plan_is_in_the_chain(
    keyed: SqlHistory, draft_of: Drafts, press_of: Presses, sql: Sql
) -> None:
    """The proposal and each decision are rows in their order, as they were written, and the head is kept."""
    draft = _decided(keyed, draft_of, press_of)
    keyed.refuse(press_of(draft, "U03"), "too late")
    check = keyed.audit_check()
    assert [row[0] for row in sql("SELECT kind FROM audit ORDER BY seq")] == ["chain", "proposed", "decided", "decided"]
    assert (check.well, check.walked.rows, check.walked.plain, check.walked.head) == (True, 4, 0, keyed.audit_head())
    assert check.heads == 3
    assert keyed.audit_lost() == ""


def test_the_table_only_grows(keyed: SqlHistory, draft_of: Drafts, press_of: Presses, sql: Sql) -> None:
    """Neither an update nor a delete is carried out, whoever asks."""
    _decided(keyed, draft_of, press_of)
    for statement in ("UPDATE audit SET kind = 'x'", "DELETE FROM audit"):
        with pytest.raises(HistoryUnavailable, match="only grows"):
            sql(statement)
    assert keyed.audit_check().walked.rows == 3


@pytest.mark.parametrize(
    ("statement", "bad_row"),
    [
        pytest.param("UPDATE audit SET entry = replace(entry, 'U02', 'U03') WHERE seq = 3", 3, id="changed"),
        pytest.param("DELETE FROM audit WHERE seq = 2", 2, id="deleted"),
        pytest.param("DELETE FROM audit WHERE seq > 1", 2, id="end-cut-off"),
        pytest.param("DELETE FROM audit", 1, id="all-gone"),
    ],
)
def test_a_change_is_named(
    keyed: SqlHistory,
    draft_of: Drafts,
    press_of: Presses,
    tamper: Callable[[str], None],
    statement: str,
    bad_row: int,
) -> None:
    """The check names the first row that is not as it was written."""
    _decided(keyed, draft_of, press_of)
    tamper(statement)
    check = keyed.audit_check()
    assert (check.walked.bad_row, check.well) == (bad_row, False)


def test_a_backup_that_was_put_back_is_named(
    migrated_sqlite: Path, tmp_path: Path, diagnosis_of: Callable[..., Diagnosis], draft_of: Drafts, press_of: Presses
) -> None:
    """The heads beside the file know of rows that the file no longer has, at the start and by the check."""
    file = tmp_path / "history.db"
    shutil.copy(migrated_sqlite, file)
    history = open_history(f"sqlite:///{file}", {})
    history.record(diagnosis_of())
    draft = draft_of()
    history.propose(draft)
    history.close()
    shutil.copy(file, tmp_path / "backup.db")
    later = open_history(f"sqlite:///{file}", {})
    later.take(press_of(draft), required=1)
    later.close()
    shutil.copy(tmp_path / "backup.db", file)
    restored = open_history(f"sqlite:///{file}", {})
    assert (restored.audit_check().walked.bad_row, "row 3" in restored.audit_lost()) == (3, True)
    restored.close()


def test_a_forged_approval_does_not_count(keyed: SqlHistory, draft_of: Drafts, press_of: Presses, sql: Sql) -> None:
    """Two are required, one row is forged: after a real press it is still pending, and the forged row is named."""
    draft = draft_of()
    keyed.propose(draft)
    sql(
        "INSERT INTO decisions (proposal_id, team_id, user_id, choice, accepted, reason, decided_at) "
        "VALUES ('p1', 'T01', 'U07', 'approve', true, '', '2026-11-21 09:00:00.000000')"
    )
    keyed.take(press_of(draft), required=2)
    proposal = keyed.proposal("p1")
    assert proposal.state is ProposalState.PENDING
    assert [(one.person.user_id, one.vouched) for one in proposal.decisions] == [("U07", False), ("U02", True)]
    assert "by U07" in keyed.audit_check().strays[0]


@pytest.mark.parametrize(
    ("statement", "doubt"),
    [
        pytest.param("UPDATE proposals SET requested_user_id = 'U05'", "requested by", id="requester"),
        pytest.param("UPDATE proposals SET policy = '{}'", "policy", id="policy"),
        pytest.param("UPDATE proposals SET alternatives = '[' || plan || ']'", "alternatives", id="alternatives"),
        pytest.param("DELETE FROM decisions", "is not among those stored", id="decision-gone"),
    ],
)
def test_a_changed_plan_is_doubted(
    keyed: SqlHistory, draft_of: Drafts, press_of: Presses, sql: Sql, statement: str, doubt: str
) -> None:
    """What the chain contradicts is said of the plan; nothing is said of one that is as it was made."""
    draft = _decided(keyed, draft_of, press_of, required=2)
    before = keyed.proposal(draft.plan.id).doubt
    if "policy" in statement:
        statement = statement.replace("'{}'", "replace(policy, '\"required\":1', '\"required\":0')")
    sql(statement)
    assert before == ""
    assert doubt in keyed.proposal(draft.plan.id).doubt


def test_a_chain_with_a_key_is_not_gone_on_with_without_it(
    keyed: SqlHistory, draft_of: Drafts, press_of: Presses
) -> None:
    """A process without the key decides nothing, and vouches for nothing."""
    draft = _decided(keyed, draft_of, press_of, required=2)
    without = replace(keyed, seals=Seals())
    with pytest.raises(HistoryUnavailable, match="AUDIT_KEY is not set"):
        without.take(press_of(draft, "U03", Choice.APPROVE), required=2)
    assert "no entry" in without.proposal(draft.plan.id).doubt
    assert len(keyed.proposal(draft.plan.id).decisions) == 1


def test_two_that_add_at_once_leave_no_gap(keyed: SqlHistory, url: str, draft_of: Drafts, press_of: Presses) -> None:
    """The database puts them one after the other: every row is there and in its place."""
    draft = draft_of()
    keyed.propose(draft)
    other = replace(open_history(url, {}), seals=KEYED, heads=keyed.heads)
    together = threading.Barrier(4)

    def press(history: SqlHistory, user_id: str) -> None:
        together.wait()
        for _ in range(5):
            history.refuse(press_of(draft, user_id), "not now")

    with ThreadPoolExecutor(4) as pool:
        pressed = [
            pool.submit(press, history, f"U{number}") for number, history in enumerate([keyed, other, keyed, other])
        ]
    for one in pressed:
        one.result()
    check = keyed.audit_check()
    assert (check.well, check.walked.rows, check.heads) == (True, 22, 21)
    other.close()


def test_the_bot_role_may_add_and_not_change(postgres_cluster: Any, postgres_url: str) -> None:
    """A role that was granted what the bot does reads and writes, and is refused a change of the audit table."""
    postgres_cluster.statement("migrated", "DROP ROLE IF EXISTS narrow")
    postgres_cluster.statement("migrated", "CREATE ROLE narrow LOGIN")
    migrate(postgres_url, grant_to="narrow")
    narrow = open_database(postgres_url.replace("postgres@", "narrow@"))
    add = "INSERT INTO audit (seq, kind, proposal_id, entry, seal) VALUES (1, 'chain', '', '{}', 'plain:00')"
    with narrow.writing() as connection:
        connection.exec_driver_sql(add)
        connection.exec_driver_sql("INSERT INTO deliveries (key, seen_at) VALUES ('k', now())")
        connection.exec_driver_sql("DELETE FROM deliveries")
    for statement in ("UPDATE audit SET kind = ''", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(HistoryUnavailable, match="permission denied"), narrow.writing() as connection:
            connection.exec_driver_sql(statement)
    narrow.close()
    postgres_cluster.statement("migrated", "DROP OWNED BY narrow")
    postgres_cluster.statement("migrated", "DROP ROLE narrow")


def test_sqlite_has_no_roles_to_grant_to(tmp_path: Path) -> None:
    """Asked for a grant there, it says so."""
    with pytest.raises(ConfigurationError, match="SQLite has no roles"):
        migrate(f"sqlite:///{tmp_path / 'h.db'}", grant_to="dnsbot")
