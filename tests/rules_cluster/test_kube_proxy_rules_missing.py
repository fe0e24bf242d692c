"""kube-proxy that runs and whose rules are not there: its lines, what nodes hold, and what fails on the same node."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.node_packet_filter import NodePacketFilters, PacketFilterOfNode
from bot.domain.api_calls import ApiCall
from bot.domain.findings import Judgement, Verdict
from bot.domain.lookups import Answer, Client, ClientKind
from bot.linux.service_rules import ServiceRule
from bot.rules.kube_proxy_not_running import RULE as NOT_RUNNING
from bot.rules.kube_proxy_rules_missing import RULE

LINES = {
    "iptables": 'E1121 08:59:00.000000 1 proxier.go:1550] "Failed to execute iptables-restore" err="exit status 2"',
    "any mode": 'I1121 08:59:00.000000 1 proxier.go:760] "Sync failed" retryingTime="30s"',
    "nftables": 'E1121 08:59:00.000000 1 proxier.go:1800] "nftables sync failed" err="exit status 1"',
}
DEAD = [("172.20.0.10", "inside", Answer.TIMED_OUT), ("10.0.1.7", "inside", Answer.ANSWERED)]
ALL_DEAD = [("172.20.0.10", "inside", Answer.TIMED_OUT), ("10.0.1.7", "inside", Answer.TIMED_OUT)]
NO_API = (
    "{at} [ERROR] plugin/kubernetes: Failed to watch *v1.Service: failed to list *v1.Service: "
    'Get "https://172.20.0.1:443/api/v1/services": dial tcp 172.20.0.1:443: i/o timeout'
)


def said(make: Any, line: str, ago: int, times: int = 2) -> str:
    """Return a log with the line so many times, the last `ago` seconds before now, a try every 30 s."""
    moments = [make.now - timedelta(seconds=ago + 30 * number) for number in reversed(range(times))]
    return "\n".join(f"{moment:%Y-%m-%dT%H:%M:%SZ} {line}" for moment in moments)


def logs(make: Any, line: str = LINES["any mode"], ago: int = 20) -> Any:
    """Return kube-proxy's logs, the one of node-a with this line."""
    return make.kube_proxy_logs({"node-a": said(make, line, ago)})


def no_api(make: Any, pod: str = "coredns-a") -> Any:
    """Return CoreDNS's logs, the one of this pod full of calls that nobody answered."""
    return make.coredns_logs({pod: NO_API.format(at=f"{make.now - timedelta(seconds=30):%Y-%m-%dT%H:%M:%SZ}")})


@pytest.mark.parametrize("mode", LINES)
def test_rules_that_are_not_written_where_only_the_service_fails(judge: Any, make: Any, mode: str) -> None:
    """CoreDNS's own address answers from the node, the service's does not, and kube-proxy says why."""
    judgement: Judgement = judge(RULE, logs(make, LINES[mode]), make.lookups(*DEAD))

    assert judgement.verdict is Verdict.PROBLEM
    assert "kube-proxy runs on 1 node (node-a) and cannot write its rules there" in judgement.summary
    assert judgement.details["nodes"] == ["node-a"]
    assert [(sorted(reach.nodes), reach.service_only) for reach in judgement.reach] == [(["node-a"], True)]
    assert LINES[mode].partition("] ")[2] in judgement.proof[0]


def test_a_coredns_without_the_api_on_that_node_is_a_trace_and_follows(judge: Any, make: Any) -> None:
    """Its call by the ClusterIP is cut off by the missing rules: one root cause, not two."""
    judgement: Judgement = judge(RULE, logs(make), no_api(make))

    caller = Client(node="node-a", kind=ClientKind.POD, pod="kube-system/coredns-a")
    call = ApiCall(caller=caller, server="172.20.0.1", through_service=True, silent=True)
    assert judgement.verdict is Verdict.PROBLEM
    assert [reach.covers(call) for reach in judgement.call_reach] == [True]


