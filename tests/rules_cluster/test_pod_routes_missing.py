"""Pods whose node lacks their routes: what the VPC CNI lays, what others legitimately lack, and what lookups say."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.node_network import NetworkOfNode, NodeNetworks
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.api_calls import ApiCall
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Verdict
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer
from bot.kubernetes.named_pods import of_details
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.pods import Pod
from bot.linux.routes import Route
from bot.linux.routing_rules import RoutingRule
from bot.network.model import Interface
from bot.rules.pod_routes_missing import RULE
from tests.rules_cluster.conftest import NOW, coredns_pod
from tests.rules_cluster.test_pod_security_groups_strict import branch_pod, cni, looked

P, H, U = Verdict.PROBLEM, Verdict.HEALTHY, Verdict.UNKNOWN
SERVICE, COREDNS = "172.20.0.10", "10.0.1.5"
PLAIN = branch_pod("web-a", namespace="shop", branch_interface=False)
BRANCH = branch_pod("pay-a", ip="10.0.9.50")
TO_POD = RoutingRule(priority=512, destination=PLAIN.ip, table="main")
FROM_POD = RoutingRule(priority=1536, source=PLAIN.ip, table="2")
ROUTE = Route(table="main", destination=PLAIN.ip, interface="eni1")
ALWAYS = (RoutingRule(priority=0, table="local"), RoutingRule(priority=32766, table="main"))
SUBNET = Route(table="main", destination="10.0.9.0/24", interface="eth0")
SILENT = looked((PLAIN, SERVICE, Answer.TIMED_OUT), (PLAIN, COREDNS, Answer.TIMED_OUT))
ANSWERED = looked((PLAIN, SERVICE, Answer.TIMED_OUT), (PLAIN, COREDNS, Answer.SERVFAIL))
NOBODY = looked()
REFUSED = Gap(what="NodeNetworks", reason="403 Forbidden", grant="pods/exec: create")


def network(*laid: RoutingRule | Route, node: str = "a", gaps: tuple[Gap, ...] = ()) -> NodeNetworks:
    """Return a node with these rules and routes beside those that every node has."""
    rules = [one for one in laid if isinstance(one, RoutingRule)]
    routes = [one for one in laid if isinstance(one, Route)]
    held = NetworkOfNode(node=node, interfaces=(), rules=(*ALWAYS, *rules), routes=(SUBNET, *routes))
    return NodeNetworks(nodes=(held,), nodes_total=2, gaps=gaps)


def workers(*, secondary: bool) -> WorkerNodes:
    """Return node a with two interfaces, the pod's address on the second one or on the first."""
    instance = "i-0aaaaaaaaaaaaaaaa"
    on = {"eni-1": "10.0.9.2", "eni-2": "10.0.9.3"}
    holder = "eni-2" if secondary else "eni-1"
    return WorkerNodes(
        vpc_id="vpc-1",
        nodes=(
            Node(
                name="a",
                provider_id=f"aws:///eu-west-1a/{instance}",
                internal_ip="10.0.9.2",
                ready=True,
                compute=Compute.MANAGED,
            ),
        ),
        interfaces=tuple(
            Interface(
                id=name,
                instance_id=instance,
                subnet_id="subnet-a",
                security_group_ids=frozenset(),
                addresses=frozenset(map(ip_address, (address, *([PLAIN.ip] if name == holder else [])))),
            )
            for name, address in on.items()
        ),
    )


def judge(*evidence: object, pods: tuple[Pod, ...] = (PLAIN,), networks: NodeNetworks | Gap) -> Judgement:
    """Judge these pods on this node; nothing answers them, and what is not given is a gap."""
    held: list[object] = [cni(), WorkloadPods(selector="app", pods=pods), SILENT, *evidence]
    by_class: dict[type, object] = {type(one): one for one in held} | {NodeNetworks: networks}
    missing = {kind: Gap(what=kind.__name__, reason="not gathered") for kind in RULE.inputs if kind not in by_class}
    target = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1")
    return RULE.judge(Case(target=target, collected_at=NOW, thresholds=RULE.thresholds(), evidence=by_class | missing))


ON_NODE = [
    ("all is there", (TO_POD, ROUTE), (), H, "rules of 1 pod seen on 1 node"),
    ("no rule to it", (ROUTE,), (), P, f"no rule `512: from all to {PLAIN.ip} lookup main`"),
    ("a rule to its block", (replace(TO_POD, destination="10.0.9.96/28"), ROUTE), (), H, ""),
    ("a rule into another table", (replace(TO_POD, table="7"), ROUTE), (), P, "512"),
    ("no route", (TO_POD,), (), P, "no route to it in the table main"),
    ("on a secondary interface", (TO_POD, FROM_POD, ROUTE), (workers(secondary=True),), H, ""),
    ("no rule from it", (TO_POD, ROUTE), (workers(secondary=True),), P, "secondary interface eni-2"),
    ("from its block", (TO_POD, replace(FROM_POD, source="10.0.9.0/24"), ROUTE), (workers(secondary=True),), H, ""),
    ("older CNI", (TO_POD, replace(FROM_POD, destination="10.0.0.0/16"), ROUTE), (workers(secondary=True),), H, ""),
    ("on the primary interface", (TO_POD, ROUTE), (workers(secondary=False),), H, ""),
    ("something came back", (), (ANSWERED,), H, "answered all the same"),
    ("nobody looked", (), (NOBODY,), U, "name one with --pod"),
    ("no aws-node on the node", (), (cni(pods="b"), NOBODY), U, "no node with pods was looked at"),
    ("another CNI", (), (VpcCni(aws_node=None),), H, "Nothing to check"),
]


