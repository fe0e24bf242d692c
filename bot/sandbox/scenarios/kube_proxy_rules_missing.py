"""kube-proxy runs, and iptables refuses the rules that it writes."""

from __future__ import annotations

from bot.sandbox.world.kube_proxy_mode import set_interface_prefix
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_RIGHT, _WRONG = "eni", "eni-of-the-pods-on-this-node"
"""How the VPC CNI names the pods' interfaces, and a beginning that is longer than an interface's name may be."""
_TRY_SECONDS = 30.0


def _configure(operator: Operator, prefix: str) -> None:
    """Configure kube-proxy, then replace the CoreDNS pods, whose addresses it must learn."""
    set_interface_prefix(operator, prefix)
    operator.time_passes(_TRY_SECONDS)
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")
    operator.time_passes(_TRY_SECONDS)


def _acts(_world: World, operator: Operator) -> None:
    _configure(operator, _WRONG)


def _harmless(_world: World, operator: Operator) -> None:
    _configure(operator, _RIGHT)


def _heal(_world: World, operator: Operator) -> None:
    set_interface_prefix(operator, _RIGHT)
    operator.time_passes(_TRY_SECONDS)


SCENARIO = Scenario(
    name="kube-proxy-rules-missing",
    title="kube-proxy runs and cannot write its rules",
    story=(
        "An operator let kube-proxy know the pods by how their interfaces' names begin, and wrote a beginning that is "
        "longer than an interface's name may be: iptables refuses every rule. The old rules stay; then the CoreDNS "
        "pods were replaced, and the service's address leads to some that are gone."
    ),
    root_cause="kube_proxy_rules_missing",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kube-proxy-rules-missing-look-alike",
    title="kube-proxy knows the pods by their interfaces' names, and writes its rules",
    story=(
        "An operator let kube-proxy know the pods by how their interfaces' names begin, rightly (`eni`), and replaced "
        "the CoreDNS pods afterwards."
    ),
    root_cause="",
    not_to_blame=("kube_proxy_rules_missing", "kube_proxy_not_running"),
    acts=_harmless,
)
