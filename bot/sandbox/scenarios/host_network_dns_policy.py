"""An application was put on its nodes' network, and its dnsPolicy was left as it was."""

from __future__ import annotations

from bot.sandbox.world.editing import Json, edit_pod_template
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World

_NOT_IN_LAB = "nobody has played it there yet"
_STARTED_SECONDS = 1.0


def _on_host_network(operator: Operator, name: str, policy: str) -> None:
    def moved(template: Json) -> Json:
        return {**template, "spec": {**template["spec"], "hostNetwork": True, "dnsPolicy": policy}}

    edit_pod_template(operator, "deployments.apps", name, moved, namespace=name)


def _acts(_world: World, operator: Operator) -> None:
    _on_host_network(operator, "carts", "ClusterFirst")
    operator.time_passes(_STARTED_SECONDS)


def _harmless(_world: World, operator: Operator) -> None:
    _on_host_network(operator, "carts", "ClusterFirstWithHostNet")
    _on_host_network(operator, "checkout", "Default")
    operator.time_passes(_STARTED_SECONDS)


SCENARIO = Scenario(
    name="host-network-dns-policy",
    title="An application on its nodes' network asks the nodes' servers",
    story=(
        "To spare addresses an application was put on its nodes' network. Nobody changed its dnsPolicy: its pods find "
        "everything outside, and no Service."
    ),
    root_cause="host_network_dns_policy",
    healed_by=ByFix(fix="set_dns_policy"),
    not_to_blame=("dns_lookups_fail", "wrong_nameserver"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="host-network-dns-policy-look-alike",
    title="Two applications on their nodes' network say what they want of DNS",
    story=(
        "One application was put on its nodes' network with ClusterFirstWithHostNet; another asks for Default, since "
        "it needs no Service and shall work while CoreDNS does not."
    ),
    root_cause="",
    not_to_blame=("host_network_dns_policy", "wrong_nameserver"),
    weighed={"host_network_dns_policy": r"deployment/checkout in checkout: \d pods?, dnsPolicy Default"},
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
