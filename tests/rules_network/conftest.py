"""A small VPC with three nodes in two subnets and two CoreDNS pods, to break in one place per test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNode, WorkerNodes
from bot.collectors.workload_pods import WorkloadPod, WorkloadPods
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap, NoParameters
from bot.domain.findings import Case, Judgement, Rule
from bot.network.model import (
    AclEntry,
    Direction,
    Interface,
    InterfaceKind,
    NetworkAcl,
    PrefixList,
    Route,
    SecurityGroupRule,
    Subnet,
)
from bot.workflow.evidence_store import as_stored


def group_rule(
    rule_id: str, group: str, way: str, what: str, other: str, *, protocol: str = "-1", port: int = -1
) -> SecurityGroupRule:
    """Return a rule: `what` is cidr, group or list; `other` its value."""
    return SecurityGroupRule(
        id=rule_id,
        security_group_id=group,
        direction=Direction(way),
        protocol=protocol,
        from_port=port,
        to_port=port,
        cidr=ip_network(other) if what == "cidr" else None,
        group_id=other if what == "group" else "",
        prefix_list_id=other if what == "list" else "",
    )


def acl_entry(
    number: int, way: str, action: str, protocol: str = "-1", ports: tuple[int, int] | None = None
) -> AclEntry:
    """Return an entry for all addresses."""
    return AclEntry(
        number=number,
        egress=way == "out",
        allow=action == "allow",
        protocol=protocol,
        cidr=ip_network("0.0.0.0/0"),
        from_port=ports[0] if ports else None,
        to_port=ports[1] if ports else None,
    )


OPEN = (acl_entry(100, "in", "allow"), acl_entry(100, "out", "allow"))


@dataclass(frozen=True, kw_only=True)
class World:
    """node-1 and node-2 in subnet-a, node-3 in subnet-b; CoreDNS on node-1 and node-3; one group, open to itself."""

    groups: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: dict.fromkeys(("node-1", "node-2", "node-3"), ("sg-cluster",))
    )
    rules: tuple[SecurityGroupRule, ...] = (
        group_rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0"),
        group_rule("sgr-self", "sg-cluster", "ingress", "group", "sg-cluster"),
    )
    prefix_lists: tuple[PrefixList, ...] = ()
    rule_gaps: tuple[Gap, ...] = ()
    entries: dict[str, tuple[AclEntry, ...]] = field(default_factory=lambda: {"subnet-a": OPEN, "subnet-b": OPEN})
    routes: tuple[Route, ...] = (Route(destination="10.0.0.0/16", target="local", active=True),)
    more_interfaces: tuple[Interface, ...] = ()
    pods: tuple[WorkloadPod, ...] = ()
    coredns: tuple[tuple[str, str], ...] = (("10.0.1.101", "node-1"), ("10.0.2.103", "node-3"))
    service_exists: bool = True
    compute: str = "ec2"
    auto_nodes: tuple[str, ...] = ()
    """Nodes of EKS Auto Mode among the others."""
    bare: tuple[str, ...] = ()
    """Nodes whose first interface holds no address but the node's own."""
    workload_selector: str = "app=shop"
    unread: dict[type, Gap] = field(default_factory=dict)

    def judge(self, rule: Rule) -> Judgement:
        """Judge the evidence as it is stored."""
        evidence = {type(item): as_stored(item) for item in self._evidence()} | self.unread
        return rule.judge(
            Case(
                target=ClusterTarget(
                    name="cluster-prod",
                    eks_name="cluster-prod",
                    region="eu-west-1",
                    workload_selector=self.workload_selector,
                ),
                collected_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
                thresholds=NoParameters(),
                evidence={needed: evidence[needed] for needed in rule.needs},
            )
        )

    def _evidence(self) -> tuple[object, ...]:
        places = {
            "node-1": ("10.0.1.11", "subnet-a"),
            "node-2": ("10.0.1.12", "subnet-a"),
            "node-3": ("10.0.2.13", "subnet-b"),
        }
        nodes = tuple(
            WorkerNode(
                name=name,
                instance_id=f"i-{name}",
                internal_ip=ip,
                node_group="",
                zone="",
                ready=True,
                compute="auto" if name in self.auto_nodes else self.compute,
            )
            for name, (ip, _) in places.items()
        )
        interfaces = tuple(
            Interface(
                id=f"eni-{name}",
                instance_id=f"i-{name}",
                subnet_id=subnet,
                security_group_ids=frozenset(self.groups[name]),
                addresses=frozenset({ip_address(ip)} | (set() if name in self.bare else {ip_address(pod_ip(ip))})),
            )
            for name, (ip, subnet) in places.items()
        )
        listed = frozenset(group for item in (*interfaces, *self.more_interfaces) for group in item.security_group_ids)
        return (
            WorkerNodes(
                vpc_id="vpc-1",
                nodes=nodes,
                interfaces=(*interfaces, *self.more_interfaces),
                group_names=(("sg-cluster", "eks-cluster-sg-cluster-prod-1"),),
            ),
            SecurityGroupRules(group_ids=listed, rules=self.rules, prefix_lists=self.prefix_lists, gaps=self.rule_gaps),
            KubeDns(
                service_exists=self.service_exists,
                cluster_ip="172.20.0.10",
                cluster_ips=("172.20.0.10",),
                selector="k8s-app=kube-dns",
                ports=("53/udp", "53/tcp"),
                endpoints=tuple(DnsEndpoint(ip=ip, ready=True, node=node, pod="") for ip, node in self.coredns),
            ),
            WorkloadPods(selector="app=shop", pods=self.pods),
            NetworkAcls(
                vpc_id="vpc-1",
                acls=tuple(
                    NetworkAcl(
                        id=f"acl-{name}",
                        vpc_id="vpc-1",
                        is_default=False,
                        entries=entries,
                        subnet_ids=frozenset({name}),
                    )
                    for name, entries in self.entries.items()
                ),
            ),
            Subnets(
                vpc_id="vpc-1",
                subnets=tuple(
                    Subnet(
                        id=name,
                        vpc_id="vpc-1",
                        zone="",
                        cidrs=(ip_network(cidr),),
                        route_table_id=f"rtb-{name}",
                        routes=self.routes,
                    )
                    for name, cidr in (("subnet-a", "10.0.1.0/24"), ("subnet-b", "10.0.2.0/24"))
                ),
            ),
        )


