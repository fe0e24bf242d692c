from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.collectors import coredns_pods, corefile, kube_dns
from bot.collectors.kube_dns import DnsEndpoint
from bot.errors import AccessDenied, NotFound, SourceGarbled

SERVICE: dict[str, Any] = {
    "metadata": {"name": "kube-dns"},
    "spec": {
        "clusterIP": "172.20.0.10",
        "clusterIPs": ["172.20.0.10"],
        "selector": {"k8s-app": "kube-dns"},
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 9153}],
    },
}
SLICES = [
    {"addressType": "IPv6", "endpoints": None},
    {
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["10.0.1.7"],
                "conditions": {"ready": None},
                "nodeName": "node-1",
                "targetRef": {"kind": "Pod", "name": "coredns-a"},
            },
            {"addresses": ["10.0.2.7"], "conditions": {"ready": False}, "nodeName": "node-2"},
        ],
    },
]


def test_the_service_and_its_endpoints_are_read(collect: Any, cluster: Any) -> None:
    """Null endpoints are none, an unset condition is ready, ports carry their protocol."""
    world = cluster(objects={"services": [SERVICE], "endpointslices": SLICES})

    found = collect(kube_dns.COLLECTOR, world)

    assert (found.service_exists, found.cluster_ip, found.selector) == (True, "172.20.0.10", "k8s-app=kube-dns")
    assert found.ports == ("53/udp", "53/tcp", "9153/tcp")
    assert found.ready == (DnsEndpoint(ip="10.0.1.7", ready=True, node="node-1", pod="coredns-a"),)
    assert len(found.endpoints) == 2
    assert world.asked in (
        ["services in kube-system", "endpointslices?kubernetes.io/service-name=kube-dns in kube-system"],
        ["services in kube-system", "endpointslices in kube-system"],
    )


def test_without_the_service_others_that_serve_dns_are_named(collect: Any, cluster: Any) -> None:
    """Of two renamed DNS services neither is it without its address; one for metrics of the same pods is none."""
    renamed = {"metadata": {"name": "dns"}, "spec": {**SERVICE["spec"], "clusterIP": "172.20.0.53"}}
    second = {"metadata": {"name": "names"}, "spec": {**SERVICE["spec"], "clusterIP": "172.20.0.54"}}
    metrics = {
        "metadata": {"name": "coredns-metrics"},
        "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"port": 9153}]},
    }

    found = collect(kube_dns.COLLECTOR, cluster(objects={"services": [metrics, renamed, second]}))

    assert not found.service_exists
    assert found.other_dns_services == ("dns (172.20.0.53)", "names (172.20.0.54)")


def test_refused_endpointslices_leave_the_service(collect: Any, cluster: Any) -> None:
    """The Service is still known; the gap carries the missing grant."""
    refused = AccessDenied("Cannot list endpointslices: 403.", grant="endpointslices: list")

    found = collect(kube_dns.COLLECTOR, cluster(objects={"services": [SERVICE], "endpointslices": refused}))

    assert found.cluster_ip == "172.20.0.10"
    assert found.endpoints_gap.grant == "endpointslices: list"


@pytest.mark.parametrize(
    "objects",
    [
        {"services": [{}]},
        {"services": ["text"]},
        {"services": [{"metadata": {"name": "kube-dns"}}]},
        {"services": AccessDenied("403")},
    ],
    ids=["no metadata", "no object", "no spec", "refused"],
)
def test_an_answer_without_required_members_is_no_service(collect: Any, cluster: Any, objects: Any) -> None:
    """A garbled or refused answer never reads as "there is no service"."""
    with pytest.raises((SourceGarbled, AccessDenied)):
        collect(kube_dns.COLLECTOR, cluster(objects=objects))


@pytest.mark.parametrize(
    "one", [{}, {"addressType": "IPv4", "endpoints": [{}]}], ids=["no address type", "no addresses"]
)
def test_garbled_endpointslices_are_a_gap(collect: Any, cluster: Any, one: Any) -> None:
    """A slice without its address type is not of the API, nor an endpoint without addresses: no "no endpoints"."""
    found = collect(kube_dns.COLLECTOR, cluster(objects={"services": [SERVICE], "endpointslices": [one]}))

    assert found.endpoints_gap is not None


DEPLOYMENT = {
    "metadata": {"name": "coredns"},
    "spec": {
        "replicas": 2,
        "template": {"metadata": {"annotations": {"eks.amazonaws.com/compute-type": "ec2"}}},
    },
}


