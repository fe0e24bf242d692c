from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Judgement, Rule, Verdict
from bot.domain.lookups import EVERYTHING, Reach
from bot.kubernetes.events import Event
from bot.rules.coredns_crash_corefile import RULE as CRASH
from bot.rules.coredns_image_pull import RULE as IMAGE_PULL
from bot.rules.coredns_oom_killed import RULE as OOM
from bot.rules.coredns_pods_pending import RULE as PENDING


def test_advice_about_the_corefile_names_what_the_pods_mount(judge: Any, make: Any) -> None:
    """The chart's ConfigMap and Deployment, in their namespace."""
    pods = make.coredns_pods(namespace="dns", deployments=("dns-coredns",))
    broken = make.corefile(".:53 {\n    errors\n", namespace="dns", config_map="dns-coredns-7f", changed_at=make.now)

    judgement = judge(CRASH, pods, broken, make.coredns_logs({"coredns-a": "", "coredns-b": ""}))

    assert judgement.verdict is Verdict.PROBLEM
    assert "kubectl -n dns edit configmap dns-coredns-7f " in judgement.advice[0]
    assert judgement.advice[1] == "kubectl -n dns rollout restart deployment dns-coredns"


def pending(make: Any, message: str = "", **changes: Any) -> Any:
    """Return a pod that no node took."""
    event = Event(reason="FailedScheduling", message=message, count=9, last_seen=make.now)
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
        ("0/3 nodes are available: 3 Insufficient cpu.", (), "no node has enough free CPU"),
        ("0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient memory.", (), "free CPU or memory"),
        (
            "0/3 nodes are available: 3 Insufficient vpc.amazonaws.com/pod-eni.",
            (),
            "a branch interface left",
        ),
        ("0/3 nodes are available: 3 Insufficient example.com/gpu.", (), "no node has enough free example.com/gpu"),
        ("0/3 nodes are available: 3 Too many pods.", (), "as many pods as their addresses allow"),
        ("something new", (), "something new"),
    ],
    ids=[
        "taint",
        "fargate annotation",
        "no nodes",
        "CPU",
        "resources",
        "branch interfaces",
        "another resource",
        "too many pods",
        "unknown words",
    ],
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
    event = Event(
        reason="FailedCreatePodSandBox",
        message='plugin type="aws-cni": add cmd: failed to assign an IP address to container',
        count=4,
        last_seen=make.now,
    )
    stuck = pending(make, node="node-a", container_waiting_reason="ContainerCreating", events=(event,))
    pulling = pending(make, node="node-a", container_waiting_reason="ImagePullBackOff", events=(event,))

    assert "the VPC CNI could not give it an address" in judge(PENDING, make.coredns_pods(stuck)).summary
    assert judge(PENDING, make.coredns_pods(pulling)).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("service_cidr", "free", "words", "says"),
    [
        ("172.20.0.0/16", 0, "", "no free IP address for it (subnet-a: 0 free)"),
        ("172.20.0.0/16", 15, "", "no free IP address for it (subnet-a: 15 free)"),
        ("172.20.0.0/16", 4_000, "", "although the subnet has some (subnet-a: 4000 free)"),
        ("172.20.0.0/16", None, "", "free addresses were not read"),
        ("fd12:3456::/108", 4_000, "", "in an IPv6 cluster its role needs rights of its own"),
        ("172.20.0.0/16", 4_000, ": ENIConfig.crd.k8s.amazonaws.com not found", "finds no usable ENIConfig"),
    ],
    ids=["none free", "fewer than a prefix", "some free", "unread", "IPv6", "ENIConfig"],
)
def test_what_the_cni_says_alike_for_every_reason_is_told_apart(
    judge: Any, make: Any, service_cidr: str, free: int | None, words: str, says: str
) -> None:
    """Free addresses of the node's subnet, the cluster's IP family and the CNI's own words tell."""
    message = f'plugin type="aws-cni": add cmd: failed to assign an IP address to container{words}'
    event = Event(reason="FailedCreatePodSandBox", message=message, count=4, last_seen=make.now)
    stuck = pending(make, node="node-a", container_waiting_reason="ContainerCreating", events=(event,))

    judgement: Judgement = judge(
        PENDING, make.coredns_pods(stuck), make.eks_cluster(service_cidr=service_cidr), make.subnets(free=free)
    )

    assert says in judgement.summary
    assert judgement.advice[0]


def test_a_vpc_that_was_not_read_leaves_the_reason_open(judge: Any, make: Any) -> None:
    """The pod is pending all the same; the words say what may be."""
    message = 'plugin type="aws-cni": add cmd: failed to assign an IP address to container'
    event = Event(reason="FailedCreatePodSandBox", message=message, count=4, last_seen=make.now)
    stuck = pending(make, node="node-a", container_waiting_reason="ContainerCreating", events=(event,))
    unread = {kind: Gap(what=kind.__name__, reason="403") for kind in (EksCluster, Subnets, WorkerNodes)}

    judgement: Judgement = judge(PENDING, make.coredns_pods(stuck), gaps=unread)

    assert judgement.verdict is Verdict.PROBLEM
    assert "its role may lack rights, or an ENIConfig may be wrong" in judgement.summary


