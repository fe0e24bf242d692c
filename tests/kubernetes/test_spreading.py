from __future__ import annotations

from typing import Any

import pytest

from bot.kubernetes.nodes import ZONE, Compute, Node, Taint
from bot.kubernetes.spreading import (
    HOSTNAME,
    Apart,
    apart_on_nodes,
    chosen_nodes,
    held_apart,
    selects,
    spread_over_zones,
    takes,
    tolerations,
    with_anti_affinity,
    with_constraint,
)

LABELS = {"eks.amazonaws.com/component": "coredns", "k8s-app": "kube-dns"}
ADDONS = {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]}
REQUIRED, PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))


def chooses(*expressions: dict[str, Any], terms: int = 1) -> dict[str, Any]:
    """Return a pod's spec with a required node affinity of these expressions."""
    term = {"matchExpressions": list(expressions)}
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term] * terms}}}}


@pytest.mark.parametrize(
    ("spec", "selector"),
    [
        ({}, ""),
        ({"nodeSelector": {"kubernetes.io/os": "linux"}}, ""),
        (chooses(ADDONS), ""),
        ({"nodeSelector": {"dns": "yes", "a": "b"}}, "a=b,dns=yes"),
        (chooses(ADDONS, {"key": "pool", "operator": "NotIn", "values": ["gpu", "spot"]}), "pool notin (gpu,spot)"),
        (chooses({"key": "dns", "operator": "Exists"}, {"key": "x", "operator": "DoesNotExist"}), "!x,dns"),
        (chooses({"key": "cpus", "operator": "Gt", "values": ["4"]}), None),
        (chooses({"key": "dns", "operator": "Exists"}, terms=2), None),
        ({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": [{}]}]}}}}, None),
    ],
)
def test_which_nodes_a_template_chooses(spec: dict[str, Any], selector: str | None) -> None:
    """What add-ons ask for is any Linux node; what no label selector says is not taken for any node."""
    assert chosen_nodes(spec) == selector


def node(*taints: Taint, **changes: Any) -> Node:
    """Return a ready node of a managed group."""
    return Node(**{"name": "a", "ready": True, "compute": Compute.MANAGED, "taints": taints, **changes})


BATCH = Taint(key="dedicated", value="batch", effect="NoSchedule")
BEARS = [{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("one", "borne", "fits"),
    [
        (node(), [], True),
        (node(cordoned=True), [], False),
        (node(ready=False), [], False),
        (node(os="windows"), [], False),
        (node(compute=Compute.FARGATE), [{"operator": "Exists"}], False),
        (node(BATCH), [], False),
        (node(BATCH), BEARS, True),
        (node(BATCH), [{"operator": "Exists"}], True),
        (node(BATCH), [{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}], False),
        (node(BATCH), [{"key": "dedicated", "value": "gpu"}], False),
        (node(Taint(key="x", effect="PreferNoSchedule")), [], True),
    ],
)
def test_which_nodes_take_such_a_pod(one: Node, borne: list[dict[str, str]], fits: bool) -> None:  # noqa: FBT001
    """Ready, not cordoned, Linux, and no taint that keeps the pod away."""
    assert takes(one, tolerations({"tolerations": borne})) is fits


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"k8s-app": "kube-dns"}}, True),
        ({"matchLabels": {"k8s-app": "coredns"}}, False),
        ({"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]}, True),
        ({"matchExpressions": [{"key": "k8s-app", "operator": "NotIn", "values": ["kube-dns"]}]}, False),
        ({"matchExpressions": [{"key": "k8s-app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "k8s-app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "k8s-app", "operator": "SoundsLike", "values": ["kube-dns"]}]}, False),
    ],
)
def test_which_labels_a_selector_selects(selector: dict[str, Any], selected: bool) -> None:  # noqa: FBT001
    """As the API evaluates it; an operator that nobody knows selects nothing."""
    assert selects(selector, LABELS) is selected


def test_c13s_rule_is_added_beside_what_stands_there_and_known_again() -> None:
    """Node affinity and other terms stay; the added term is C13's."""
    other = {"weight": 1, "podAffinityTerm": {"topologyKey": ZONE, "labelSelector": {}}}
    before = {"nodeAffinity": {REQUIRED: {}}, "podAntiAffinity": {PREFERRED: [other]}}

    after = with_anti_affinity(before, LABELS)

    assert (apart_on_nodes({"affinity": before}, LABELS), apart_on_nodes({"affinity": after}, LABELS)) == (
        Apart.NOT,
        Apart.PREFERRED,
    )
    assert after["nodeAffinity"] == before["nodeAffinity"]
    assert after["podAntiAffinity"][PREFERRED] == [
        other,
        {
            "weight": 100,
            "podAffinityTerm": {
                "labelSelector": {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]},
                "topologyKey": "kubernetes.io/hostname",
            },
        },
    ]
    term = after["podAntiAffinity"][PREFERRED][1]["podAffinityTerm"]
    assert apart_on_nodes({"affinity": {"podAntiAffinity": {REQUIRED: [term]}}}, LABELS) is Apart.REQUIRED
    assert apart_on_nodes({"affinity": after}, {"k8s-app": "other"}) is Apart.NOT


def test_a_constraint_is_added_once_for_each_topology_and_known_again() -> None:
    """Over nodes it holds, over zones it is a preference; a weaker one over nodes is replaced."""
    weaker = {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1, "labelSelector": {}}
    assert not held_apart({"topologySpreadConstraints": [weaker]}, LABELS)

    found = with_constraint(with_constraint([weaker], LABELS, HOSTNAME), LABELS, ZONE)

    assert [(one["topologyKey"], one["whenUnsatisfiable"]) for one in found] == [
        (HOSTNAME, "DoNotSchedule"),
        (ZONE, "ScheduleAnyway"),
    ]
    spec = {"topologySpreadConstraints": found}
    assert (held_apart(spec, LABELS), spread_over_zones(spec, LABELS)) == (True, True)
    assert with_constraint(found, {"app": "dns", "tier": "1"}, ZONE)[-1]["labelSelector"] == {
        "matchLabels": {"app": "dns"}
    }
