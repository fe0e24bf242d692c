"""A Service was renamed, and somebody asks about its old name: every server says that it is not there."""

from __future__ import annotations

from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

_OLD, _NEW, _NAMESPACE = "orders", "orders-v2", "default"
_ASKED = (f"{_OLD}.{_NAMESPACE}.svc.cluster.local",)


def _serve(world: World, operator: Operator, name: str) -> None:
    """Create the application's Service under this name."""
    chance = world.chance("orders")
    address = f"172.20.{chance.randrange(60, 250)}.{chance.randrange(5, 20)}"  # applications' end in 20 and more
    operator.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": _NAMESPACE},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": address,
                "clusterIPs": [address],
                "selector": {"app.kubernetes.io/name": "orders"},
                "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
            },
        }
    )


def _acts(world: World, operator: Operator) -> None:
    _serve(world, operator, _NEW)


def _harmless(world: World, operator: Operator) -> None:
    _serve(world, operator, _OLD)


def _heal(world: World, operator: Operator) -> None:
    operator.delete("services", _NEW, namespace=_NAMESPACE)
    _serve(world, operator, _OLD)


SCENARIO = Scenario(
    name="asked-name-does-not-exist",
    title="A Service was renamed, and its old name is asked about",
    story=(
        "A team renamed its Service orders to orders-v2. Somebody whose program still asks for the old name has the "
        "bot look it up: every server says that there is no such name. DNS itself is well."
    ),
    root_cause="",
    symptom="asked_name_does_not_exist",
    names=_ASKED,
    healed_by=ByHand(acts=_heal),
    not_to_blame=("dns_lookups_fail", "coredns_upstream_unreachable", "kube_dns_service_missing"),
    lab_seeds=(1,),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="asked-name-does-not-exist-look-alike",
    title="A Service that nobody serves yet is asked about",
    story="A team created its Service orders before its pods. The name exists, and every server answers it.",
    root_cause="",
    names=_ASKED,
    not_to_blame=("asked_name_does_not_exist", "dns_lookups_fail"),
    acts=_harmless,
)
