"""Somebody scaled CoreDNS to 0: nobody stands behind the DNS Service, and nothing else is wrong."""

from __future__ import annotations

from bot.sandbox.world.coredns_crowd import scale
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_SETTLED_SECONDS = 60
"""Longer than pods take to end."""
_NOT_IN_LAB = "nobody has played it there yet; without CoreDNS pods there are no states and lines to compare"


def _acts(_world: World, operator: Operator) -> None:
    scale(operator, 0)
    operator.time_passes(_SETTLED_SECONDS)


def _harmless(_world: World, operator: Operator) -> None:
    scale(operator, 1)
    operator.time_passes(_SETTLED_SECONDS)


SCENARIO = Scenario(
    name="kube-dns-no-endpoints",
    title="CoreDNS is scaled to 0",
    story=(
        "To save money at night a script scales the Deployments of all namespaces to 0, and took CoreDNS along. The "
        "EKS add-on does not set it back: the number of replicas is left to whoever changes it."
    ),
    root_cause="kube_dns_no_endpoints",
    explains=("dns_lookups_fail",),
    blinds=("coredns_logs", "coredns_metrics", "coredns_pods", "kube_dns"),
    healed_by=ByFix(fix="scale_coredns"),
    not_to_blame=("kube_proxy_rules_missing",),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kube-dns-no-endpoints-look-alike",
    title="CoreDNS is scaled to 1",
    story="The same script leaves one pod of each Deployment: one CoreDNS pod answers everybody.",
    root_cause="",
    not_to_blame=("kube_dns_no_endpoints", "coredns_pods_not_ready"),
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
