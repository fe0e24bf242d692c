"""Why a CoreDNS pod finds no place: the scheduler's and the kubelet's words, and what the VPC has. No rule itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.collectors.coredns_pods import CorednsPod
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Gap
from bot.domain.findings import Case
from bot.network.model import Subnet

FEW = 16
"""Free addresses of a subnet below which a node may get none: with prefix delegation it takes sixteen at once."""
_LACKING = re.compile(r"insufficient ([\w./-]{1,253})")
_MACHINE = frozenset({"cpu", "memory", "ephemeral-storage", "pods"})
_BRANCH = "vpc.amazonaws.com/pod-eni"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why, and what to do."""

    why: str
    advice: str = ""


def lacking(words: str) -> Reason | None:
    """Return what no node has enough of, by the scheduler's words in lower case; None: it says nothing of the kind."""
    names = tuple(dict.fromkeys(name.rstrip(".,") for name in _LACKING.findall(words)))
    if not names:
        return None
    if _BRANCH in names:
        return Reason(
            why=f"no node has a branch interface left for it ({_BRANCH}): it is to have security groups of its own",
            advice=(
                "kubectl get securitygrouppolicies -A  # one of them selects CoreDNS; only Nitro instances with trunk "
                "interfaces have branch interfaces, and few each"
            ),
        )
    if set(names) <= _MACHINE:
        words_for = " or ".join(sorted({"CPU" if name == "cpu" else name for name in names}))
        return Reason(why=f"no node has enough free {words_for}")
    return Reason(why=f"no node has enough free {', '.join(names)}")


def without_address(case: Case, pod: CorednsPod, words: str) -> Reason:
    """Return why the CNI had no address for the pod: its own words are the same for every reason."""
    cluster, subnets = case.look_for(EksCluster), case.look_for(Subnets)
    if "eniconfig" in words:
        return _eni_config("the VPC CNI finds no usable ENIConfig for its node")
    if isinstance(cluster, EksCluster) and ":" in cluster.service_cidr:
        return Reason(
            why="the VPC CNI could not give it an IPv6 address: in an IPv6 cluster its role needs rights of its own",
            advice=(
                "Its role needs ec2:AssignIpv6Addresses and ec2:UnassignIpv6Addresses (no AWS managed policy has "
                "them): kubectl -n kube-system logs -l k8s-app=aws-node -c aws-node | grep -i unauthorized"
            ),
        )
    own = _own_subnets(case, pod, subnets)
    known = [subnet for subnet in own if subnet.free_addresses is not None]
    if not known:
        return Reason(
            why=(
                "the VPC CNI could not give it an address: its subnet may have none free, its role may lack rights, or "
                "an ENIConfig may be wrong (the subnets' free addresses were not read)"
            ),
            advice=f"{_SHOW_FREE}; {_SHOW_CNI}",
        )
    free = ", ".join(f"{subnet.id}: {subnet.free_addresses} free" for subnet in known)
    if any((subnet.free_addresses or 0) < FEW for subnet in known):
        return Reason(
            why=f"its node's subnet has no free IP address for it ({free})",
            advice=f"Free addresses in the subnet, or let pods take others (custom networking): {_SHOW_FREE}",
        )
    return _eni_config(
        f"the VPC CNI could not give it an address although the subnet has some ({free}): its role lacks a right, or "
        "an ENIConfig names a wrong subnet or group"
    )


_SHOW_FREE = "aws ec2 describe-subnets --query 'Subnets[].[SubnetId,AvailableIpAddressCount]'"
_SHOW_CNI = "kubectl -n kube-system logs -l k8s-app=aws-node -c aws-node --tail=50"


def _eni_config(why: str) -> Reason:
    return Reason(why=why, advice=f"{_SHOW_CNI}; kubectl get eniconfigs -o yaml")


def _own_subnets(case: Case, pod: CorednsPod, subnets: Subnets | Gap) -> tuple[Subnet, ...]:
    """Return the subnets of the pod's node; of all nodes where its own is not known."""
    nodes = case.look_for(WorkerNodes)
    if isinstance(subnets, Gap) or isinstance(nodes, Gap):
        return ()
    instances = {node.instance_id for node in nodes.nodes if node.name == pod.node} - {""}
    of_node = {one.subnet_id for one in nodes.interfaces if one.instance_id in instances}
    wanted = of_node or {one.subnet_id for one in nodes.interfaces}
    return tuple(subnet for subnet in subnets.subnets if subnet.id in wanted)
