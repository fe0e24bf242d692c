"""CoreDNS may hold less memory than it needs to start: the kernel kills every new pod at once."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.editing import edit_pod_template
from bot.sandbox.world.scenario import ByFix, Operator, Scenario
from bot.sandbox.world.world import World


def _allow(operator: Operator, resources: dict[str, Any]) -> None:
    """Give CoreDNS's container these resources, which makes new pods."""

    def changed(template: dict[str, Any]) -> dict[str, Any]:
        (container,) = template["spec"]["containers"]
        return {**template, "spec": {**template["spec"], "containers": [{**container, "resources": resources}]}}

    edit_pod_template(operator, "deployments.apps", "coredns", changed, namespace="kube-system")
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")


def _as_much(memory: str) -> dict[str, Any]:
    return {"limits": {"memory": memory}, "requests": {"cpu": "100m", "memory": memory}}


def _acts(_world: World, operator: Operator) -> None:
    _allow(operator, _as_much("7Mi"))


def _harmless(_world: World, operator: Operator) -> None:
    _allow(operator, _as_much("70Mi"))


SCENARIO = Scenario(
    name="coredns-oom-killed",
    title="CoreDNS may hold less memory than it needs to start",
    story=(
        "An operator wanted CoreDNS to hold no more than the 70Mi that it asks for, and wrote 7Mi. The rollout stands "
        "still: the kernel kills new pods as they start, and the old one that is left answers."
    ),
    root_cause="coredns_oom_killed",
    explains=("coredns_pods_not_ready",),
    healed_by=ByFix(fix="raise_coredns_memory"),
    not_to_blame=("coredns_crash_corefile", "coredns_forwarding_loop", "kube_dns_no_endpoints"),
    lab_seeds=(1,),
    by_memory_limit=True,
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-oom-killed-look-alike",
    title="CoreDNS may hold less memory than before, and enough",
    story="An operator let CoreDNS hold no more than the 70Mi that it asks for; the rollout went through.",
    root_cause="",
    not_to_blame=("coredns_oom_killed", "coredns_pods_not_ready"),
    acts=_harmless,
)
