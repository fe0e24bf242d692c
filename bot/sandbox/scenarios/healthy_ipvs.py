"""kube-proxy works in ipvs mode; nothing is wrong."""

from __future__ import annotations

from bot.sandbox.world.kube_proxy_mode import set_mode
from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import World


def _acts(_world: World, operator: Operator) -> None:
    set_mode(operator, "ipvs")


SCENARIO = Scenario(
    name="healthy-ipvs",
    title="kube-proxy in ipvs mode; nothing is wrong",
    story="The cluster's owners set mode: ipvs in the configuration of the kube-proxy add-on and restarted it.",
    root_cause="",
    not_to_blame=("kube_proxy_not_running", "kube_proxy_api_timeout"),
    not_in_lab="ipvs mode wants a dummy interface, which the lab's kernel does not have",
    acts=_acts,
)