def test_a_coredns_without_the_api_on_another_node_is_no_trace(judge: Any, make: Any) -> None:
    """node-b's kube-proxy writes: what fails there has another cause, and node-a stays open."""
    assert judge(RULE, logs(make), no_api(make, "coredns-b")).verdict is Verdict.UNKNOWN


def test_a_complaint_that_nothing_bears_out_is_open_and_not_healthy(judge: Any, make: Any) -> None:
    """Lookups by the service answer: what could not be written may be another service's. kube-proxy does run."""
    judgement: Judgement = judge(RULE, logs(make))

    assert judgement.verdict is Verdict.UNKNOWN
    assert "kube-proxy-a on node-a cannot write some of its rules" in judgement.missing[0].reason
    assert judge(NOT_RUNNING, logs(make)).verdict is Verdict.HEALTHY


def test_where_no_server_answers_the_rules_are_not_to_blame(judge: Any, make: Any) -> None:
    """CoreDNS's own addresses do not answer either: not the rules."""
    assert judge(RULE, logs(make), make.lookups(*ALL_DEAD)).verdict is Verdict.UNKNOWN


def test_silence_after_a_failure_is_success(judge: Any, make: Any) -> None:
    """Each try that fails is logged: three tries later without a line the rules are written; it is shown, dated."""
    judgement: Judgement = judge(RULE, logs(make, ago=200))

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.proof[0].startswith("no longer the case: 2026-11-21T08:56:40Z kube-proxy-a on node-a")


def test_quiet_logs_are_healthy(judge: Any) -> None:
    """Nothing is said, and it is said how much was read."""
    judgement: Judgement = judge(RULE)

    assert judgement.verdict is Verdict.HEALTHY
    assert "logs of 2 of 2 kube-proxy pods read" in judgement.summary


def test_without_any_log_it_is_open(judge: Any, make: Any) -> None:
    """No container has run."""
    assert judge(RULE, make.kube_proxy_logs(pods=(), pods_total=0)).verdict is Verdict.UNKNOWN


def test_kube_proxy_that_ended_leaves_its_rules_open(judge: Any, make: Any) -> None:
    """It writes nothing once it has ended, whatever lookups show now."""
    line = 'E1121 08:58:00.000000       1 server.go:511] "Error running ProxyServer" err="x"'

    judgement = judge(RULE, logs(make, line, 120))

    assert judgement.verdict is Verdict.UNKNOWN
    assert "Error running ProxyServer" in judgement.summary


CLUSTER_IP, CHAIN = "172.20.0.10", "KUBE-SVC-TCOU7JCQXEZGVUNU"
UNSEEN: list[Any] = []
OVER_TCP = ServiceRule(address=CLUSTER_IP, protocol="tcp", port=53, backends=("10.0.1.7:53",))
TO_COREDNS = replace(OVER_TCP, protocol="udp", backends=("10.0.1.7:53", "10.0.9.9:53"))
TO_NOBODY = replace(TO_COREDNS, backends=())
TO_OLD_PODS = replace(TO_COREDNS, backends=("10.0.9.9:53",))


def filters(
    *rules: ServiceRule, mode: str = "iptables", node: str = "node-a", read: bool = True, total: int = 9
) -> NodePacketFilters:
    """Return what one node leads."""
    held = PacketFilterOfNode(
        node=node,
        variants=(),
        raw=(),
        filter=(),
        mode=mode,
        services_total=total,
        dns_services=rules,
        services_read=read,
    )
    return NodePacketFilters(nodes=(held,), nodes_total=2)


