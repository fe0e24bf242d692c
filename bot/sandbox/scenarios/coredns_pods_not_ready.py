"""CoreDNS's readiness probe asks a port where nothing listens: new pods run, answer, and never become ready."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.editing import edit_pod_template
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_READY = {"path": "/ready", "port": 8181, "scheme": "HTTP"}
_HEALTH = {"path": "/health", "port": 8080, "scheme": "HTTP"}
_SETTLED_SECONDS = 65
"""Longer than a pod may take to become ready before anybody calls it unwell."""


def _probe(operator: Operator, asked: dict[str, Any]) -> None:
    """Let the Deployment's readiness probe ask this."""

    def changed(template: dict[str, Any]) -> dict[str, Any]:
        (container,) = template["spec"]["containers"]
        probed = {**container, "readinessProbe": {**container["readinessProbe"], "httpGet": asked}}
        return {**template, "spec": {**template["spec"], "containers": [probed]}}

    edit_pod_template(operator, "deployments.apps", "coredns", changed, namespace="kube-system")
    operator.rollout_restart("deployments.apps", "coredns", namespace="kube-system")


def _acts(_world: World, operator: Operator) -> None:
    _probe(operator, {**_READY, "port": 8281})
    operator.time_passes(_SETTLED_SECONDS)


def _harmless(_world: World, operator: Operator) -> None:
    _probe(operator, _HEALTH)
    operator.time_passes(_SETTLED_SECONDS)


def _heal(_world: World, operator: Operator) -> None:
    _probe(operator, _READY)


SCENARIO = Scenario(
    name="coredns-pods-not-ready",
    title="New CoreDNS pods never become ready: their probe asks the wrong port",
    story=(
        "An operator mistyped the port of CoreDNS's readiness probe and restarted it. The rollout stands still: new "
        "pods run and are never ready, and the old one that is left answers every lookup. No rule knows why."
    ),
    root_cause="",
    symptom="coredns_pods_not_ready",
    healed_by=ByHand(acts=_heal),
    not_to_blame=("coredns_crash_corefile", "coredns_api_unreachable", "dns_lookups_fail"),
    not_in_lab="the lab waits for a restart to end, and this one stands still",
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="coredns-pods-not-ready-look-alike",
    title="CoreDNS's readiness probe asks another port, and is answered",
    story="An operator let CoreDNS's readiness probe ask /health on port 8080; the rollout went through.",
    root_cause="",
    not_to_blame=("coredns_pods_not_ready",),
    not_in_lab="the same restart as its scenario",
    acts=_harmless,
)
