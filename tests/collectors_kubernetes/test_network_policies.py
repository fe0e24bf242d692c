"""NetworkPolicies between application pods and CoreDNS, read from the simulated cluster and from literal answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.collectors import network_policies
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.collectors.workload_pods import WorkloadPods
from bot.errors import AccessDenied
from bot.kubernetes.pods import Container, Pod
from tests.looking import NOW
from tests.rules_cluster.conftest import Make

WEB = Pod(
    namespace="shop", name="web-1", node="node-a", ip="10.0.9.4", phase="Running", ready=True, created_at=NOW,
    container=Container(name="web"),
)  # fmt: skip
DENY = {
    "metadata": {"namespace": "shop", "name": "deny", "annotations": {"meta.helm.sh/release-name": "shop"}},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"]},
}
ELSEWHERE = {"metadata": {"namespace": "other", "name": "deny"}, "spec": {"podSelector": {}}}
NAMESPACES = [
    {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
    for name in ("kube-system", "other", "shop")
]
AGENT = {
    "name": "aws-eks-nodeagent", "image": "aws-network-policy-agent:v1", "args": ["--enable-network-policy=true"],
}  # fmt: skip
AWS_NODE = {"spec": {"template": {"spec": {"containers": [{"name": "aws-node"}, AGENT]}}}}
SETTING = {"data": {"enable-network-policy-controller": "true"}}


def labelled(namespace: str, name: str, ip: str, **labels: str) -> dict[str, Any]:
    """Return a pod as the API has it."""
    port = {"name": "dns", "protocol": "UDP", "containerPort": 53}
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"nodeName": "node-a", "containers": [{"name": "one", "ports": [port]}]},
        "status": {"podIP": ip},
    }


def needed(*pods: Pod, **changes: Any) -> dict[type, object]:
    """Return these application pods and a healthy DNS service."""
    make = Make()
    workload = WorkloadPods(selector="created-by=shop", pods=pods, **changes)
    return {WorkloadPods: workload, CorednsPods: make.coredns_pods(), KubeDns: make.kube_dns()}


WORLD: dict[str, Any] = {
    "networkpolicies": [ELSEWHERE, DENY],
    "namespaces": NAMESPACES,
    "pods?created-by=shop": [
        labelled("shop", "web-1", "10.0.9.4", app="web"), labelled("other", "job", "10.0.9.5", app="job"),
    ],
    "pods?k8s-app=kube-dns": [labelled("kube-system", "coredns-a", "10.0.1.7", **{"k8s-app": "kube-dns"})],
    "daemonsets": [AWS_NODE],
    "configmaps/amazon-vpc-cni": SETTING,
}  # fmt: skip


def test_policies_of_the_namespaces_that_count_are_read_with_what_they_select(collect: Any, cluster: Any) -> None:
    """Labels of the application pods that are known and of CoreDNS, their namespaces', and who enforces policies."""
    found = collect(network_policies.COLLECTOR, cluster(objects=WORLD), needed=needed(WEB))

    (policy,) = found.policies
    assert (policy.title, policy.egress, policy.ingress, policy.manager) == (
        "shop/deny", (), None, "Helm release shop",
    )  # fmt: skip
    assert [(one.title, one.labels) for one in found.clients] == [("shop/web-1", (("app", "web"),))]
    assert [(one.title, one.ports) for one in found.servers] == [("kube-system/coredns-a", (("dns", "UDP", 53),))]
    assert [name for name, _ in found.namespaces] == ["kube-system", "shop"]
    assert (found.enforced, found.gaps) == (True, ())
    assert "aws-eks-nodeagent" in found.enforced_by


def test_without_a_policy_that_counts_nothing_else_is_asked(collect: Any, cluster: Any) -> None:
    """One list: the labels of thousands of pods are not read for nothing."""
    world = cluster(objects={"networkpolicies": [ELSEWHERE]})

    found = collect(network_policies.COLLECTOR, world, needed=needed(WEB))

    assert (found.policies, found.namespaces_looked) == ((), ("kube-system", "shop"))
    assert len(world.asked) == 1


def test_the_pod_that_a_person_named_is_judged_where_no_selector_is_configured(collect: Any, cluster: Any) -> None:
    """Its labels are read by its name."""
    world = cluster(objects=WORLD | {"pods/web-1": labelled("shop", "web-1", "10.0.9.4", app="web")})
    workload = replace(needed()[WorkloadPods], selector="", asked_pod=WEB)  # type: ignore[type-var]

    found = collect(network_policies.COLLECTOR, world, needed=needed() | {WorkloadPods: workload})

    assert [one.title for one in found.clients] == ["shop/web-1"]
    assert not any("created-by" in asked for asked in world.asked)


def test_who_enforces_policies_is_a_gap_where_it_may_not_be_read(collect: Any, cluster: Any) -> None:
    """Refused DaemonSets are named; a setting that is not there, or refused, leaves the agent unknown."""
    refused = AccessDenied("403 Forbidden", grant="daemonsets.apps: list in all namespaces")
    unread = collect(network_policies.COLLECTOR, cluster(objects=WORLD | {"daemonsets": refused}), needed=needed(WEB))
    unset = {key: value for key, value in WORLD.items() if key != "configmaps/amazon-vpc-cni"}
    absent = collect(network_policies.COLLECTOR, cluster(objects=unset), needed=needed(WEB))

    assert ([gap.what for gap in unread.gaps], unread.enforced) == (["who enforces NetworkPolicies"], None)
    assert (absent.gaps, absent.enforced) == ((), None)
