"""The DNS Service bears a label by which kube-proxy leaves it to another proxy, and there is none."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.editing import edit
from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_NAMESPACE = "kube-system"
_LABEL = "service.kubernetes.io/service-proxy-name"
"""`service.kubernetes.io/headless` did the same once: kube-proxy of 1.36 leaves by that EndpointSlices alone."""
_A_WHILE = 180.0
"""Seconds: kube-proxy that has just started may still write."""


def _acts(_world: World, operator: Operator) -> None:
    def labelled(service: dict[str, Any]) -> dict[str, Any]:
        metadata = service["metadata"]
        return {**service, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), _LABEL: "mesh"}}}

    edit(operator, "services", "kube-dns", labelled, namespace=_NAMESPACE)
    operator.time_passes(_A_WHILE)


def _harmless(world: World, operator: Operator) -> None:
    chance = world.chance("address-of-the-mesh")
    address = f"172.20.{chance.randrange(60, 250)}.{chance.randrange(5, 20)}"
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]
    operator.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "mesh-ingress", "namespace": _NAMESPACE, "labels": {_LABEL: "mesh"}},
            "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": ports},
        }
    )
    operator.time_passes(_A_WHILE)


def _heal(_world: World, operator: Operator) -> None:
    def without(service: dict[str, Any]) -> dict[str, Any]:
        metadata = service["metadata"]
        kept = {key: value for key, value in metadata["labels"].items() if key != _LABEL}
        return {**service, "metadata": {**metadata, "labels": kept}}

    edit(operator, "services", "kube-dns", without, namespace=_NAMESPACE)
    operator.time_passes(_A_WHILE)


SCENARIO = Scenario(
    name="dns-service-left-to-another-proxy",
    title="kube-proxy leaves the DNS Service to another proxy",
    story=(
        "An operator of a service mesh labelled the Service kube-dns so that kube-proxy leaves it to the mesh's proxy, "
        "which leads nothing. kube-proxy works, says nothing, and removes its rules for the Service on every node; "
        "CoreDNS answers at its pods' own addresses."
    ),
    root_cause="kube_proxy_rules_missing",
    explains=("dns_lookups_fail",),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("kube_proxy_not_running", "kube_dns_no_endpoints", "dns_blocked_by_security_group"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="dns-service-left-to-another-proxy-look-alike",
    title="kube-proxy leaves a Service of the mesh alone to the mesh's proxy",
    story="The same label on a Service of the mesh's own; kube-proxy leads the DNS Service as before.",
    root_cause="",
    not_to_blame=("kube_proxy_rules_missing", "kube_proxy_not_running"),
    acts=_harmless,
)
