from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.collectors import coredns_pods, dns_health
from bot.collectors.coredns_metrics import CorednsMetrics, PodMetrics
from bot.collectors.coredns_placement import CorednsPlacement, PlacedPod
from bot.collectors.eks_addons import EksAddon, EksAddons
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.node_local_metrics import CacheMetrics, NodeLocalMetrics
from bot.collectors.resolver_endpoint_metrics import ResolverEndpointMetrics
from bot.dns.coredns_metrics import parse_metrics
from bot.domain.evidence import Gap
from bot.domain.health import EndpointUse
from bot.errors import AccessDenied

PAGE = 'coredns_build_info{version="1.11.4"} 1\ncoredns_dns_requests_total{type="A"} 7\n'


def seen(collect: Any, cluster: Any, pods: list[Any], **needed: Any) -> Any:
    """Return the health of a cluster with these pods, and what else was read of it."""
    world = cluster(objects={"pods": pods})
    found = collect(coredns_pods.COLLECTOR, world)
    return collect(dns_health.COLLECTOR, world, needed={coredns_pods.CorednsPods: found, **needed.get("needed", {})})


def test_what_others_read_is_joined(collect: Any, cluster: Any, pod: Any) -> None:
    """Pods, their nodes and zones, the newer counters, the add-on."""
    first = PodMetrics(pod="a", node="n1", counters=parse_metrics(PAGE))
    read = replace(first, later=parse_metrics(PAGE.replace("} 7", "} 9")))
    needed = {
        CorednsMetrics: CorednsMetrics(pods=(read,), pods_total=2, gaps=(Gap(what="metrics of b", reason="403"),)),
        CorednsPlacement: CorednsPlacement(
            pods=(PlacedPod(name="a", node="n1", zone="z1"), PlacedPod(name="b", node="n2", zone="z2")),
            deployments=(), nodes=2, zones=("z1", "z2"),
        ),
        EksAddons: EksAddons(
            cluster="c",
            addons=(EksAddon(name="coredns", owner="EKS add-on", status="ACTIVE", version="v1.11.4-eksbuild.2"),),
        ),
    }  # fmt: skip

    found = seen(collect, cluster, [pod("a", node="n1", restarts=3), pod("b", node="n2", ready=False)], needed=needed)

    standing = found.standing
    assert (standing.pods_ready, standing.restarts, standing.nodes, standing.zones) == (1, 3, 2, 2)
    assert (standing.version, standing.addon, standing.pods) == ("1.11.4", "v1.11.4-eksbuild.2", ("a", "b"))
    assert [(one.name, one.counters.queries) for one in found.pods] == [("a", 9)]
    assert [gap.what for gap in found.gaps] == [
        "NodeLocal DNSCache", "metrics of Resolver endpoints", "metrics of b", "newest version of the add-on coredns",
    ]  # fmt: skip


def test_what_could_not_be_read_is_a_gap_and_the_rest_is_measured(collect: Any, cluster: Any, pod: Any) -> None:
    """A look without metrics, places and add-ons still tells of the pods."""
    found = seen(collect, cluster, [pod("a")])

    assert found.standing.pods == ("a",)
    assert [gap.what for gap in found.gaps] == [
        "nodes and zones of the CoreDNS pods", "EKS add-ons", "NodeLocal DNSCache", "metrics of Resolver endpoints",
        "metrics of CoreDNS",
    ]  # fmt: skip


def test_caches_are_counted_beside_coredns_with_what_could_not_be_read(collect: Any, cluster: Any, pod: Any) -> None:
    """Two of three ready ones were read; where there is none that is known, and no gap."""
    read = CacheMetrics(pod="cache-1", node="n1", cache="kube-system/node-local-dns", counters=parse_metrics(PAGE))
    unread = Gap(what="metrics of NodeLocal DNSCache", reason="2 pods were not asked")
    three = NodeLocalMetrics(pods=(read,), pods_total=3, gaps=(unread,))

    found = seen(collect, cluster, [pod("a")], needed={NodeLocalMetrics: three})
    none = seen(collect, cluster, [pod("a")], needed={NodeLocalMetrics: NodeLocalMetrics(pods=(), pods_total=0)})

    assert [(one.name, one.counters.queries) for one in found.caches] == [("kube-system/node-local-dns/cache-1", 7)]
    assert (found.standing.caches_ready, none.standing.caches_ready) == (3, 0)
    assert unread in found.gaps
    assert "NodeLocal DNSCache" not in " ".join(gap.what for gap in none.gaps)