@pytest.mark.parametrize(
    ("laid", "beside", "verdict", "said"), [row[1:] for row in ON_NODE], ids=[row[0] for row in ON_NODE]
)
def test_what_a_node_lacks_of_a_pod_counts_where_nothing_answers_it(
    laid: tuple[Any, ...], beside: tuple[object, ...], verdict: Verdict, said: str
) -> None:
    """Rules by what they do, not by their numbers; any answer refutes it, and without a lookup it is open."""
    judgement = judge(*beside, networks=network(*laid))

    assert judgement.verdict is verdict, judgement.summary
    assert said in "\n".join((judgement.summary, *judgement.proof))


LACKING_NONE = [
    ("on the host's network", replace(PLAIN, host_network=True), ()),
    ("it has ended", replace(PLAIN, phase="Succeeded"), ()),
    ("it ends", replace(PLAIN, terminating=True), ()),
    ("it has no address yet", replace(PLAIN, ip=""), ()),
    ("branch, strict", BRANCH, (RoutingRule(priority=10, incoming_interface="vlan1", table="101"),
                                RoutingRule(priority=20, table="local"),
                                Route(table="101", destination=BRANCH.ip, interface="vlan1"))),
    ("branch, standard", BRANCH, (replace(TO_POD, destination=BRANCH.ip),
                                  replace(FROM_POD, source=BRANCH.ip, table="101"))),
    ("branch, a table of its own", BRANCH, (Route(table="101", destination=BRANCH.ip, interface="vlan1"),)),
]  # fmt: skip


@pytest.mark.parametrize(("pod", "laid"), [row[1:] for row in LACKING_NONE], ids=[row[0] for row in LACKING_NONE])
def test_what_some_pods_lack_by_design_is_no_fault(pod: Pod, laid: tuple[Any, ...]) -> None:
    """The host's network, a pod that is gone, and branch interfaces in either mode; their lookups fail otherwise."""
    matrix = looked((pod, SERVICE, Answer.TIMED_OUT))

    assert judge(matrix, pods=(pod,), networks=network(*laid)).verdict is not P


def test_a_branch_pod_of_which_its_node_knows_nothing_lacks_its_routes() -> None:
    """Neither mode lays nothing."""
    judgement = judge(looked((BRANCH, SERVICE, Answer.TIMED_OUT)), pods=(BRANCH,), networks=network())

    assert judgement.verdict is P
    assert "No rule and no table of its node names its address" in judgement.summary


def test_the_pods_are_named_and_everything_of_them_is_covered() -> None:
    """Lookups and calls of the pod by whatever server; no other pod's."""
    other = replace(PLAIN, name="other-a", ip="10.0.9.77")
    matrix = looked(
        (PLAIN, SERVICE, Answer.TIMED_OUT), (PLAIN, COREDNS, Answer.TIMED_OUT), (other, SERVICE, Answer.TIMED_OUT)
    )

    judgement = judge(matrix, networks=network())

    assert [one.name for one in of_details(judgement.details, RULE.name)] == ["web-a"]
    covered = [any(reach.covers(one) for reach in judgement.reach) for one in matrix.lookups]
    assert covered == [True, True, False]
    call = ApiCall(caller=PLAIN.client, server="10.0.3.4", through_service=False, silent=True)
    assert [reach.covers(call) for reach in judgement.call_reach] == [True]


@pytest.mark.parametrize(("ready", "verdict"), [(True, U), (False, P)], ids=["ready", "not ready"])
def test_a_coredns_pod_that_nobody_asked_counts_where_it_is_not_ready(*, ready: bool, verdict: Verdict) -> None:
    """The kubelet's own probe does not reach it; what asks it directly is covered."""
    one = coredns_pod("coredns-a", COREDNS, node="a", ready=ready)
    dns = CorednsPods(deployment_exists=True, desired_replicas=1, pods=(one,), deployment_annotations=())

    judgement = judge(dns, NOBODY, pods=(), networks=network())

    assert judgement.verdict is verdict
    if verdict is P:
        direct = looked((PLAIN, COREDNS, Answer.TIMED_OUT)).lookups[0]
        assert any(reach.covers(direct) for reach in judgement.reach)
        assert judgement.pods == ("coredns-a",)


UNSEEN = [
    ("an answer first", looked((PLAIN, SERVICE, Answer.ANSWERED), (PLAIN, COREDNS, Answer.TIMED_OUT)), REFUSED, H, ""),
    ("an answer", ANSWERED, REFUSED, H, "1 pod that names were looked up from got answers"),
    ("silence", SILENT, REFUSED, U, "403 Forbidden"),
    ("silence on another node", SILENT, network(node="b"), U, "nothing answers pods on a"),
    ("nobody looked", NOBODY, REFUSED, U, "no lookup was made from a pod"),
]


@pytest.mark.parametrize(
    ("lookups", "networks", "verdict", "said"),
    [row[1:] for row in UNSEEN],
    ids=[row[0] for row in UNSEEN],
)
def test_where_nodes_are_not_looked_at_an_answer_shows_that_a_pod_has_its_routes(
    lookups: LookupMatrix, networks: NodeNetworks | Gap, verdict: Verdict, said: str
) -> None:
    """Everything would fail without them; of a pod that nothing answers it stays open, with what would help."""
    judgement = judge(lookups, networks=networks)

    assert (judgement.verdict, said in judgement.summary) == (verdict, True), judgement.summary
    if networks is REFUSED and lookups is SILENT:
        assert judgement.missing == (REFUSED,)
