"""NodeLocal DNSCache on every node, as its manifest for kube-proxy in iptables mode has it (B1, B2)."""

from __future__ import annotations

from bot.sandbox.world.node_local_dns import NodeLocalDns, install
from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import World


def _acts(world: World, operator: Operator) -> None:
    install(operator, NodeLocalDns(cluster_ip=world.cluster_dns))


SCENARIO = Scenario(
    name="healthy-node-local-dns",
    title="NodeLocal DNSCache listens on the DNS Service's address on every node; nothing is wrong",
    story=(
        "The cluster's owners applied nodelocaldns.yaml with 169.254.20.10 and the DNS Service's address; pods ask "
        "the same address as before and are answered on their own node."
    ),
    root_cause="",
    not_to_blame=("wrong_nameserver", "kube_dns_address_changed", "kube_dns_service_missing"),
    lab_seeds=(1,),
    acts=_acts,
)
