from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.collectors.coredns_metrics import CorednsMetrics, PodMetrics
from bot.collectors.node_conntrack import Allowances, ConntrackOfNode, NodeConntracks
from bot.dns.coredns_metrics import CorednsCounters, Counted, Latency, UpstreamMetrics
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.domain.lookups import Reach
from bot.rules.coredns_upstream_unreachable import RULE as UNREACHABLE
from bot.rules.vpc_resolver_throttled import RULE
from tests.rules_cluster.conftest import COREFILE

RESOLVER = "10.0.0.2"
SECONDS = 2.0


def lines(server: str = RESOLVER, *, number: int = 5, at: str = "08:59") -> str:
    """Return the log of a pod whose queries to a server timed out."""
    return "".join(
        f"2026-11-21T{at}:{second:02d}.000000000Z [ERROR] plugin/errors: 2 a{second}.example.com. A: read udp "
        f"10.0.1.7:40{second:03d}->{server}:53: i/o timeout\n"
        for second in range(30, 30 + number)
    )


def counters(failed: int, answered: int) -> CorednsCounters:
    """Return what a pod has counted."""
    upstream = UpstreamMetrics(
        address=RESOLVER, answers=(Counted(label="NOERROR", number=answered),), seconds=1.0, health_check_failures=0
    )
    return CorednsCounters(
        version="1.11.4",
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        queries=failed + answered,
        types=(),
        responses=(Counted(label="SERVFAIL", number=failed),),
        latency=Latency(),
        cache_hits=None,
        cache_misses=None,
        upstreams=(upstream,),
        health_checks_broken=0,
        rejected=0,
        failed_reloads=0,
        panics=0,
    )


def metrics(failing: float = 0, answered: float = 0, *, node: str = "node-a") -> CorednsMetrics:
    """Return both pods' metrics: so many a second of each, the second pod on `node`."""
    first, later = counters(100, 1000), counters(100 + round(failing * SECONDS), 1000 + round(answered * SECONDS))
    made = {"coredns-a": "node-a", "coredns-b": node}
    pods = tuple(
        PodMetrics(pod=pod, node=where, counters=first, later=later, seconds=SECONDS) for pod, where in made.items()
    )
    return CorednsMetrics(pods=pods, pods_total=2)


def exceeded(number: int) -> NodeConntracks:
    """Return ENA's counter on node-a."""
    counted = Allowances(interface="eth0", counters=(("linklocal_allowance_exceeded", number),))
    node = ConntrackOfNode(node="node-a", entries=1, maximum=9, dns_connections=(), allowances=(counted,))
    return NodeConntracks(nodes=(node,), nodes_total=2)


NO_METRICS = Gap(what="coredns_metrics", reason="403 Forbidden", grant="pods/proxy: get")
NO_NODES = Gap(what="node_conntrack", reason="nodes are not looked at")
CASES = {
    "nothing timed out": ("", metrics(), None, Verdict.HEALTHY, "No queries to the VPC's resolver timed out"),
    "another server": (lines("10.0.9.9"), metrics(9, 9), None, Verdict.HEALTHY, "No queries to the VPC's resolver"),
    "two lost packets": (lines(number=2), metrics(1, 700), None, Verdict.HEALTHY, "No queries to the VPC's resolver"),
    "beyond the limit": (
        lines(),
        metrics(300, 500),
        None,
        Verdict.PROBLEM,
        "some 1600 packets a second leave one node",
    ),
    "a pod on each node": (lines(), metrics(10, 500, node="node-b"), None, Verdict.HEALTHY, "no load near 1,024"),
    "far below it": (lines(), metrics(2, 50), None, Verdict.HEALTHY, "some 104 packets a second"),
    "it answers nothing": (lines(), metrics(800, 0), None, Verdict.HEALTHY, "it answers none"),
    "a burst that is over": (lines(at="08:50"), metrics(0, 30), None, Verdict.HEALTHY, "a burst that is over"),
    "the counter rises": (lines(), metrics(2, 50), exceeded(4711), Verdict.PROBLEM, "of node-a is 4711"),
    "the counter rests": (lines(), metrics(2, 50), exceeded(0), Verdict.HEALTHY, "some 104 packets"),
    "no metrics": (lines(), NO_METRICS, None, Verdict.UNKNOWN, "its metrics were not read twice"),
    "no metrics, long past": (lines(at="08:50"), NO_METRICS, None, Verdict.HEALTHY, "a burst that is over"),
    "no metrics, the counter rises": (lines(), NO_METRICS, exceeded(9), Verdict.PROBLEM, "of node-a is 9"),
}


@pytest.mark.parametrize(("log", "counted", "nodes", "verdict", "said"), CASES.values(), ids=CASES)
def test_time_outs_are_weighed_against_load(
    judge: Any, make: Any, log: str, counted: Any, nodes: Any, verdict: Verdict, said: str
) -> None:
    """Among answers and with a load to match it is the limit; else something else, or open."""
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", node="node-a"), make.coredns_pod("coredns-b", "10.0.2.7")
    )
    evidence = [make.coredns_logs({"coredns-a": log}), pods]
    gaps: dict[type, Gap] = {} if isinstance(counted, CorednsMetrics) else {CorednsMetrics: counted}
    evidence += [counted] if isinstance(counted, CorednsMetrics) else []
    gaps |= {} if nodes else {NodeConntracks: NO_NODES}
    evidence += [nodes] if nodes else []

    found = judge(RULE, *evidence, gaps=gaps)

    assert found.verdict is verdict, found.summary
    assert said in found.summary


def test_its_reach_is_external_names_of_the_pods_concerned(judge: Any, make: Any) -> None:
    """With the estimate said as one, and a line of the log."""
    found = judge(RULE, make.coredns_logs({"coredns-a": lines()}), metrics(300, 500, node="node-b"), exceeded(1))

    assert found.reach == (Reach(servers=frozenset({"10.0.1.7"}), external_only=True),)
    assert "i/o timeout" in found.proof[0]
    assert "estimate from metrics" in found.proof[1]
    assert (found.details["pods"], found.details["packets_per_second"]) == (["coredns-a"], 800)


@pytest.mark.parametrize(("counted", "verdict"), [(NO_METRICS, Verdict.UNKNOWN), (metrics(), Verdict.HEALTHY)])
def test_a_log_that_tells_no_failure_is_made_good_by_metrics(
    judge: Any, make: Any, counted: Any, verdict: Verdict
) -> None:
    """Without the plugin `errors` CoreDNS is silent whatever happens."""
    silent = make.corefile(COREFILE.replace("    errors\n", ""))
    read = isinstance(counted, CorednsMetrics)

    found = judge(RULE, silent, *([counted] if read else []), gaps={} if read else {CorednsMetrics: counted})

    assert found.verdict is verdict, found.summary


@pytest.mark.parametrize(
    ("counted", "verdict"),
    [
        (metrics(300, 500), Verdict.HEALTHY),
        (metrics(0, 0), Verdict.HEALTHY),
        (metrics(300, 0), Verdict.UNKNOWN),
        (replace(metrics(), pods=()), Verdict.UNKNOWN),
    ],
    ids=["answers meanwhile", "none fails now", "no answer", "not read"],
)
def test_a_resolver_that_answers_meanwhile_is_not_unreachable(
    judge: Any, make: Any, counted: CorednsMetrics, verdict: Verdict
) -> None:
    """Metrics decide what lookups and logs leave open."""
    found = judge(UNREACHABLE, make.coredns_logs({"coredns-a": lines()}), counted)

    assert found.verdict is verdict, found.summary