def test_resolver_endpoints_stand_beside_coredns_with_what_could_not_be_read(
    collect: Any, cluster: Any, pod: Any
) -> None:
    """Those that were read, and the gap that their reader told of."""
    use, gap = EndpointUse(id="rslvr-in-1", inbound=True), Gap(what="CloudWatch's metrics", reason="403")
    read = ResolverEndpointMetrics(endpoints=(use,), gaps=(gap,))

    found = seen(collect, cluster, [pod("a")], needed={ResolverEndpointMetrics: read})

    assert found.endpoints == (use,)
    assert gap in found.gaps


def addon(name: str = "coredns") -> EksAddons:
    """Return what EKS lists as installed."""
    installed = EksAddon(name=name, owner="EKS add-on", status="ACTIVE", version="v1.11.4-eksbuild.2")
    return EksAddons(cluster="c", addons=(installed,))


def look(addons: EksAddons, answer: Any, *, kubernetes: str = "1.32") -> tuple[Any, list[Any]]:
    """Return what a look gives where EKS answers this about versions, and what EKS was asked."""
    asked: list[Any] = []

    def read(service: str, operation: str, **parameters: object) -> Any:
        asked.append((f"{service}:{operation}", parameters))
        if isinstance(answer, Exception):
            raise answer
        return answer

    needed: dict[type, Any] = {EksAddons: addons}
    if kubernetes:
        needed[EksCluster] = SimpleNamespace(version=kubernetes)
    view: Any = SimpleNamespace(aws=SimpleNamespace(read=read), find=needed.get)
    return dns_health.newest_addon(
        view, next((one.version for one in addons.addons if one.name == "coredns"), "")
    ), asked


def versions(*names: str) -> dict[str, Any]:
    """Return what EKS answers about versions of the add-on."""
    return {"addons": [{"addonName": "coredns", "addonVersions": [{"addonVersion": name} for name in names]}]}


@pytest.mark.parametrize(
    ("answer", "newest"),
    [
        (versions("v1.11.4-eksbuild.2", "v1.11.4-eksbuild.10", "v1.9.3-eksbuild.22"), "v1.11.4-eksbuild.10"),
        (versions("v1.11.4-eksbuild.10", "v1.12.0-eksbuild.1"), "v1.12.0-eksbuild.1"),
        (versions(), ""),
    ],
    ids=["builds are numbers", "a minor version", "none for this Kubernetes version"],
)
def test_newest_version_of_the_addon_is_that_for_this_kubernetes_version(answer: Any, newest: str) -> None:
    """Versions are compared part by part, as numbers."""
    found, asked = look(addon(), answer)

    assert found == newest
    assert asked == [("eks:DescribeAddonVersions", {"addonName": "coredns", "kubernetesVersion": "1.32"})]


@pytest.mark.parametrize(
    ("answer", "kubernetes", "reason"),
    [
        (AccessDenied("refused", grant="eks:DescribeAddonVersions"), "1.32", "refused"),
        ({"addons": [{}]}, "1.32", "the answer lacks addonVersions"),
        (versions(), "", "the version of Kubernetes could not be read"),
    ],
    ids=["refused", "garbled", "no version of Kubernetes"],
)
def test_newest_version_that_cannot_be_read_is_a_gap(answer: Any, kubernetes: str, reason: str) -> None:
    """The rest of the look is as it is."""
    found, _ = look(addon(), answer, kubernetes=kubernetes)

    assert isinstance(found, Gap)
    assert reason in found.reason


def test_where_coredns_is_no_addon_eks_is_not_asked_about_it() -> None:
    """Its owners choose its version."""
    assert look(addon("kube-proxy"), versions("v9")) == ("", [])


def test_where_the_nodes_run_dns_there_is_nothing_to_measure(collect: Any, cluster: Any) -> None:
    """EKS Auto Mode: no pod, no Deployment, no Service."""
    none = {ResolverEndpointMetrics: ResolverEndpointMetrics(endpoints=())}

    found = seen(collect, cluster, [], needed=none)

    assert found.standing.part_of_node
    assert not [gap for gap in found.gaps if "metrics" in gap.what]
