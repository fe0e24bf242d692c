from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.node_resolv_conf import NodeResolvConfs, ResolvConfOfNode
from bot.dns.resolv_conf import ResolvConf
from bot.domain.findings import Judgement, Verdict
from bot.rules.coredns_crash_corefile import RULE as CRASH
from bot.rules.coredns_forwarding_loop import RULE as LOOP
from tests.rules_cluster.log_lines import LOOPED, A, at


@pytest.mark.parametrize(
    ("time", "running_for", "verdict"),
    [
        ("08:58", None, Verdict.PROBLEM),
        ("08:50", timedelta(seconds=20), Verdict.PROBLEM),
        ("08:50", timedelta(minutes=5), Verdict.HEALTHY),
        ("08:00", None, Verdict.HEALTHY),
    ],
    ids=["now", "self-test not over", "passed since", "before the window"],
)
def test_a_loop_counts_until_a_start_passes_its_test(
    judge: Any, make: Any, time: str, running_for: Any, verdict: Verdict
) -> None:
    """The loop plugin tests for 30 s after each start; a container that outlives that has passed."""
    since = make.now - running_for if running_for else None
    pod = make.coredns_pod("coredns-a", A, ready=bool(running_for), container_running_since=since)
    logs = make.coredns_logs({"coredns-a": at(time, LOOPED)})

    judgement: Judgement = judge(LOOP, logs, make.coredns_pods(pod))

    assert judgement.verdict is verdict
    assert judge(CRASH, logs, make.coredns_pods(pod)).verdict is Verdict.HEALTHY
    if verdict is Verdict.PROBLEM:
        assert judgement.details["loops"] == ['127.0.0.1:34614 -> :53 for zone "."']
        assert "127.0.0.53" in judgement.advice[0]


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        (("127.0.0.53",), "names 127.0.0.53 (the node itself"),
        (("10.0.0.2",), "names 10.0.0.2"),
        ((), "names no server"),
    ],
    ids=["stub", "resolver", "none"],
)
def test_what_the_node_of_a_looping_pod_hands_out_is_shown(
    judge: Any, make: Any, servers: tuple[str, ...], said: str
) -> None:
    """Of this node alone, as it was seen there."""
    nodes = tuple(ResolvConfOfNode(node=node, file=ResolvConf(nameservers=servers)) for node in ("node-a", "node-b"))
    logs = make.coredns_logs({"coredns-a": at("08:58", LOOPED)})

    judgement: Judgement = judge(LOOP, logs, NodeResolvConfs(nodes=nodes, nodes_total=2))

    (line,) = judgement.proof[1:]
    assert line.startswith(f"node-a: the kubelet's resolv.conf {said}")
