"""kube-proxy sets a maximum of tracked connections that every node reaches at once."""

from __future__ import annotations

from bot.sandbox.world.kube_proxy_mode import set_conntrack
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_PER_CORE, _LEAST = 32_768, 131_072
"""kube-proxy's own defaults."""
_A_WHILE = 180.0
"""Seconds in which what was tracked before has ended."""


def _set(operator: Operator, max_per_core: int, least: int) -> None:
    set_conntrack(operator, max_per_core=max_per_core, least=least)
    operator.time_passes(_A_WHILE)


def _acts(_world: World, operator: Operator) -> None:
    _set(operator, _PER_CORE // 1000, _LEAST // 1000)


def _harmless(_world: World, operator: Operator) -> None:
    _set(operator, _PER_CORE // 2, _LEAST // 2)


def _heal(_world: World, operator: Operator) -> None:
    _set(operator, _PER_CORE, _LEAST)


SCENARIO = Scenario(
    name="conntrack-table-full",
    title="The nodes' tables of tracked connections are full",
    story=(
        "An operator wrote kube-proxy's maximum of tracked connections in thousands, as 32 per core and at least 131. "
        "Every node's table is full; the kernel drops whatever begins another connection."
    ),
    root_cause="conntrack_table_full",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("dns_blocked_by_security_group", "pod_routes_missing", "kube_proxy_rules_missing"),
    not_in_lab="a kernel has one maximum for all network namespaces, that of the machine itself",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="conntrack-table-full-look-alike",
    title="Half of the usual maximum of tracked connections, and room enough",
    story="An operator halved kube-proxy's maximum of tracked connections to save memory; no table comes near it.",
    root_cause="",
    not_to_blame=("conntrack_table_full", "kube_proxy_not_running"),
    not_in_lab="a kernel has one maximum for all network namespaces, that of the machine itself",
    acts=_harmless,
)
