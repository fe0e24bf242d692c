from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.dns.api_failure import ApiFailureKind
from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.kube_proxy_log import KubeProxyLineKind, kube_proxy_line
from bot.dns.timestamped import timed_lines

CASES = [json.loads(line) for line in (Path(__file__).parent.parent / "cases" / "cases.jsonl").read_text().splitlines()]


def lines_of(case: dict[str, Any], kind: str) -> list[str]:
    """Return the lines of a case that a parser may see: role input, not abridged."""
    return [
        line.text
        for entry in case["evidence"]
        if entry["kind"] == kind and entry["role"] == "input" and not entry.get("abridged")
        for line in timed_lines(entry["text"])
    ]


EXPECTED = {
    "coredns.apiserver_unreachable": {
        CorednsLineKind.API_FAILURE,
        CorednsLineKind.WAITING_FOR_API,
        CorednsLineKind.OTHER,
    },
    "coredns.rbac_endpointslices": {CorednsLineKind.API_FAILURE},
    "coredns.unauthorized": {CorednsLineKind.API_FAILURE},
    "coredns.corefile_removed_option": {CorednsLineKind.COREFILE_ERROR},
    "coredns.corefile_syntax": {CorednsLineKind.COREFILE_ERROR},
    "coredns.loop": {CorednsLineKind.LOOP},
    "coredns.upstream_unreachable": {CorednsLineKind.UPSTREAM_FAILURE},
    "coredns.upstream_no_route": {CorednsLineKind.UPSTREAM_FAILURE},
    "coredns.wrong_upstream": {CorednsLineKind.UPSTREAM_FAILURE},
    "coredns.benign_hinfo_timeout": {CorednsLineKind.UPSTREAM_FAILURE},
    "vpc.resolver_throttle_1024": {CorednsLineKind.UPSTREAM_FAILURE},
    "coredns.not_ready_kubernetes": {CorednsLineKind.WAITING_FOR_API},
    "coredns.bind_permission": {CorednsLineKind.LISTEN_FAILED},
    "coredns.corefile_fallthrough": {CorednsLineKind.UPSTREAM_FAILURE},
    "coredns.large_response_truncation": {CorednsLineKind.UPSTREAM_FAILURE},
    "coredns.pod_starved": {CorednsLineKind.OTHER},
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["id"])
        for case in CASES
        if case["category"] in EXPECTED and lines_of(case, "coredns_log")
    ],
)
def test_coredns_lines_of_real_incidents(case: dict[str, Any]) -> None:
    """Each raw line of a known incident falls into the classes of its category, and into no look-alike's."""
    kinds = {coredns_line(line).kind for line in lines_of(case, "coredns_log")}

    assert kinds <= EXPECTED[case["category"]]


@pytest.mark.parametrize(
    ("case_id", "kind"),
    [
        ("not-ready-timeout-jhunt-57", ApiFailureKind.TIMEOUT),
        ("coredns-apiserver-timeout-2775", ApiFailureKind.TIMEOUT),
        ("coredns-131-tmp-kops-7492", ApiFailureKind.REFUSED),
        ("coredns-rbac-helm-135", ApiFailureKind.FORBIDDEN),
        ("eksd-rbac-545", ApiFailureKind.FORBIDDEN),
        ("coredns-endpointslice-unknown-4489", ApiFailureKind.OTHER),
        ("coredns-unauthorized-4527", ApiFailureKind.UNAUTHORIZED),
    ],
)
def test_api_failures_of_real_incidents(case_id: str, kind: ApiFailureKind) -> None:
    """403, 401, time-out and refusal are told apart in the lines that people posted."""
    case = next(case for case in CASES if case["id"] == case_id)

    found = {line.api.kind for text in lines_of(case, "coredns_log") if (line := coredns_line(text)).api}

    assert found == {kind}


@pytest.mark.parametrize(
    ("case_id", "kinds"),
    [
        ("kubeproxy-forbidden-45359", {KubeProxyLineKind.API_FAILURE}),
        ("kubeproxy-forbidden-58882", {KubeProxyLineKind.API_FAILURE, KubeProxyLineKind.OTHER}),
        ("kubeproxy-endpoints-empty-log", {KubeProxyLineKind.API_WORKS}),
        ("kubeproxy-defunct-35641", {KubeProxyLineKind.COMPLAINT}),
        ("kubeproxy-conntrack-preply", {KubeProxyLineKind.OTHER}),
        ("stale-udp-129617", {KubeProxyLineKind.OTHER}),
        ("kube-proxy-endpointslice-userspace-100880", {KubeProxyLineKind.OTHER}),
        ("conntrack-full-k8s-71261", {KubeProxyLineKind.OTHER}),
    ],
)
def test_kube_proxy_lines_of_real_incidents(case_id: str, kinds: set[KubeProxyLineKind]) -> None:
    """Refusals are failures; stale entries, a stuck iptables and a full table are other faults."""
    case = next(case for case in CASES if case["id"] == case_id)

    assert {kube_proxy_line(line).kind for line in lines_of(case, "kube_proxy_log")} == kinds