P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
HELD = [
    ("it leads to CoreDNS", filters(TO_COREDNS), {}, DEAD, H, "seen on 1 node"),
    ("no rule over UDP", filters(OVER_TCP), {}, DEAD, P, f"leads {CLUSTER_IP}:53 over UDP to {CHAIN}"),
    ("no map entry", filters(mode="nftables"), {}, DEAD, P, "no entry of the map service-ips"),
    ("no virtual server", filters(mode="ipvs"), {}, DEAD, P, "no virtual server of IPVS"),
    ("no real server", filters(TO_NOBODY, mode="ipvs"), {}, DEAD, P, "is led to no address"),
    ("nothing of kube-proxy", filters(mode="", total=0), {}, DEAD, P, "nothing of kube-proxy"),
    ("nobody looked a name up", filters(), {}, UNSEEN, P, CHAIN),
    ("the service answers", filters(), {}, [(CLUSTER_IP, "inside", Answer.SERVFAIL)], H, "answers there all the same"),
    ("not all of it was read", filters(read=False), {}, DEAD, H, ""),
    ("to pods that are gone", filters(TO_OLD_PODS), {}, DEAD, H, ""),
    ("a node without kube-proxy", filters(node="node-c"), {}, DEAD, H, ""),
    ("no endpoint is ready", filters(), {"endpoints": ()}, DEAD, H, ""),
    ("the service has no UDP", filters(), {"ports": ("53/tcp",)}, DEAD, H, ""),
]


@pytest.mark.parametrize(
    ("held", "dns", "looked", "verdict", "said"), [row[1:] for row in HELD], ids=[row[0] for row in HELD]
)
def test_rules_that_a_node_lacks_are_seen_on_the_node(
    judge: Any, make: Any, held: Any, dns: Any, looked: Any, verdict: Verdict, said: str
) -> None:
    """Whatever kube-proxy says of itself: no rule for the service's UDP port, in any of its modes, and no answer."""
    judgement: Judgement = judge(RULE, held, make.lookups(*looked), make.kube_dns(**dns))

    assert judgement.verdict is verdict
    assert said in "\n".join((judgement.summary, *judgement.proof))
    if verdict is P:
        assert [(sorted(reach.nodes), reach.service_only) for reach in judgement.reach] == [(["node-a"], True)]
        assert "no kube-proxy says that it cannot write" in judgement.summary.lower()
        assert "service-proxy-name" in judgement.advice[0]


def test_a_node_without_any_rule_cuts_callers_of_the_api_off_as_well(judge: Any, make: Any) -> None:
    """No ClusterIP leads anywhere there; where only the DNS service's is missing, the API's is not."""
    caller = Client(node="node-a", kind=ClientKind.POD, pod="kube-system/coredns-a")
    call = ApiCall(caller=caller, server="172.20.0.1", through_service=True, silent=True)

    nothing = judge(RULE, filters(mode="", total=0), make.lookups(*DEAD))
    only_dns = judge(RULE, filters(), make.lookups(*DEAD))

    assert [reach.covers(call) for reach in nothing.call_reach] == [True]
    assert only_dns.call_reach == ()


def test_rules_that_lead_to_old_pods_bear_out_a_complaint(judge: Any, make: Any) -> None:
    """kube-proxy cannot write, and the node shows that what it could not write was the DNS service's."""
    judgement: Judgement = judge(RULE, logs(make), filters(TO_OLD_PODS), make.lookups(*ALL_DEAD))

    assert (judgement.verdict, judgement.details["pods"]) == (P, ["kube-proxy-a"])
    assert "10.0.9.9:53, which are gone" in judgement.proof[1]


def test_kube_proxy_that_has_just_started_may_still_write(judge: Any, make: Any) -> None:
    """Three tries long it is too early to tell, and not healthy."""
    pods = make.kube_proxy_pods()
    first = replace(pods.pods[0].container, running_since=make.now - timedelta(seconds=50))
    young = replace(pods, pods=(replace(pods.pods[0], container=first), pods.pods[1]))

    judgement: Judgement = judge(RULE, young, filters(), make.lookups(*DEAD))

    assert (judgement.verdict, "too early to tell" in judgement.missing[0].reason) == (U, True)
