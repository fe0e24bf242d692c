from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.approvals import ProposalState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft, Press
from bot.domain.kept_files import KeptFile
from bot.errors import HistoryUnavailable
from bot.history import SqlHistory
from bot.history.health import SqlHealth
from bot.workflow.retention import AT_ONCE, RETENTION, Retention

Sql = Callable[[str], list[tuple[Any, ...]]]
DAYS = timedelta(days=90)
LONG_AGO = "UPDATE diagnoses SET started_at = '2020-01-01 00:00:00.000000'"


@pytest.fixture
def retention(history: SqlHistory) -> Retention:
    """What deletes evidence after 90 days."""
    store = SqlHealth(database=history.database)
    return Retention(history=history, store=store, owner="this", evidence=DAYS, series=DAYS)


def _rows(sql: Sql, table: str) -> int:
    return int(sql(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  # a name of ours


def test_old_evidence_goes_and_all_else_stays(
    history: SqlHistory,
    retention: Retention,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
    sql: Sql,
) -> None:
    """Contents are gone, each piece says so; findings, plan, decision and the chain are as they were."""
    history.record(diagnosis_of())
    draft = draft_of()
    history.propose(draft)
    history.take(press_of(draft), required=1)
    sql("UPDATE proposals SET state = 'done'")
    sql(LONG_AGO)
    before = history.diagnosis("d1")

    retention()

    after, (entry,) = history.diagnosis("d1"), history.recent()
    assert before is not None
    assert after is not None
    assert (after.findings, after.binding, after.verdict) == (before.findings, before.binding, before.verdict)
    assert [(one.id, one.value, one.summary) for one in after.evidence] == [
        ("kube_dns", None, ""),
        ("network_acls", None, ""),
    ]
    assert all(one.gap is not None and "deleted on" in one.gap.reason for one in after.evidence)
    assert entry.evidence_deleted_at == after.evidence_deleted_at is not None
    assert (_rows(sql, "evidence_contents"), _rows(sql, "decisions"), _rows(sql, "findings")) == (0, 1, 1)
    check = history.audit_check()
    assert (check.well, sql("SELECT kind FROM audit ORDER BY seq DESC LIMIT 1")) == (True, [("retention",)])


def test_files_are_kept_with_their_diagnosis_and_go_with_its_evidence(
    history: SqlHistory, retention: Retention, diagnosis_of: Callable[..., Diagnosis], sql: Sql
) -> None:
    """Byte for byte, and not part of what is read back of it; another diagnosis keeps its own."""
    file = KeptFile(name="client-shop-ui.pcap", title="Packets at shop/ui", content=bytes(range(256)))
    for number in ("d1", "d2"):
        (first, *others) = diagnosis_of(number).evidence
        history.record(replace(diagnosis_of(number), evidence=(replace(first, files=(file,)), *others)))
    read = history.diagnosis("d1")
    assert read is not None
    assert (history.files("d1"), read.files, history.files("none")) == ((file,), (), ())
    sql(LONG_AGO + " WHERE id = 'd1'")
    sql("UPDATE diagnoses SET started_at = '2999-01-01 00:00:00.000000' WHERE id = 'd2'")

    retention()

    assert (history.files("d1"), history.files("d2")) == ((), (file,))


def test_what_a_young_diagnosis_read_too_stays(
    history: SqlHistory, retention: Retention, diagnosis_of: Callable[..., Diagnosis], sql: Sql
) -> None:
    """Contents that an old and a young diagnosis share are kept for the young one."""
    history.record(diagnosis_of())
    history.record(diagnosis_of("d2"))
    sql(LONG_AGO + " WHERE id = 'd1'")
    sql("UPDATE diagnoses SET started_at = '2999-01-01 00:00:00.000000' WHERE id = 'd2'")

    retention()

    young = history.diagnosis("d2")
    assert young is not None
    assert (young.evidence[0].value is not None, young.evidence_deleted_at) == (True, None)
    assert _rows(sql, "evidence_contents") == 1


def test_the_diagnosis_of_an_open_plan_keeps_its_evidence(
    history: SqlHistory,
    retention: Retention,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    sql: Sql,
) -> None:
    """As long as a plan may still be approved or run, what it was made from is there."""
    history.record(diagnosis_of())
    history.propose(draft_of())
    sql(LONG_AGO)

    retention()

    assert history.proposal("p1").state is ProposalState.PENDING
    assert _rows(sql, "evidence_contents") == 1


def test_it_is_done_once_a_day_however_many_processes_try(
    history: SqlHistory, retention: Retention, diagnosis_of: Callable[..., Diagnosis], sql: Sql
) -> None:
    """More than fits into one transaction goes in several; a second time on the same day nothing is looked for."""
    for number in range(AT_ONCE + 1):
        history.record(diagnosis_of(f"d{number}"))
    sql(LONG_AGO)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: retention(), range(4)))
    history.record(diagnosis_of("late"))
    sql(LONG_AGO)
    retention()

    said = retention.store.last_said(RETENTION)
    assert said is not None
    assert said[1] == {"diagnoses": AT_ONCE + 1}
    late = history.diagnosis("late")
    assert late is not None
    assert late.evidence_deleted_at is None


def test_a_process_that_stops_leaves_the_rest_to_another(
    history: SqlHistory, retention: Retention, diagnosis_of: Callable[..., Diagnosis], sql: Sql
) -> None:
    """The day's work is given back, and whoever comes next goes on at once."""
    for number in range(AT_ONCE + 1):
        history.record(diagnosis_of(f"d{number}"))
    sql(LONG_AGO)

    replace(retention, stopping=lambda: True)()
    left = sql("SELECT count(*) FROM diagnoses WHERE evidence_deleted_at IS NULL")
    replace(retention, owner="another")()

    assert left == [(1,)]
    assert sql("SELECT count(*) FROM diagnoses WHERE evidence_deleted_at IS NULL") == [(0,)]


def test_a_database_that_is_away_is_asked_again_later(retention: Retention) -> None:
    """The tick says so and ends well."""

    class Away:
        def now(self) -> object:
            raise HistoryUnavailable("connection refused")

    replace(retention, store=Away())()  # type: ignore[arg-type]  # only asked for the time
