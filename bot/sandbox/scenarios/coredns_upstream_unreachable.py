"""CoreDNS forwards external names to an address where nothing answers."""

from __future__ import annotations

from bot.sandbox.world.editing import write_corefile
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_SELF_TEST_SECONDS = 40
"""The loop plugin asks its upstream for 30 s after a start (plugin/loop page)."""


def _load(operator: Operator, corefile: str) -> None:
    write_corefile(operator, corefile)
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")
    operator.time_passes(_SELF_TEST_SECONDS)


def _acts(world: World, operator: Operator) -> None:
    corefile = world.corefile.replace("forward . /etc/resolv.conf", f"forward . {world.nobody('upstream')}")
    _load(operator, corefile)


def _harmless(world: World, operator: Operator) -> None:
    zone = f"corp.example:53 {{\n    errors\n    forward . {world.nobody('upstream')}\n}}\n"
    _load(operator, world.corefile + zone)


def _heal(world: World, operator: Operator) -> None:
    write_corefile(operator, world.corefile)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


SCENARIO = Scenario(
    name="coredns-upstream-unreachable",
    title="CoreDNS gets no answer from the server that it forwards to",
    story=(
        "An operator let CoreDNS forward to a name server of the company that no longer exists, and restarted it. "
        "Cluster names resolve; external ones do not."
    ),
    root_cause="coredns_upstream_unreachable",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("dns_blocked_by_security_group", "dns_blocked_by_network_acl", "coredns_forwarding_loop"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-upstream-unreachable-look-alike",
    title="A zone of its own leads to a server that does not answer, and nobody asks for it",
    story="An operator forwards corp.example to a server that no longer exists; all other names go as before.",
    root_cause="",
    not_to_blame=("coredns_upstream_unreachable",),
    acts=_harmless,
)
