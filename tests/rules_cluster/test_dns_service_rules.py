from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.coredns_pods import CorednsPods, PodEvent
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_dns import DnsEndpoint
from bot.collectors.kube_proxy_pods import UncoveredNode
from bot.domain.evidence import Gap
from bot.domain.findings import EVERYTHING, Judgement, Reach, Verdict
from bot.rules.coredns_image_pull import RULE as IMAGE_PULL
from bot.rules.coredns_oom_killed import RULE as OOM
from bot.rules.coredns_pods_pending import RULE as PENDING
from bot.rules.kube_dns_no_endpoints import RULE as NO_ENDPOINTS
from bot.rules.kube_dns_service_missing import RULE as SERVICE_MISSING
from bot.rules.kube_proxy_not_running import RULE as NOT_RUNNING

NO_SERVICE = {"service_exists": False, "cluster_ip": "", "cluster_ips": (), "endpoints": ()}


def test_a_missing_service_is_a_problem_outside_auto_mode(judge: Any, make: Any) -> None:
    """No Service: nothing answers anybody. In Auto Mode it is by design."""
    gone = make.kube_dns(**NO_SERVICE)

    problem: Judgement = judge(SERVICE_MISSING, gone)
    automode: Judgement = judge(SERVICE_MISSING, gone, make.eks_cluster(auto_mode=True))

    assert (problem.verdict, problem.reach) == (Verdict.PROBLEM, (EVERYTHING,))
    assert "--cluster-name cluster-prod" in problem.advice[0]
    assert automode.verdict is Verdict.HEALTHY
    assert "by design" in automode.summary


def test_a_renamed_or_undecidable_service_is_unknown(judge: Any, make: Any) -> None:
    """Another DNS service, or an unread cluster: no claim either way."""
    renamed = make.kube_dns(**NO_SERVICE, other_dns_services=("dns (172.20.0.53)",))

    assert judge(SERVICE_MISSING, renamed).verdict is Verdict.UNKNOWN
    assert judge(NO_ENDPOINTS, renamed).verdict is Verdict.UNKNOWN
    unread = {EksCluster: Gap(what="cluster", reason="403", grant="eks:DescribeCluster")}
    assert judge(SERVICE_MISSING, make.kube_dns(**NO_SERVICE), gaps=unread).verdict is Verdict.UNKNOWN


def test_endpoints_that_are_not_ready_show_the_pods(judge: Any, make: Any) -> None:
    """Not-ready addresses: a PROBLEM that the pods' own causes explain; their states are the proof."""
    endpoints = (DnsEndpoint(ip="10.0.1.7", ready=False, node="node-a", pod="coredns-a"),)
    pods = make.coredns_pods(
        make.coredns_pod("coredns-a", "10.0.1.7", ready=False, container_waiting_reason="CrashLoopBackOff")
    )

    judgement: Judgement = judge(NO_ENDPOINTS, make.kube_dns(endpoints=endpoints), pods)

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, (EVERYTHING,))
    assert judgement.proof == ("10.0.1.7 (coredns-a) on node-a: not ready", "pod coredns-a: CrashLoopBackOff")


@pytest.mark.parametrize(
    ("selector", "replicas", "pods", "says"),
    [
        ("k8s-app=kube-dns", 0, False, "scaled to 0 replicas"),
        ("k8s-app=coredns", 2, True, "matches none of 2 ready CoreDNS pods"),
        ("k8s-app=kube-dns", 2, True, "none stands in its EndpointSlices"),
        ("k8s-app=kube-dns", 2, False, "there is no CoreDNS pod"),
    ],
    ids=["scaled to 0", "selector matches nothing", "slices lag", "no pods"],
)
def test_no_endpoint_at_all_says_why(
    judge: Any, make: Any, selector: str, replicas: int, says: str, *, pods: bool
) -> None:
    """Replicas 0 and a selector that matches nothing are causes of their own, with what to do."""
    found = make.coredns_pods(desired_replicas=replicas, **({} if pods else {"pods": ()}))

    judgement: Judgement = judge(NO_ENDPOINTS, make.kube_dns(endpoints=(), selector=selector), found)

    assert judgement.verdict is Verdict.PROBLEM
    assert says in judgement.summary
    assert judgement.advice
    assert judgement.details["desired_replicas"] == replicas


def test_no_endpoints_stands_without_the_pods_and_needs_the_slices(judge: Any, make: Any) -> None:
    """Unread pods leave the PROBLEM; unread slices leave nothing."""
    gap = Gap(what="pods", reason="403", grant="pods: list")

    stands = judge(NO_ENDPOINTS, make.kube_dns(endpoints=()), gaps={CorednsPods: gap})
    unread = judge(NO_ENDPOINTS, make.kube_dns(endpoints=(), endpoints_gap=gap))

    assert (stands.verdict, stands.missing) == (Verdict.PROBLEM, (gap,))
    assert unread.verdict is Verdict.UNKNOWN


