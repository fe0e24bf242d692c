from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.collectors import coredns_pods, dns_health
from bot.collectors.coredns_metrics import CorednsMetrics, PodMetrics
from bot.collectors.coredns_placement import CorednsPlacement, PlacedPod
from bot.collectors.eks_addons import EksAddon, EksAddons
from bot.dns.coredns_metrics import parse_metrics
from bot.domain.evidence import Gap

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
    assert [gap.what for gap in found.gaps] == ["metrics of b"]


def test_what_could_not_be_read_is_a_gap_and_the_rest_is_measured(collect: Any, cluster: Any, pod: Any) -> None:
    """A look without metrics, places and add-ons still tells of the pods."""
    found = seen(collect, cluster, [pod("a")])

    assert found.standing.pods == ("a",)
    assert [gap.what for gap in found.gaps] == [
        "nodes and zones of the CoreDNS pods", "EKS add-ons", "metrics of CoreDNS",
    ]  # fmt: skip


def test_where_the_nodes_run_dns_there_is_nothing_to_measure(collect: Any, cluster: Any) -> None:
    """EKS Auto Mode: no pod, no Deployment, no Service."""
    found = seen(collect, cluster, [])

    assert found.standing.part_of_node
    assert not [gap for gap in found.gaps if "metrics" in gap.what]
