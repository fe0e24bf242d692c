"""CoreDNS under other names: its own chart, kustomize hashes, another namespace."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors import coredns_logs, coredns_pods, corefile, kube_dns
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.nameservers import Nameservers
from bot.errors import AccessDenied, NotFound

ASKED = Nameservers(asked=("172.20.0.10",), pods_read=2)
CHART = {"app.kubernetes.io/name": "coredns", "k8s-app": "coredns"}
SELECTOR = "app.kubernetes.io/name=coredns,k8s-app=coredns"
SERVICE: dict[str, Any] = {
    "metadata": {"name": "coredns", "namespace": "kube-system"},
    "spec": {"clusterIP": "172.20.0.10", "selector": CHART, "ports": [{"port": 53, "protocol": "UDP"}]},
}
SLICE: dict[str, Any] = {
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.1.7"], "targetRef": {"kind": "Pod", "name": "dns-coredns-5f-x"}}],
}
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "dns-coredns"},
    "spec": {"replicas": 3, "selector": {"matchLabels": CHART}, "template": {"metadata": {"labels": CHART}}},
}


def owned(pod: Any, name: str, *, config_map: str = "dns-coredns", created: str = "2026-11-20T08:59:00Z") -> Any:
    """Return a pod of the chart's Deployment that mounts this ConfigMap."""
    raw = pod(
        name,
        ownerReferences=[{"kind": "ReplicaSet", "name": "dns-coredns-5f", "controller": True, "uid": "u"}],
        labels={**CHART, "pod-template-hash": "5f"},
        creationTimestamp=created,
    )
    raw["spec"]["volumes"] = [{"name": "config-volume", "configMap": {"name": config_map}}]
    raw["spec"]["containers"][0] |= {"volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns"}]}
    return raw


def test_chart_is_found_from_its_address_to_its_corefile(collect: Any, cluster: Any, pod: Any) -> None:
    """Service by address, pods by its selector, Deployment as their owner, ConfigMap by their volume."""
    world = cluster(
        objects={
            "services": [SERVICE],
            "endpointslices": [SLICE],
            f"pods?{SELECTOR}": [owned(pod, "dns-coredns-5f-x")],
            "deployments/dns-coredns": DEPLOYMENT,
            "configmaps/coredns": {"metadata": {}, "data": {"Corefile": "left over {"}},
            "configmaps/dns-coredns": {"metadata": {}, "data": {"Corefile": ".:53 {\n}\n"}},
        }
    )

    service = collect(kube_dns.COLLECTOR, world, needed={Nameservers: ASKED})
    pods = collect(coredns_pods.COLLECTOR, world, needed={kube_dns.KubeDns: service})
    found = collect(corefile.COLLECTOR, world, needed={coredns_pods.CorednsPods: pods})

    assert (service.name, service.known_by) == ("coredns", "pods ask its address")
    assert (pods.deployments, pods.desired_replicas, [one.name for one in pods.pods]) == (
        ("dns-coredns",),
        3,
        ["dns-coredns-5f-x"],
    )
    assert (found.where, found.refusal) == ("kube-system/dns-coredns", None)


def test_newest_pods_config_map_is_the_one_that_the_next_start_reads(collect: Any, cluster: Any, pod: Any) -> None:
    """In the middle of a rollout with kustomize's hashes."""
    old, new = owned(pod, "a", config_map="dns-1"), owned(pod, "b", config_map="dns-2", created="2026-11-21T08:00:00Z")
    service = collect(kube_dns.COLLECTOR, cluster(objects={"services": [SERVICE]}), needed={Nameservers: ASKED})

    pods = collect(
        coredns_pods.COLLECTOR, cluster(objects={f"pods?{SELECTOR}": [new, old]}), needed={kube_dns.KubeDns: service}
    )

    assert pods.setup.source == ("dns-2", "Corefile")
    assert [one.setup.source[0] for one in pods.pods] == ["dns-1", "dns-2"]


