from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.lookups import Lookups
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Rule, Verdict
from bot.errors import EvidenceUnavailable

NAMES = (
    "kube_dns_service_missing",
    "kube_dns_no_endpoints",
    "coredns_pods_pending",
    "coredns_crash_corefile",
    "coredns_forwarding_loop",
    "coredns_oom_killed",
    "coredns_image_pull",
    "coredns_api_forbidden",
    "coredns_api_unauthorized",
    "coredns_api_unreachable",
    "coredns_upstream_unreachable",
    "kube_proxy_forbidden",
    "kube_proxy_unauthorized",
    "kube_proxy_api_timeout",
    "kube_proxy_not_running",
)
RULES: dict[str, Rule] = {name: import_module(f"bot.rules.{name}").RULE for name in NAMES}
CASES = [json.loads(line) for line in (Path(__file__).parent.parent / "cases" / "cases.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_cluster_is_healthy(judge: Any, name: str) -> None:
    """Nothing is wrong: HEALTHY, with nothing missing."""
    judgement: Judgement = judge(RULES[name])

    assert judgement.verdict is Verdict.HEALTHY, judgement.summary
    assert judgement.missing == ()


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in NAMES for kind in RULES[name].needs])
def test_evidence_that_could_not_be_gathered_never_reads_as_healthy(judge: Any, name: str, kind: type) -> None:
    """Each rule without each of its evidence: not HEALTHY, and the grant is carried or the need raised."""
    gap = Gap(what=kind.__name__, reason="403 Forbidden", grant="pods/log: get")
    try:
        judgement: Judgement = judge(RULES[name], gaps={kind: gap})
    except EvidenceUnavailable as error:
        assert error.grant == "pods/log: get"  # `need` raises; diagnosis makes it UNKNOWN
        return
    assert judgement.verdict is Verdict.UNKNOWN
    assert "pods/log: get" in {one.grant for one in judgement.missing}


@pytest.mark.parametrize("name", [name for name in NAMES if CorednsLogs in RULES[name].needs])
def test_an_unread_coredns_log_is_unknown(judge: Any, make: Any, name: str) -> None:
    """A log of one of two pods could not be read: the rule cannot say HEALTHY."""
    gap = Gap(what="log of kube-system/coredns-b", reason="403", grant="pods/log: get")

    judgement: Judgement = judge(RULES[name], make.coredns_logs(gaps=(gap,)))

    assert (judgement.verdict, judgement.missing) == (Verdict.UNKNOWN, (gap,))


@pytest.mark.parametrize("name", [name for name in NAMES if KubeProxyLogs in RULES[name].needs])
def test_an_unread_kube_proxy_log_is_unknown(judge: Any, make: Any, name: str) -> None:
    """The same for kube-proxy."""
    gap = Gap(what="log of kube-system/kube-proxy-b", reason="403", grant="pods/log: get")

    judgement: Judgement = judge(RULES[name], make.kube_proxy_logs(gaps=(gap,)))

    assert (judgement.verdict, judgement.missing) == (Verdict.UNKNOWN, (gap,))


COREDNS_CAUSE = {
    "not-ready-timeout-jhunt-57": {"coredns_api_unreachable"},
    "coredns-apiserver-timeout-2775": {"coredns_api_unreachable"},
    "coredns-131-tmp-kops-7492": {"coredns_api_unreachable"},
    "corefile-upstream-maesh-685": {"coredns_crash_corefile"},
    "corefile-dot-directive-215": {"coredns_crash_corefile"},
    "loop-2795": {"coredns_forwarding_loop"},
    "loop-reboot-2391": {"coredns_forwarding_loop"},
    "coredns-rbac-helm-135": {"coredns_api_forbidden"},
    "eksd-rbac-545": {"coredns_api_forbidden"},
    "coredns-unauthorized-4527": {"coredns_api_unauthorized"},
    "upstream-unreachable-5179": {"coredns_upstream_unreachable"},
    "upstream-resolvconf-2287": {"coredns_upstream_unreachable"},
    "eni-pps-coredns-4662": set(),
    "hinfo-timeout-4211": set(),
    "bind-53-denied-6716": set(),
    "kubernetes-no-next-6855": set(),
    "overflow-4343": set(),
    "ready-waiting-5326": set(),
    "health-slow-moj-7765": set(),
    "coredns-endpointslice-unknown-4489": set(),
    "al2023-poc-1212": set(),
}


@pytest.mark.parametrize("case_id", COREDNS_CAUSE)
def test_real_coredns_incidents_name_their_cause_and_no_other(judge: Any, make: Any, case_id: str) -> None:
    """The lines of a known incident, four times in the window of a crashing pod, without any look-up."""
    case = next(case for case in CASES if case["id"] == case_id)
    lines = [
        line
        for entry in case["evidence"]
        if entry["kind"] == "coredns_log" and entry["role"] == "input" and not entry.get("abridged")
        for line in entry["text"].splitlines()
    ]
    text = "".join(f"2026-11-21T08:5{minute}:00Z {line}\n" for minute in range(5, 9) for line in lines)
    down = [
        make.coredns_pod(
            name,
            ip,
            ready=False,
            synced_since=None,
            container_running_since=None,
            container_waiting_reason="CrashLoopBackOff",
        )
        for name, ip in (("coredns-a", "10.0.1.7"), ("coredns-b", "10.0.2.7"))
    ]
    unseen = {Lookups: Gap(what="look-ups", reason="no workload_selector")}

    verdicts = {
        name: judge(
            rule,
            make.coredns_pods(*down),
            make.coredns_logs({"coredns-a": text, "coredns-b": text}),
            gaps={kind: gap for kind, gap in unseen.items() if kind in rule.needs},
        ).verdict
        for name, rule in RULES.items()
        if CorednsLogs in rule.needs
    }

    assert {name for name, verdict in verdicts.items() if verdict is Verdict.PROBLEM} == COREDNS_CAUSE[case_id]


PROXY_CAUSE = {
    "kubeproxy-forbidden-45359": {"kube_proxy_forbidden"},
    "kubeproxy-forbidden-58882": {"kube_proxy_forbidden"},
    "kubeproxy-endpoints-empty-log": set(),
    "kubeproxy-defunct-35641": set(),
    "stale-udp-129617": set(),
    "kube-proxy-endpointslice-userspace-100880": set(),
    "conntrack-full-k8s-71261": set(),
}


@pytest.mark.parametrize("case_id", PROXY_CAUSE)
def test_real_kube_proxy_incidents_name_their_cause_and_no_other(judge: Any, make: Any, case_id: str) -> None:
    """Refusals are named; stale entries, a stuck iptables and a full table are not called API faults."""
    case = next(case for case in CASES if case["id"] == case_id)
    lines = [
        line
        for entry in case["evidence"]
        if entry["kind"] == "kube_proxy_log" and entry["role"] == "input" and not entry.get("abridged")
        for line in entry["text"].splitlines()
    ]
    text = "".join(f"2026-11-21T08:55:00Z {line}\n" for line in lines)

    problems = {
        name
        for name, rule in RULES.items()
        if KubeProxyLogs in rule.needs
        and judge(rule, make.kube_proxy_logs({"node-a": text})).verdict is Verdict.PROBLEM
    }

    assert problems == PROXY_CAUSE[case_id]
