"""DNS health in one look: CoreDNS's pods, nodes and zones, its counters, and its add-on's version; for digests.

Joins what other collectors read and makes no call of its own. What could not be read is a gap, and the rest is
measured. Where EKS Auto Mode runs DNS on the nodes there is nothing to measure.
"""

from __future__ import annotations

from bot.collectors.coredns_metrics import CorednsMetrics
from bot.collectors.coredns_placement import CorednsPlacement
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.eks_addons import EksAddons
from bot.dns.coredns_growth import CountedPod, DnsHealth
from bot.domain.evidence import Collector, Gap
from bot.domain.health import Standing
from bot.domain.phrases import count
from bot.domain.views import View

ADDON = "coredns"


def collect(look: View) -> DnsHealth:
    """Join what was read of CoreDNS's pods, their places, their counters and the add-on."""
    found, metrics = look.need(CorednsPods), look.find(CorednsMetrics)
    pods = [pod for pod in found.pods if not pod.terminating]
    read = metrics.pods if metrics is not None else ()
    counted = tuple(CountedPod(name=one.pod, node=one.node, counters=one.later or one.counters) for one in read)
    addons = look.find(EksAddons)
    placed = look.find(CorednsPlacement)
    standing = Standing(
        pods_wanted=found.desired_replicas,
        pods_ready=sum(pod.ready for pod in pods),
        restarts=sum(pod.container.restarts for pod in pods),
        nodes=len({pod.node for pod in pods if pod.node}),
        zones=len({pod.zone for pod in placed.pods} - {""}) if placed is not None else 0,
        version=next((one.counters.version for one in counted), ""),
        addon=next((one.version for one in addons.addons if one.name == ADDON), "") if addons is not None else "",
        pods=tuple(sorted(pod.name for pod in pods)),
        part_of_node=found.absent,
    )
    return DnsHealth(standing=standing, pods=counted, gaps=tuple(_gaps(look, found, metrics)))


def _gaps(look: View, found: CorednsPods, metrics: CorednsMetrics | None) -> list[Gap]:
    missing = [
        Gap(what=what, reason="could not be read")
        for what, kind in (("nodes and zones of the CoreDNS pods", CorednsPlacement), ("EKS add-ons", EksAddons))
        if look.find(kind) is None
    ]
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
    permissions=(),
    needs=(CorednsPods,),
    wants=(CorednsMetrics, CorednsPlacement, EksAddons),
)