def test_service_of_another_namespace_is_found_where_pods_ask_it(collect: Any, cluster: Any, pod: Any) -> None:
    """Its pods, their logs and its ConfigMap are read there; NodeLocal's own Service in kube-system is none."""
    far = {**SERVICE, "metadata": {"name": "resolver", "namespace": "dns"}}
    upstream = {
        "metadata": {"name": "kube-dns-upstream", "namespace": "kube-system"},
        "spec": {**SERVICE["spec"], "clusterIP": "172.20.9.9"},
    }
    raw = owned(pod, "dns-coredns-5f-x")
    raw["metadata"]["namespace"] = "dns"
    world = cluster(
        objects={"services": [far, upstream], "pods": [raw], "deployments/dns-coredns": DEPLOYMENT},
        texts={"dns-coredns-5f-x": "2026-11-21T08:59:00Z [INFO] CoreDNS-1.12.0\n"},
    )

    service = collect(kube_dns.COLLECTOR, world, needed={Nameservers: ASKED})
    pods = collect(coredns_pods.COLLECTOR, world, needed={kube_dns.KubeDns: service})
    logs = collect(coredns_logs.COLLECTOR, world, needed={coredns_pods.CorednsPods: pods})
    collect(corefile.COLLECTOR, world, needed={coredns_pods.CorednsPods: pods})

    assert (service.title, service.upstream_services) == ("dns/resolver", ("kube-dns-upstream (172.20.9.9)",))
    assert len(logs.pods) == 1
    assert {one for one in world.asked if "pods" in one or "configmaps" in one or "deployments" in one} == {
        "pods in dns",
        "deployments/dns-coredns in dns",
        "configmaps/dns-coredns in dns",
    }


@pytest.mark.parametrize("asked", [(), ("169.254.20.10",), ("172.20.0.10",)], ids=["unread", "nodelocal", "asked"])
def test_other_namespaces_are_looked_through_only_for_an_address_that_nobody_has(
    collect: Any, cluster: Any, asked: tuple[str, ...]
) -> None:
    """The usual cluster costs one list of Services."""
    world = cluster(objects={"services": [SERVICE]})

    collect(kube_dns.COLLECTOR, world, needed={Nameservers: Nameservers(asked=asked, pods_read=1)})

    assert [one for one in world.asked if one.startswith("services")] == ["services in kube-system"]


def test_tenth_address_finds_the_service_where_no_pod_could_be_asked(collect: Any, cluster: Any) -> None:
    """EKS tells nodes the service CIDR's tenth address."""
    told = EksCluster(
        name="c", arn="a:b:c:d:1:f", account="1", status="ACTIVE", version="1.33", vpc_id="v",
        cluster_security_group_id="s", security_group_ids=(), subnet_ids=(), endpoint="", endpoint_public=True,
        endpoint_private=True, service_cidr="172.20.0.0/16", auto_mode=False,
    )  # fmt: skip
    moved = {"metadata": {"name": "kube-dns"}, "spec": {**SERVICE["spec"], "clusterIP": "172.20.87.33"}}

    found = collect(kube_dns.COLLECTOR, cluster(objects={"services": [moved, SERVICE]}), needed={EksCluster: told})

    assert (found.name, found.tenth_address) == ("coredns", "172.20.0.10")


def test_refused_look_into_other_namespaces_is_a_gap(collect: Any, cluster: Any) -> None:
    """Whether the asked address is somebody's is open then, and says which right is missing."""

    class HalfBlind(cluster):  # type: ignore[misc]
        def list(self, resource: Any, read: Any, *, namespace: str = "", labels: str = "", fields: str = "") -> Any:
            """Refuse to list all namespaces."""
            if not namespace:
                raise AccessDenied("Cannot list services: 403.", grant="services: list in all namespaces")
            return super().list(resource, read, namespace=namespace, labels=labels, fields=fields)

    found = collect(kube_dns.COLLECTOR, HalfBlind(objects={"services": []}), needed={Nameservers: ASKED})

    assert not found.service_exists
    assert found.elsewhere_gap.grant == "services: list in all namespaces"