def pending(make: Any, message: str = "", **changes: Any) -> Any:
    """Return a pod that no node took."""
    event = PodEvent(reason="FailedScheduling", message=message, count=9, last_seen=make.now)
    return make.coredns_pod(
        "coredns-a",
        "",
        **{
            "node": "",
            "phase": "Pending",
            "ready": False,
            "container_running_since": None,
            "events": (event,),
            **changes,
        },
    )


@pytest.mark.parametrize(
    ("message", "annotations", "says"),
    [
        ("0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: gpu}.", (), "a taint that CoreDNS"),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint {eks.amazonaws.com/compute-type: fargate}.",
            (("eks.amazonaws.com/compute-type", "ec2"),),
            "compute-type: ec2",
        ),
        ("no nodes available to schedule pods", (), "the cluster has no node"),
        ("0/3 nodes are available: 3 Insufficient cpu.", (), "free CPU or memory"),
        ("0/3 nodes are available: 3 Too many pods.", (), "as many pods as their addresses allow"),
        ("something new", (), "something new"),
    ],
    ids=["taint", "fargate annotation", "no nodes", "resources", "too many pods", "unknown words"],
)
def test_pending_pods_say_why(judge: Any, make: Any, message: str, annotations: Any, says: str) -> None:
    """The scheduler's words decide; words that nobody knows are quoted."""
    pods = make.coredns_pods(pending(make, message), deployment_annotations=annotations)

    judgement: Judgement = judge(PENDING, pods)

    assert (judgement.verdict, judgement.reach) == (Verdict.PROBLEM, (EVERYTHING,))
    assert says in judgement.summary
    assert judge(IMAGE_PULL, pods).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("annotation", "fargate_nodes", "says"),
    [
        ("ec2", 2, "asks for EC2 nodes (compute-type: ec2) while nodes are Fargate"),
        ("ec2", 1, "every node carries a taint that CoreDNS does not tolerate"),
        ("fargate", 2, "every node carries a taint that CoreDNS does not tolerate"),
    ],
)
def test_where_the_scheduler_names_no_taint_the_nodes_tell_about_fargate(
    judge: Any, make: Any, annotation: str, fargate_nodes: int, says: str
) -> None:
    """Since 1.36 the message says "taint(s)": only where all nodes are Fargate's the annotation is to blame."""
    message = "0/2 nodes are available: 2 node(s) had untolerated taint(s). no new claims to deallocate"
    annotations = (("eks.amazonaws.com/compute-type", annotation),)
    pods = make.coredns_pods(
        pending(make, message), deployment_annotations=annotations, nodes=2, fargate_nodes=fargate_nodes
    )

    judgement: Judgement = judge(PENDING, pods)

    assert says in judgement.summary
    assert f"{fargate_nodes} of 2 nodes bear the taint eks.amazonaws.com/compute-type=fargate" in judgement.proof


def test_a_pod_without_an_address_to_take_is_pending(judge: Any, make: Any) -> None:
    """It has a node, and its sandbox cannot be made; a pod that pulls its image is another fault."""
    event = PodEvent(
        reason="FailedCreatePodSandBox",
        message='plugin type="aws-cni": add cmd: failed to assign an IP address to container',
        count=4,
        last_seen=make.now,
    )
    stuck = pending(make, node="node-a", container_waiting_reason="ContainerCreating", events=(event,))
    pulling = pending(make, node="node-a", container_waiting_reason="ImagePullBackOff", events=(event,))

    assert "no free IP address" in judge(PENDING, make.coredns_pods(stuck)).summary
    assert judge(PENDING, make.coredns_pods(pulling)).verdict is Verdict.HEALTHY


