from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.domain.alike import evidence_document
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.history import Draft, Press
from bot.domain.sought import Sought
from bot.errors import Refused
from bot.history import SqlHistory, open_history

Sql = Callable[[str], list[tuple[Any, ...]]]


def test_a_diagnosis_comes_back_equal(history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]) -> None:
    """What was recorded is what is loaded: evidence, gaps, findings, times to the microsecond, odd characters."""
    diagnosis = diagnosis_of()
    history.record(diagnosis)
    assert history.diagnosis("d1") == diagnosis


def test_an_unknown_diagnosis_is_none(history: SqlHistory) -> None:
    """An id that was never recorded gives None, not an error."""
    assert history.diagnosis("nowhere") is None


def test_equal_evidence_is_stored_once(history: SqlHistory, sql: Sql, diagnosis_of: Callable[..., Diagnosis]) -> None:
    """Two diagnoses that saw the same share one stored content."""
    history.record(diagnosis_of("d1"))
    history.record(diagnosis_of("d2"))
    assert sql("SELECT count(*) FROM evidence") == [(4,)]
    assert sql("SELECT count(*) FROM evidence_contents") == [(1,)]


def test_recording_twice_changes_nothing(history: SqlHistory, sql: Sql, diagnosis_of: Callable[..., Diagnosis]) -> None:
    """A diagnosis is recorded under its id once, however often it is handed in."""
    history.record(diagnosis_of())
    history.record(diagnosis_of())
    assert sql("SELECT count(*) FROM diagnoses") == [(1,)]
    assert sql("SELECT count(*) FROM findings") == [(1,)]


def test_evidence_of_a_collector_that_is_gone_reads_as_a_gap(
    history: SqlHistory, url: str, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """Evidence that can no longer be read is a gap with a reason, never an empty value."""
    history.record(diagnosis_of())
    later = open_history(url, {})
    loaded = later.diagnosis("d1")
    later.close()
    assert loaded is not None
    assert loaded.evidence[0].value is None
    assert loaded.evidence[0].gap == Gap(
        what="kube_dns", reason="it was stored by a dnsbot that had another set of collectors"
    )


def test_evidence_whose_class_changed_reads_as_a_gap(
    history: SqlHistory, url: str, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """Stored evidence that no longer fits its class is a gap, not a crash and not a part of the value."""
    history.record(diagnosis_of())
    later = open_history(url, {"kube_dns": Gap})
    loaded = later.diagnosis("d1")
    later.close()
    assert loaded is not None
    assert loaded.evidence[0].value is None
    assert "another version of dnsbot" in (loaded.evidence[0].gap or Gap(what="", reason="")).reason


def test_newest_diagnoses_come_first_and_by_cluster(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """The list is newest first, bounded, and restricted to the cluster that was named."""
    base = diagnosis_of()
    other = replace(base.target, name="cluster-test")
    history.record(diagnosis_of("old", started_at=datetime(2026, 11, 20, tzinfo=UTC)))
    history.record(diagnosis_of("new", started_at=datetime(2026, 11, 21, tzinfo=UTC)))
    history.record(diagnosis_of("elsewhere", target=other))
    assert [entry.diagnosis_id for entry in history.recent("cluster-prod")] == ["new", "old"]
    assert [entry.diagnosis_id for entry in history.recent(limit=1)] == ["elsewhere"]
    entry, *_ = history.recent("cluster-prod")
    assert entry.root_causes == ("dns_blocked_by_security_group",)
    assert entry.titles == {one.rule: one.title for one in base.root_causes}


def test_a_diagnosis_nobody_asked_for_has_no_person(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """A diagnosis from the command line comes back without a person."""
    history.record(diagnosis_of(asked_by=None))
    loaded = history.diagnosis("d1")
    assert loaded is not None
    assert loaded.asked_by is None


def test_the_evidence_class_is_the_collectors(history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]) -> None:
    """Evidence is loaded as the class that rules ask for."""
    history.record(diagnosis_of())
    loaded = history.diagnosis("d1")
    assert loaded is not None
    assert isinstance(loaded.evidence[0].value, KubeDns)


def test_what_a_collector_found_is_remembered_the_newest_first_and_the_same_once(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """Of one cluster, by the newest diagnosis that found it."""
    first = diagnosis_of("d1")
    later = replace(diagnosis_of("d2"), started_at=first.started_at + timedelta(hours=1))
    for one in (first, later):
        history.record(one)

    (found,) = history.remembered(first.target.name, "kube_dns")

    assert (found.at, found.value) == (later.started_at, evidence_document(first.evidence[0].value))
    assert history.remembered("another", "kube_dns") == history.remembered(first.target.name, "another") == ()


def test_history_is_restricted_to_what_is_sought(
    history: SqlHistory,
    diagnosis_of: Callable[..., Diagnosis],
    draft_of: Callable[..., Draft],
    press_of: Callable[..., Press],
) -> None:
    """By a rule that found something or has a plan, whoever asked or pressed, and the time; page by page."""
    ninth = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    for number, name in enumerate(("d0", "d1", "d2", "d3")):
        started_at = ninth + timedelta(hours=min(number, 2))  # d2 and d3 at once
        history.record(diagnosis_of(name, started_at=started_at, asked_by=None, **({"findings": ()} if number else {})))
    draft = draft_of(finding="ndots_amplification")
    history.propose(draft)
    history.refuse(press_of(draft, "U03"), "no approver")

    def found(**sought: Any) -> list[str]:
        return [entry.diagnosis_id for entry in history.recent(sought=Sought(**sought))]

    assert found() == ["d2", "d3", "d1", "d0"]
    assert found(rule="dns_blocked_by_security_group") == ["d0"]
    assert found(rule="ndots_amplification") == ["d1"]
    assert (found(user_id="U01"), found(user_id="U03"), found(user_id="U02")) == (["d1"], ["d1"], [])
    assert (found(user_id="U03", team_id="T01"), found(user_id="U03", team_id="T02")) == (["d1"], [])
    assert found(since=ninth + timedelta(hours=1), until=ninth + timedelta(hours=2)) == ["d1"]
    assert (found(older="d2"), found(older="d3"), found(older="d0")) == (["d3", "d1", "d0"], ["d1", "d0"], [])
    with pytest.raises(Refused, match="no diagnosis d9"):
        found(older="d9")
