from __future__ import annotations

from typing import Any

import pytest

from bot.collectors import coredns_placement, coredns_pods
from bot.collectors.coredns_placement import CorednsPlacement
from bot.errors import AccessDenied
from bot.kubernetes.spreading import Apart

LABELS = {"k8s-app": "kube-dns"}


def a_node(name: str, zone: str = "a", **spec: Any) -> dict[str, Any]:
    """Return a ready node."""
    labels = {"topology.kubernetes.io/zone": zone, "kubernetes.io/os": "linux"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def deployment(**template: Any) -> dict[str, Any]:
    """Return CoreDNS's Deployment with a pod template of this spec, completely rolled out."""
    spec = {"containers": [{"name": "coredns"}], **template}
    return {
        "metadata": {"name": "coredns", "namespace": "kube-system", "uid": "u-1", "generation": 1},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": spec},
        },
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
    }


def owned(pod: Any, name: str, node: str, **changes: Any) -> Any:
    """Return a pod of CoreDNS's Deployment."""
    owner = {"kind": "ReplicaSet", "name": "coredns-5f", "controller": True, "uid": "u"}
    return pod(name, node=node, ownerReferences=[owner], labels={**LABELS, "pod-template-hash": "5f"}, **changes)


NODES = [a_node("node-1"), a_node("node-2", "b"), a_node("node-3", "c", unschedulable=True)]


def placed(collect: Any, world: Any) -> CorednsPlacement:
    """Return where the world's CoreDNS pods are."""
    pods = collect(coredns_pods.COLLECTOR, world)
    found: CorednsPlacement = collect(coredns_placement.COLLECTOR, world, needed={coredns_pods.CorednsPods: pods})
    return found


def test_pods_are_placed_on_nodes_and_zones(collect: Any, cluster: Any, pod: Any) -> None:
    """Those that go away or have no node are not; a cordoned node takes none."""
    pods = [
        owned(pod, "coredns-5f-x", "node-1"),
        owned(pod, "coredns-5f-y", "node-1"),
        owned(pod, "coredns-5f-z", "node-2", deletionTimestamp="2026-11-21T08:59:00Z"),
        owned(pod, "coredns-5f-p", ""),
    ]

    found = placed(collect, cluster(objects={"pods": pods, "nodes": NODES, "deployments/coredns": deployment()}))

    assert [(one.name, one.node, one.zone) for one in found.pods] == [
        ("coredns-5f-x", "node-1", "a"),
        ("coredns-5f-y", "node-1", "a"),
    ]
    assert (found.nodes, found.zones, found.crowded, found.one_zone) == (2, ("a", "b"), ("node-1",), "a")
    (told,) = found.deployments
    assert (told.uid, told.apart, told.affinity, told.constraints, told.rollout) == ("u-1", Apart.NOT, "", "", "")
    assert found.gaps == ()


def test_nodes_that_the_deployment_chooses_are_listed_by_their_labels(collect: Any, cluster: Any, pod: Any) -> None:
    """Only those could have a pod."""
    objects = {
        "pods": [owned(pod, "coredns-5f-x", "node-1"), owned(pod, "coredns-5f-y", "node-1")],
        "nodes": NODES,
        "nodes?dns=yes": NODES[:1],
        "deployments/coredns": deployment(nodeSelector={"dns": "yes"}),
    }

    found = placed(collect, cluster(objects=objects))

    assert (found.nodes, found.crowded, found.one_zone) == (1, (), "")


def test_a_choice_that_no_selector_says_is_a_gap(collect: Any, cluster: Any, pod: Any) -> None:
    """Then it is open which nodes could have one."""
    rule = {"key": "cpus", "operator": "Gt", "values": ["4"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    objects = {
        "pods": [owned(pod, "coredns-5f-x", "node-1")],
        "nodes": NODES,
        "deployments/coredns": deployment(affinity=affinity),
    }

    found = placed(collect, cluster(objects=objects))

    assert "in a way that no label selector says" in found.gaps[0].reason


@pytest.mark.parametrize("forbidden", ["deployments/coredns"])
def test_a_deployment_that_may_not_be_read_is_a_gap(collect: Any, cluster: Any, pod: Any, forbidden: str) -> None:
    """Its grant is named."""
    objects = {"pods": [owned(pod, "coredns-5f-x", "node-1")], "nodes": NODES, "deployments/coredns": deployment()}
    world = cluster(objects=objects)
    pods = collect(coredns_pods.COLLECTOR, world)
    refusing = cluster(objects={**objects, forbidden: AccessDenied("403", grant="deployments: get")})

    found = collect(coredns_placement.COLLECTOR, refusing, needed={coredns_pods.CorednsPods: pods})

    assert (found.deployments, [gap.grant for gap in found.gaps]) == ((), ["deployments: get"])
