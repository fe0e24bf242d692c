"""Who else a change to a security group touches: the interfaces and nodes that carry it. Pure, from evidence."""

from __future__ import annotations

from collections.abc import Collection

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.plans import PlanCase


def carriers(case: PlanCase, group_id: str) -> tuple[int, int]:
    """Return how many known interfaces, on how many nodes, carry the group; (0, 0) where nodes were not read."""
    nodes = case.evidence.get(WorkerNodes)
    if not isinstance(nodes, WorkerNodes):
        return 0, 0
    carrying = [one for one in nodes.interfaces if group_id in one.security_group_ids]
    return len(carrying), len({one.instance_id for one in carrying if one.instance_id})


def touched(case: PlanCase, group_ids: Collection[str]) -> str:
    """Say how many interfaces on how many nodes carry any of these groups."""
    nodes = case.evidence.get(WorkerNodes)
    if not isinstance(nodes, WorkerNodes):
        return "how many interfaces carry it is not known (the nodes were not read)"
    carrying = [one for one in nodes.interfaces if one.security_group_ids & set(group_ids)]
    instances = {one.instance_id for one in carrying if one.instance_id}
    return f"{_many(len(carrying), 'interface')} on {_many(len(instances), 'node')} of {len(nodes.nodes)}"


def group_name(case: PlanCase, group_id: str) -> str:
    """Return the group's name where it was read, or an empty string."""
    nodes = case.evidence.get(WorkerNodes)
    return dict(nodes.group_names).get(group_id, "") if isinstance(nodes, WorkerNodes) else ""


def group_owner(case: PlanCase, group_id: str) -> str:
    """Say who else manages the group, as far as evidence tells."""
    cluster = case.evidence.get(EksCluster)
    if isinstance(cluster, EksCluster) and cluster.cluster_security_group_id == group_id:
        return "EKS created it (cluster security group)"
    return ""


def _many(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