def test_a_young_pending_pod_has_its_grace(judge: Any, make: Any) -> None:
    """20 s after its creation it is too early to tell; with no grace it counts; unread events make it UNKNOWN."""
    pods = make.coredns_pods(pending(make, created_at=make.now - timedelta(seconds=20)))

    assert judge(PENDING, pods).verdict is Verdict.UNKNOWN
    assert "too early to tell" in judge(PENDING, pods).summary
    assert judge(PENDING, pods, grace=timedelta(0)).verdict is Verdict.PROBLEM
    gap = Gap(what="events", reason="403", grant="events: list")
    assert judge(PENDING, make.coredns_pods(gaps=(gap,))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ('Failed to pull image "x": dial tcp 10.0.3.4:443: i/o timeout', "endpoints for ecr.api"),
        ('Failed to pull image "x": lookup api.ecr.eu-west-1.amazonaws.com: no such host', "its own DNS fails"),
        (
            (
                'Failed to pull image "x": dial tcp: lookup 1.dkr.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: read udp '
                "10.0.1.5:38001->10.0.0.2:53: i/o timeout"
            ),
            "the node's own DNS does not answer for the registry's name",
        ),
        ('Failed to pull image "x": registry/eks/coredns:v9: not found', "no such image or tag"),
        ('Failed to pull image "x": pull access denied, 403 Forbidden', "may not pull"),
        ("", "Back-off pulling image"),
    ],
    ids=["no VPC endpoint", "node's DNS", "node's DNS, time-out", "no such tag", "refused", "only the kubelet's words"],
)
def test_an_image_that_cannot_be_pulled_says_why(judge: Any, make: Any, message: str, says: str) -> None:
    """The event's words decide; without one the kubelet's own are quoted. It is not called pending."""
    events = (Event(reason="Failed", message=message, count=4, last_seen=make.now),) if message else ()
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


@pytest.mark.parametrize(
    ("ready", "verdict"), [(False, Verdict.PROBLEM), (True, Verdict.UNKNOWN)], ids=["nobody serves", "another serves"]
)
def test_what_the_scheduler_has_said_counts_at_once_where_nobody_serves(
    judge: Any, make: Any, *, ready: bool, verdict: Verdict
) -> None:
    """3 s after a taint and a restart: nothing is gained by waiting; beside a ready pod it is too early to tell."""
    young = pending(make, created_at=make.now - timedelta(seconds=3), unschedulable_message="0/2 nodes are available")
    other = make.coredns_pod("coredns-b", "10.0.2.7", ready=ready)

    assert judge(PENDING, make.coredns_pods(young, other)).verdict is verdict


def test_the_taint_is_named(judge: Any, make: Any) -> None:
    """Which one, and on how many nodes: the nodes were read for it."""
    message = "0/3 nodes are available: 3 node(s) had untolerated taint(s)."
    pods = make.coredns_pods(pending(make, message), nodes=3, taints=(("dedicated=gpu:NoSchedule", 3),))

    judgement: Judgement = judge(PENDING, pods)

    assert "(dedicated=gpu:NoSchedule on 3 of 3 nodes)" in judgement.summary
    assert "3 of 3 nodes bear the taint dedicated=gpu:NoSchedule" in judgement.proof


@pytest.mark.parametrize("rule", [PENDING, IMAGE_PULL, OOM], ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.UNKNOWN),
        ({"deployment_exists": False, "wanted_by": "kube-dns (172.20.0.10)"}, Verdict.UNKNOWN),
        ({"deployment_exists": False}, Verdict.HEALTHY),
    ],
    ids=["a Deployment wants some", "a Service wants some", "none is wanted"],
)
def test_none_of_none_is_health_only_where_none_is_wanted(
    judge: Any, make: Any, rule: Rule, changes: dict[str, Any], verdict: Verdict
) -> None:
    """That 0 of 0 pods wait for their image says nothing of pods that should be there."""
    judgement: Judgement = judge(rule, replace(make.coredns_pods(**changes), pods=()))

    assert judgement.verdict is verdict
    assert "0 of 0" not in judgement.summary


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", ""])
@pytest.mark.parametrize("rule", [PENDING, IMAGE_PULL], ids=lambda rule: rule.name)
def test_a_pod_that_was_never_started_and_says_nothing_is_open(judge: Any, make: Any, rule: Any, reason: str) -> None:
    """It has waited on its node for a day, and its events are gone: whatever keeps it, this is no health."""
    waits = make.coredns_pod(
        "coredns-a",
        "",
        ready=False,
        phase="Pending",
        container_running_since=None,
        container_waiting_reason=reason,
    )

    judgement = judge(rule, make.coredns_pods(waits, make.coredns_pod("coredns-b", "10.0.2.7")))

    assert judgement.verdict is Verdict.UNKNOWN
    assert "coredns-a" in judgement.summary
    assert "node-a" in judgement.summary