def pod_ip(node_ip: str) -> str:
    """Return the pods' address on the node's interface: 10.0.1.101 for 10.0.1.11."""
    head, _, last = node_ip.rpartition(".")
    return f"{head}.{int(last) + 90}"


def branch(eni: str, ip: str, group: str, *, node: str = "node-2", subnet: str = "subnet-a") -> Interface:
    """Return a pod's own interface on a node."""
    return Interface(
        id=eni,
        instance_id=f"i-{node}" if node else "",
        subnet_id=subnet,
        security_group_ids=frozenset({group}),
        addresses=frozenset({ip_address(ip)}),
        kind=InterfaceKind.BRANCH,
    )


def shop_pod(ip: str, *, node: str = "node-2", dns_policy: str = "ClusterFirst") -> WorkloadPod:
    """Return an application pod."""
    return WorkloadPod(
        namespace="shop",
        name="web-1",
        uid="uid-1",
        node=node,
        ip=ip,
        container="web",
        phase="Running",
        ready=True,
        created_at=None,
        dns_policy=dns_policy,
        host_network=False,
        nameservers=(),
        controller_kind="Deployment",
        controller_name="web",
    )


@dataclass(frozen=True)
class Parts:
    """What tests build worlds from."""

    world: Callable[..., World] = World
    rule: Callable[..., SecurityGroupRule] = group_rule
    entry: Callable[..., AclEntry] = acl_entry
    branch: Callable[..., Interface] = branch
    pod: Callable[..., WorkloadPod] = shop_pod
    open_entries: tuple[AclEntry, ...] = OPEN


@pytest.fixture
def parts() -> Parts:
    """Hand out the builders."""
    return Parts()
