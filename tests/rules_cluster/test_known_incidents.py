from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.app import load_units
from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.domain.evidence import Gap
from bot.domain.findings import Kind, Verdict
from bot.domain.lookup_matrix import LookupMatrix

RULES = load_units().rules.values()
CASES = [json.loads(line) for line in (Path(__file__).parent.parent / "cases" / "cases.jsonl").read_text().splitlines()]


def lines_of(case: dict[str, Any], kind: str) -> list[str]:
    """Return the lines of a case that a rule may see: role input, not abridged."""
    return [
        line
        for entry in case["evidence"]
        if entry["kind"] == kind and entry["role"] == "input" and not entry.get("abridged")
        for line in entry["text"].splitlines()
    ]


def with_lines(kind: str) -> list[str]:
    """Return the ids of the cases that hold such lines."""
    return [case["id"] for case in CASES if lines_of(case, kind)]


def naming(case_id: str, log: type) -> set[str]:
    """Return the rules about this kind of log that claim the incident."""
    return {rule.name for rule in RULES if log in rule.needs and case_id in rule.incidents}


def test_incidents_that_rules_claim_are_known() -> None:
    """An id that stands in no case, or whose lines are in no log, would be tested by nobody."""
    claimed = {case_id for rule in RULES for case_id in rule.incidents}

    assert claimed
    assert claimed <= {*with_lines("coredns_log"), *with_lines("kube_proxy_log")}


@pytest.mark.parametrize("case_id", with_lines("coredns_log"))
def test_real_coredns_incidents_name_their_cause_and_no_other(judge: Any, make: Any, case_id: str) -> None:
    """The lines of a known incident, four times in the window of a crashing pod; all else was not looked at."""
    case = next(case for case in CASES if case["id"] == case_id)
    lines = lines_of(case, "coredns_log")
    text = "".join(f"2026-11-21T08:5{minute}:00Z {line}\n" for minute in range(5, 9) for line in lines)
    down = [
        make.coredns_pod(
            name,
            ip,
            ready=False,
            ready_since=None,
            container_running_since=None,
            container_waiting_reason="CrashLoopBackOff",
        )
        for name, ip in (("coredns-a", "10.0.1.7"), ("coredns-b", "10.0.2.7"))
    ]
    told = make.healthy().keys() - {LookupMatrix}

    problems = {
        rule.name
        for rule in RULES
        if CorednsLogs in rule.needs
        and rule.kind is Kind.CAUSE
        and judge(
            rule,
            make.coredns_pods(*down),
            make.coredns_logs({"coredns-a": text, "coredns-b": text}),
            make.subnets("10.28.0.0/16"),  # of eni-pps-coredns-4662; the others' upstreams are elsewhere
            gaps={kind: Gap(what=kind.__name__, reason="the incident does not tell") for kind in rule.needs
                  if kind not in told},
        ).verdict is Verdict.PROBLEM
    }  # fmt: skip

    assert problems == naming(case_id, CorednsLogs)


@pytest.mark.parametrize("case_id", with_lines("kube_proxy_log"))
def test_real_kube_proxy_incidents_name_their_cause_and_no_other(judge: Any, make: Any, case_id: str) -> None:
    """Refusals are named; stale entries, a stuck iptables and a full table are not called API faults."""
    case = next(case for case in CASES if case["id"] == case_id)
    text = "".join(f"2026-11-21T08:55:00Z {line}\n" for line in lines_of(case, "kube_proxy_log"))
    told = make.healthy().keys()

    problems = {
        rule.name
        for rule in RULES
        if KubeProxyLogs in rule.needs
        and judge(
            rule,
            make.kube_proxy_logs({"node-a": text}),
            gaps={kind: Gap(what=kind.__name__, reason="the incident does not tell") for kind in rule.needs
                  if kind not in told},
        ).verdict is Verdict.PROBLEM
    }  # fmt: skip

    assert problems == naming(case_id, KubeProxyLogs)
