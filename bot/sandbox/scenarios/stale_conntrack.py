"""A pod's tracked exchange with the DNS service outlives the CoreDNS pod that it was led to."""

from __future__ import annotations

from bot.sandbox.world.dns_pods import coredns_pods
from bot.sandbox.world.scenario import ByFix, OperatingError, Operator, Scenario
from bot.sandbox.world.world import WORKLOAD_SELECTOR, World

_A_WHILE = 600.0
"""Seconds in which every entry of a single query has ended, in IPVS, too."""
_PORT = 40053
_NOT_IN_LAB = "no pod of the lab asks from one port; its test of the node view tracks such a query in the kernel"


def _addresses(operator: Operator) -> list[str]:
    return [pod["status"]["podIP"] for pod in coredns_pods(operator) if pod["status"].get("podIP")]


def _replace_coredns(operator: Operator) -> str:
    """Replace the CoreDNS pods; return an address that was one of theirs."""
    before = _addresses(operator)
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")
    operator.time_passes(_A_WHILE)
    after = _addresses(operator)
    gone = [address for address in before if address not in after]
    if not gone:
        raise OperatingError("the new CoreDNS pods have the addresses of the old ones")
    return gone[0]


def _track(world: World, operator: Operator, led_to: str) -> None:
    """Let an application's pod ask by an exchange that its node leads to this address."""
    pods = operator.get("pods", labels=WORKLOAD_SELECTOR)
    pod = next(one for one in pods if one["status"].get("podIP") and not one["spec"].get("hostNetwork"))
    client = pod["status"]["podIP"]
    operator.track(pod["spec"]["nodeName"], client=client, port=_PORT, server=world.cluster_dns, led_to=led_to)


def _acts(world: World, operator: Operator) -> None:
    _track(world, operator, _replace_coredns(operator))


def _harmless(world: World, operator: Operator) -> None:
    _replace_coredns(operator)
    _track(world, operator, _addresses(operator)[0])


SCENARIO = Scenario(
    name="stale-conntrack",
    title="A pod's queries still go to a CoreDNS pod that is gone",
    story=(
        "An operator restarted CoreDNS, and kube-proxy failed to list its node's tracked connections just then. A pod "
        "that sends all its queries from one UDP port keeps the entry that leads to an old CoreDNS pod; whoever takes "
        "a new port for each query is answered."
    ),
    root_cause="stale_conntrack",
    healed_by=ByFix(fix="recreate_pods"),
    not_to_blame=("conntrack_table_full", "kube_proxy_rules_missing", "kube_proxy_not_running"),
    not_in_lab=_NOT_IN_LAB,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="stale-conntrack-look-alike",
    title="A pod's tracked queries go to one of the new CoreDNS pods",
    story=(
        "An operator restarted CoreDNS, and kube-proxy removed the entries that led to the old pods. A pod that sends "
        "all its queries from one UDP port is led to a new one ever since."
    ),
    root_cause="",
    not_to_blame=("stale_conntrack",),
    not_in_lab=_NOT_IN_LAB,
    acts=_harmless,
)
