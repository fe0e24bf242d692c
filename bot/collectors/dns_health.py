"""DNS health in one look: CoreDNS's pods, places, counters, add-on, caches, and Resolver endpoints; for digests.

Joins what other collectors read. What could not be read is a gap, and the rest is measured. Where EKS Auto Mode runs
DNS on the nodes there is nothing to measure. Cost of its own: where CoreDNS is an EKS add-on, one
`eks:DescribeAddonVersions` for the newest version for this Kubernetes version.
"""

from __future__ import annotations

import re

from bot.collectors.coredns_metrics import CorednsMetrics
from bot.collectors.coredns_placement import CorednsPlacement
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.eks_addons import EksAddons
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.node_local_metrics import NodeLocalMetrics
from bot.collectors.resolver_endpoint_metrics import ResolverEndpointMetrics
from bot.dns.coredns_growth import CountedPod, DnsHealth
from bot.domain.evidence import Collector, Gap
from bot.domain.health import Standing
from bot.domain.permissions import AwsPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable

ADDON = "coredns"


def collect(look: View) -> DnsHealth:
    """Join what was read of CoreDNS's pods, their places, their counters and the add-on."""
    found, metrics = look.need(CorednsPods), look.find(CorednsMetrics)
    pods = [pod for pod in found.pods if not pod.terminating]
    read = metrics.pods if metrics is not None else ()
    counted = tuple(CountedPod(name=one.pod, node=one.node, counters=one.later or one.counters) for one in read)
    addons = look.find(EksAddons)
    addon = next((one.version for one in addons.addons if one.name == ADDON), "") if addons is not None else ""
    newest = newest_addon(look, addon)
    placed, cached = look.find(CorednsPlacement), look.find(NodeLocalMetrics)
    caches = tuple(
        CountedPod(name=f"{one.cache}/{one.pod}", node=one.node, counters=one.counters)
        for one in (cached.pods if cached is not None else ())
    )
    standing = Standing(
        pods_wanted=found.desired_replicas,
        pods_ready=sum(pod.ready for pod in pods),
        restarts=sum(pod.container.restarts for pod in pods),
        nodes=len({pod.node for pod in pods if pod.node}),
        zones=len({pod.zone for pod in placed.pods} - {""}) if placed is not None else 0,
        version=next((one.counters.version for one in counted), ""),
        addon=addon,
        addon_newest="" if isinstance(newest, Gap) else newest,
        pods=tuple(sorted(pod.name for pod in pods)),
        part_of_node=found.absent,
        caches_ready=cached.pods_total if cached is not None else None,
    )
    resolver = look.find(ResolverEndpointMetrics)
    endpoints = resolver.endpoints if resolver is not None else ()
    gaps = (*_gaps(look, found, metrics), *([newest] if isinstance(newest, Gap) else ()))
    return DnsHealth(standing=standing, pods=counted, caches=caches, endpoints=endpoints, gaps=gaps)


def newest_addon(look: View, installed: str) -> str | Gap:
    """Return the newest version of the add-on for this Kubernetes version; empty: CoreDNS is no add-on."""
    if not installed:
        return ""
    what = f"newest version of the add-on {ADDON}"
    cluster = look.find(EksCluster)
    if cluster is None:
        return Gap(what=what, reason="the version of Kubernetes could not be read")
    try:
        answer = look.aws.read("eks", "DescribeAddonVersions", addonName=ADDON, kubernetesVersion=cluster.version)
        with reading("eks:DescribeAddonVersions"):
            found = [one["addonVersion"] for addon in answer["addons"] for one in addon["addonVersions"]]
    except EvidenceUnavailable as error:
        return Gap.of(what, error)
    return max(found, key=version_order, default="")


def version_order(version: str) -> tuple[int, ...]:
    """Return what orders versions of an add-on: `v1.11.4-eksbuild.10` is newer than `v1.11.4-eksbuild.2`."""
    return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", version))


def _gaps(look: View, found: CorednsPods, metrics: CorednsMetrics | None) -> list[Gap]:
    missing = [
        Gap(what=what, reason="could not be read")
        for what, kind in (
            ("nodes and zones of the CoreDNS pods", CorednsPlacement),
            ("EKS add-ons", EksAddons),
            ("NodeLocal DNSCache", NodeLocalMetrics),
            ("metrics of Resolver endpoints", ResolverEndpointMetrics),
        )
        if look.find(kind) is None
    ]
    cached = look.find(NodeLocalMetrics)
    resolver = look.find(ResolverEndpointMetrics)
    missing += (*(cached.gaps if cached is not None else ()), *(resolver.gaps if resolver is not None else ()))
    if metrics is not None:
        return [*missing, *metrics.gaps]
    return missing if found.absent else [*missing, Gap(what="metrics of CoreDNS", reason="could not be read")]


def summarise(found: DnsHealth) -> str:
    """Say how many pods are ready, where they are, and of how many the counters were read."""
    standing = found.standing
    if standing.part_of_node:
        return "DNS is part of the nodes; nothing is measured"
    return (
        f"{standing.pods_ready} of {count(standing.pods_wanted, 'CoreDNS pod')} ready on "
        f"{count(standing.nodes, 'node')} in {count(standing.zones, 'zone')}; counters of {len(found.pods)} read"
    )


COLLECTOR = Collector(
    name="dns_health",
    title="DNS health in one look",
    evidence=DnsHealth,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(
            action="eks:DescribeAddonVersions",
            unlocks="say in digests whether a newer version of CoreDNS's add-on is there",
            without="digests do not say whether a newer version of the add-on is there",
        ),
    ),
    needs=(CorednsPods,),
    wants=(CorednsMetrics, CorednsPlacement, EksAddons, EksCluster, NodeLocalMetrics, ResolverEndpointMetrics),
)