def test_pods_with_their_states_and_events(collect: Any, cluster: Any, pod: Any) -> None:
    """A crashing pod shows its waiting reason, last end and events; a ready one is not asked for events."""
    crashing = pod(
        "coredns-b",
        ready=False,
        restarts=7,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        last_state={"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-21T08:58:00Z"}},
    )
    event = {
        "metadata": {"creationTimestamp": "2026-11-21T08:00:00Z"},
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "count": 30,
        "lastTimestamp": "2026-11-21T08:59:00Z",
    }
    world = cluster(
        objects={
            "pods?k8s-app=kube-dns": [crashing, pod("coredns-a")],
            "deployments/coredns": DEPLOYMENT,
            "events?involvedObject.kind=Pod,involvedObject.name=coredns-b": [event],
        }
    )

    found = collect(coredns_pods.COLLECTOR, world)

    ready, down = found.pods
    assert (found.deployment_exists, found.desired_replicas) == (True, 2)
    assert found.deployment_annotations == (("eks.amazonaws.com/compute-type", "ec2"),)
    assert ready.synced_since == datetime(2026, 11, 20, 9, 0, 10, tzinfo=UTC)
    assert (down.ready, down.synced_since, down.container.waiting_reason) == (False, None, "CrashLoopBackOff")
    assert (down.container.last_terminated_reason, down.container.restarts) == ("OOMKilled", 7)
    assert down.container.memory_limit == "170Mi"
    assert [(one.reason, one.count) for one in down.events] == [("BackOff", 30)]
    assert sum("events" in call for call in world.asked) == 1


def test_readiness_that_does_not_ask_ready_shows_no_sync(collect: Any, cluster: Any, pod: Any) -> None:
    """A probe on /health answers before the kubernetes plugin has synced."""
    raw = pod("coredns-a", probe={"httpGet": {"path": "/health", "port": 8080}})

    found = collect(coredns_pods.COLLECTOR, cluster(objects={"pods": [raw], "deployments/coredns": DEPLOYMENT}))

    assert found.pods[0].ready
    assert found.pods[0].synced_since is None


def test_refused_events_and_deployment_are_gaps(collect: Any, cluster: Any, pod: Any) -> None:
    """The pods stay; what could not be read is named with its grant."""
    world = cluster(
        objects={
            "pods": [pod("coredns-a", ready=False, phase="Pending", node="", state={})],
            "deployments/coredns": AccessDenied("Cannot get deployments: 403.", grant="deployments: get"),
            "events": AccessDenied("Cannot list events: 403.", grant="events: list"),
            "nodes": AccessDenied("Cannot list nodes: 403.", grant="nodes: list"),
        }
    )

    found = collect(coredns_pods.COLLECTOR, world)

    assert [gap.grant for gap in found.gaps] == ["deployments: get", "events: list", "nodes: list"]
    assert found.events_unread == "Cannot list events: 403."


@pytest.mark.parametrize(("node", "counted"), [("", (2, 1)), ("node-1", (0, 0))], ids=["without a node", "with one"])
def test_fargates_taint_is_looked_for_where_a_pod_has_no_node(
    collect: Any, cluster: Any, pod: Any, node: str, counted: tuple[int, int]
) -> None:
    """The scheduler no longer says which taint is in the way; where every pod has its node nobody asks."""
    fargate = {"key": "eks.amazonaws.com/compute-type", "value": "fargate", "effect": "NoSchedule"}
    world = cluster(
        objects={
            "pods": [pod("coredns-a", node=node)],
            "deployments/coredns": DEPLOYMENT,
            "nodes": [{"metadata": {"name": "a"}, "spec": {"taints": [fargate]}}, {"metadata": {"name": "b"}}],
        }
    )

    found = collect(coredns_pods.COLLECTOR, world)

    assert (found.nodes, found.fargate_nodes) == counted


def test_a_missing_deployment_is_no_gap(collect: Any, cluster: Any) -> None:
    """No Deployment and no pod is an answer (EKS Auto Mode)."""
    found = collect(coredns_pods.COLLECTOR, cluster())

    assert found.absent
    assert found.gaps == ()


@pytest.mark.parametrize("raw", [{}, "text", {"metadata": {"name": "a"}, "spec": {"containers": []}, "status": {}}])
def test_a_garbled_pod_is_not_an_absent_pod(collect: Any, cluster: Any, raw: Any) -> None:
    """Required members are indexed."""
    with pytest.raises(SourceGarbled):
        collect(coredns_pods.COLLECTOR, cluster(objects={"pods": [raw]}))