def test_pods_that_the_service_leads_to_and_does_not_select_are_read(collect: Any, cluster: Any, pod: Any) -> None:
    """A Service without a selector; a pod that is gone meanwhile is passed over."""
    bare = {**SERVICE, "spec": {**SERVICE["spec"], "selector": None}}
    gone = {"addresses": ["10.0.1.8"], "targetRef": {"kind": "Pod", "name": "gone"}}
    slices = [{**SLICE, "endpoints": [*SLICE["endpoints"], gone]}]
    world = cluster(
        objects={
            "services": [bare],
            "endpointslices": slices,
            "pods/dns-coredns-5f-x": owned(pod, "dns-coredns-5f-x"),
            "deployments/dns-coredns": DEPLOYMENT,
        }
    )
    service = collect(kube_dns.COLLECTOR, world, needed={Nameservers: ASKED})

    pods = collect(coredns_pods.COLLECTOR, world, needed={kube_dns.KubeDns: service})

    assert ([one.name for one in pods.pods], pods.desired_replicas, pods.gaps) == (["dns-coredns-5f-x"], 3, ())


@pytest.mark.parametrize("labels", [CHART, {"app": "own"}], ids=["selected", "by its image"])
def test_deployment_without_pods_is_found(collect: Any, cluster: Any, labels: dict[str, str]) -> None:
    """Scaled to 0: by the labels that the service selects, else by what its containers run."""
    spec = {"containers": [{"name": "dns", "image": "r/coredns:1.12"}]}
    idle = {
        "metadata": {"name": "own-dns"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    other = {"metadata": {"name": "metrics"}, "spec": {"template": {"spec": {"containers": [{"name": "m"}]}}}}
    world = cluster(objects={"services": [SERVICE], "deployments": [other, idle]})
    service = collect(kube_dns.COLLECTOR, world, needed={Nameservers: ASKED})

    pods = collect(coredns_pods.COLLECTOR, world, needed={kube_dns.KubeDns: service})

    assert (pods.deployments, pods.desired_replicas, pods.deployment_exists) == (("own-dns",), 0, True)
    assert pods.absence == ""


def test_pods_that_a_wrong_selector_misses_are_found_by_their_deployment(collect: Any, cluster: Any, pod: Any) -> None:
    """The service selects nothing; the pods that run CoreDNS are there all the same."""
    template = {"metadata": {"labels": {"app": "own"}}, "spec": {"containers": [{"name": "coredns"}]}}
    own = {
        "metadata": {"name": "dns-coredns"},
        "spec": {"selector": {"matchLabels": {"app": "own"}}, "template": template},
    }
    world = cluster(
        objects={
            "services": [SERVICE],
            f"pods?{SELECTOR}": [],
            "pods?app=own": [owned(pod, "dns-coredns-5f-x")],
            "deployments": [own],
        }
    )
    service = collect(kube_dns.COLLECTOR, world, needed={Nameservers: ASKED})

    pods = collect(coredns_pods.COLLECTOR, world, needed={kube_dns.KubeDns: service})

    assert ([one.name for one in pods.pods], pods.selector) == (["dns-coredns-5f-x"], "app=own")


def test_corefile_that_is_no_config_maps_is_not_looked_for(collect: Any, cluster: Any, pod: Any) -> None:
    """A left-over ConfigMap of the usual name says nothing about pods that read another file."""
    raw = owned(pod, "dns-coredns-5f-x")
    raw["spec"]["volumes"] = [{"name": "config-volume", "hostPath": {"path": "/srv"}}]
    world = cluster(objects={"services": [SERVICE], "pods": [raw], "configmaps/coredns": NotFound("unused")})
    service = collect(kube_dns.COLLECTOR, world, needed={Nameservers: ASKED})
    pods = collect(coredns_pods.COLLECTOR, world, needed={kube_dns.KubeDns: service})

    found = collect(corefile.COLLECTOR, world, needed={coredns_pods.CorednsPods: pods})

    assert (found.exists, found.config_map) == (False, "")
    assert not [one for one in world.asked if "configmaps" in one]
