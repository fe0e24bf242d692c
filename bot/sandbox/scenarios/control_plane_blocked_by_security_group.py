"""The cluster security group no longer admits 443, over which CoreDNS and kube-proxy reach the API (D7)."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.security_groups import admit, all_but_api, from_cidr, from_group, revoke
from bot.sandbox.world.world import World

_DNS = "k8s-app=kube-dns"
_DIAL_SECONDS = 30.0
"""client-go waits so long for a connection, and says nothing before."""
_FILTER_SECONDS = 3.0
"""After so long a changed security group surely filters."""


def _replace_everything(world: World, operator: Operator, *more: dict[str, Any]) -> None:
    """Admit all but the API, and `more`, in place of everything from the group itself."""
    group = world.cluster_security_group_id
    kept = all_but_api(group)
    world.chance("control-plane").shuffle(kept)
    admit(operator, group, *kept, *more)
    revoke(operator, group, from_group(group, "-1"))


def _restart(operator: Operator) -> None:
    operator.time_passes(_FILTER_SECONDS)
    operator.delete_pods(namespace="kube-system", labels=_DNS)
    operator.time_passes(_DIAL_SECONDS * 2.5)


def _acts(world: World, operator: Operator) -> None:
    _replace_everything(world, operator)
    _restart(operator)


def _harmless(world: World, operator: Operator) -> None:
    _replace_everything(world, operator, from_cidr(world.home.cidr, "tcp", 443))
    _restart(operator)


def _heal(world: World, operator: Operator) -> None:
    group = world.cluster_security_group_id
    admit(operator, group, from_group(group, "tcp", 443))
    operator.time_passes(_DIAL_SECONDS)


SCENARIO = Scenario(
    name="control-plane-blocked-by-security-group",
    title="The cluster security group no longer admits 443, and CoreDNS was restarted",
    story=(
        "An operator hardened the cluster security group: what it admits from itself is udp, and tcp without port 443. "
        "What was connected stayed so; then the CoreDNS pods were replaced, and the new ones do not reach the API."
    ),
    root_cause="control_plane_blocked_by_security_group",
    explains=("coredns_api_unreachable", "coredns_pods_not_ready", "dns_lookups_fail"),
    healed_by=ByHand(acts=_heal),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="control-plane-blocked-by-security-group-look-alike",
    title="The cluster security group admits 443 by the VPC's addresses instead of from itself",
    story=(
        "An operator hardened the cluster security group in the same way, but lets tcp 443 in from the VPC's CIDR. The "
        "CoreDNS pods were replaced as well, and reach the API."
    ),
    root_cause="",
    not_to_blame=("control_plane_blocked_by_security_group", "dns_blocked_by_security_group"),
    acts=_harmless,
)