def test_a_young_pending_pod_has_its_grace(judge: Any, make: Any) -> None:
    """20 s after its creation it is noted; with no grace it counts; unread events make it UNKNOWN."""
    pods = make.coredns_pods(pending(make, created_at=make.now - timedelta(seconds=20)))

    assert judge(PENDING, pods).verdict is Verdict.HEALTHY
    assert judge(PENDING, pods, grace=timedelta(0)).verdict is Verdict.PROBLEM
    gap = Gap(what="events", reason="403", grant="events: list")
    assert judge(PENDING, make.coredns_pods(gaps=(gap,))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ('Failed to pull image "x": dial tcp 10.0.3.4:443: i/o timeout', "endpoints for ecr.api"),
        ('Failed to pull image "x": lookup api.ecr.eu-west-1.amazonaws.com: no such host', "its own DNS fails"),
        ('Failed to pull image "x": registry/eks/coredns:v9: not found', "no such image or tag"),
        ('Failed to pull image "x": pull access denied, 403 Forbidden', "may not pull"),
        ("", "Back-off pulling image"),
    ],
    ids=["no VPC endpoint", "node's DNS", "no such tag", "refused", "only the kubelet's words"],
)
def test_an_image_that_cannot_be_pulled_says_why(judge: Any, make: Any, message: str, says: str) -> None:
    """The event's words decide; without one the kubelet's own are quoted. It is not called pending."""
    events = (PodEvent(reason="Failed", message=message, count=4, last_seen=make.now),) if message else ()
    pod = pending(
        make,
        node="node-a",
        container_waiting_reason="ImagePullBackOff",
        container_waiting_message="Back-off pulling image",
        events=events,
    )
    pods = make.coredns_pods(pod, make.coredns_pod("coredns-b", "10.0.2.7"))

    judgement: Judgement = judge(IMAGE_PULL, pods)

    assert judgement.verdict is Verdict.PROBLEM
    assert says in judgement.summary
    assert judge(PENDING, pods).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("minutes_ago", "changes", "verdict"),
    [
        (10, {}, Verdict.PROBLEM),
        (300, {}, Verdict.HEALTHY),
        (300, {"container_running_since": None, "ready": False}, Verdict.PROBLEM),
        (10, {"container_last_terminated_reason": "Error"}, Verdict.HEALTHY),
    ],
    ids=["ten minutes ago, ready again", "five hours ago", "never came back", "ended with an error"],
)
def test_out_of_memory_counts_while_it_is_recent(
    judge: Any, make: Any, minutes_ago: int, changes: dict[str, Any], verdict: Verdict
) -> None:
    """OOMKilled within the hour, or not recovered from; an older kill is shown, dated; a crash is none."""
    killed = {
        "container_last_terminated_reason": "OOMKilled",
        "container_last_terminated_at": make.now - timedelta(minutes=minutes_ago),
        "container_restarts": 836,
    }
    pod = make.coredns_pod("coredns-a", "10.0.1.7", **{**killed, **changes})

    judgement: Judgement = judge(OOM, make.coredns_pods(pod, make.coredns_pod("coredns-b", "10.0.2.7")))

    assert judgement.verdict is verdict
    if verdict is Verdict.PROBLEM:
        assert judgement.reach == (Reach(servers=frozenset({"10.0.1.7"})),)
        assert "836 restarts, memory limit 170Mi" in judgement.proof[0]


def uncovered(node: str, **changes: Any) -> UncoveredNode:
    """Return a node without a ready kube-proxy."""
    return UncoveredNode(**{"node": node, "node_ready": True, "pod": "", "why": "no kube-proxy pod", **changes})


@pytest.mark.parametrize(
    ("pods", "verdict"),
    [
        ({"uncovered": (uncovered("node-b", pod="kube-proxy-b", why="ImagePullBackOff"),)}, Verdict.PROBLEM),
        ({"uncovered": (uncovered("node-b"),), "desired": 2, "scheduled": 1}, Verdict.PROBLEM),
        ({"uncovered": (uncovered("node-b"),), "desired": 1, "scheduled": 1}, Verdict.HEALTHY),
        ({"uncovered": (uncovered("node-b", node_ready=False, pod="kube-proxy-b"),)}, Verdict.HEALTHY),
        ({"daemon_set_exists": False, "pods": (), "uncovered": (uncovered("node-b"),)}, Verdict.UNKNOWN),
        ({"daemon_set_exists": False, "pods": (), "replaced_by": "Cilium"}, Verdict.HEALTHY),
        ({"daemon_set_exists": False, "pods": (), "nodes_total": 0, "exempt_nodes": 3}, Verdict.HEALTHY),
        ({"gaps": (Gap(what="x", reason="403"),)}, Verdict.UNKNOWN),
    ],
    ids=[
        "image pull",
        "no pod though wanted",
        "not selected by the DaemonSet",
        "node not ready",
        "no DaemonSet",
        "replaced",
        "fargate only",
        "part unread",
    ],
)
def test_nodes_without_kube_proxy(judge: Any, make: Any, pods: dict[str, Any], verdict: Verdict) -> None:
    """A covered node without a ready pod is a PROBLEM of that node's service path; the rest is told apart."""
    judgement: Judgement = judge(NOT_RUNNING, make.kube_proxy_pods(**pods))

    assert judgement.verdict is verdict
    if verdict is Verdict.PROBLEM:
        assert judgement.reach == (Reach(nodes=frozenset({"node-b"}), service_only=True),)
        assert judgement.details["nodes"] == ["node-b"]


def test_a_starting_kube_proxy_has_its_grace(judge: Any, make: Any) -> None:
    """A pod of 20 s is noted; with no grace it counts."""
    young = uncovered("node-b", pod="kube-proxy-b", why="Pending", created_at=make.now - timedelta(seconds=20))
    pods = make.kube_proxy_pods(uncovered=(young,))

    assert judge(NOT_RUNNING, pods).verdict is Verdict.HEALTHY
    assert judge(NOT_RUNNING, pods, grace=timedelta(0)).verdict is Verdict.PROBLEM