def test_the_corefile_with_its_owner_and_last_change(collect: Any, cluster: Any) -> None:
    """ManagedFields say who wrote the data and when; the structure is parsed."""
    raw = {
        "metadata": {
            "name": "coredns",
            "managedFields": [
                {"manager": "eks", "time": "2026-11-19T09:00:00Z", "fieldsV1": {"f:data": {}}},
                {"manager": "kubectl-edit", "time": "2026-11-20T09:00:00Z", "fieldsV1": {"f:data": {}}},
                {"manager": "someone", "time": "2026-11-21T08:00:00Z", "fieldsV1": {"f:metadata": {}}},
            ],
        },
        "data": {
            "Corefile": ".:53 {\n errors\n forward . 169.254.169.253\n}\ncorp. {\n forward . dns://10.64.0.2:53\n}\n"
        },
    }

    found = collect(corefile.COLLECTOR, cluster(objects={"configmaps/coredns": raw}))

    assert (found.owned_by_addon, found.changed_at) == (True, datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    assert found.root.plugin("forward").arguments == (".", "169.254.169.253")
    assert found.line(3) == "forward . 169.254.169.253"
    assert found.forwards_only_elsewhere("10.64.0.2")
    assert not found.forwards_only_elsewhere("169.254.169.253")
    assert not found.forwards_only_elsewhere("10.0.0.2")


@pytest.mark.parametrize(
    "answer", [NotFound("gone"), {"metadata": {"name": "coredns"}}], ids=["no ConfigMap", "no Corefile in it"]
)
def test_a_missing_corefile_is_an_answer(collect: Any, cluster: Any, answer: Any) -> None:
    """It does not exist; that is no gap."""
    assert not collect(corefile.COLLECTOR, cluster(objects={"configmaps/coredns": answer})).exists


@pytest.mark.parametrize("answer", [{}, {"metadata": None, "data": {}}, {"metadata": {}, "data": ["a"]}])
def test_a_garbled_config_map_is_no_missing_corefile(collect: Any, cluster: Any, answer: Any) -> None:
    """Required members are indexed."""
    with pytest.raises(SourceGarbled):
        collect(corefile.COLLECTOR, cluster(objects={"configmaps/coredns": answer}))


def test_pods_beyond_the_most_whose_events_are_read_are_a_gap(collect: Any, cluster: Any, pod: Any) -> None:
    """25 pods are not ready, events of 20 are read: what the others say was not seen."""
    raw = [pod(f"coredns-{n:02}", ready=False) for n in range(25)]

    found = collect(coredns_pods.COLLECTOR, cluster(objects={"pods": raw}))

    assert [gap.reason for gap in found.gaps] == [
        "5 of 25 events of pods that are not ready were not read: coredns-20, coredns-21, coredns-22 and 2 more"
    ]


def deployment(*conditions: dict[str, str]) -> dict[str, Any]:
    """Return a Deployment of the day before that says this of itself."""
    return {
        "metadata": {"name": "coredns", "creationTimestamp": "2026-11-20T08:00:00Z"},
        "spec": {"replicas": 2, "template": {}},
        "status": {"conditions": list(conditions)},
    }


QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "coredns-c" is forbidden: exceeded quota: pods',
    "lastTransitionTime": "2026-11-21T07:00:00Z",
    "lastUpdateTime": "2026-11-21T07:30:00Z",
}
STUCK = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
GOING_ON = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "has progressed"}


@pytest.mark.parametrize(
    ("conditions", "says", "changed"),
    [
        ((), "", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ((GOING_ON,), "", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ((STUCK,), "ProgressDeadlineExceeded: timed out", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ((GOING_ON, QUOTA), f"FailedCreate: {QUOTA['message']}", datetime(2026, 11, 21, 7, 30, tzinfo=UTC)),
    ],
    ids=["says nothing", "all is well", "stands still", "over its quota"],
)
def test_a_deployment_says_why_pods_are_missing(
    collect: Any, cluster: Any, pod: Any, *, conditions: Any, says: str, changed: datetime
) -> None:
    """One of two wanted pods is there: the Deployment's own reason, and when it last said anything new."""
    world = cluster(objects={"pods": [pod("coredns-a")], "deployments/coredns": deployment(*conditions)})

    found = collect(coredns_pods.COLLECTOR, world)

    assert (found.missing, found.complaint, found.last_change) == (1, says, changed)
