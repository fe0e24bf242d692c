"""A small VPC: three nodes in two subnets, two CoreDNS pods, the control plane; to break in one place per test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from bot.collectors.control_plane import ControlPlane
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.subnets import Subnets
from bot.collectors.vpc_cni import VpcCni
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.cluster import ClusterTarget
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Gap, NoParameters
from bot.domain.findings import Case, Judgement, Rule
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.pods import Container, Pod
from bot.kubernetes.vpc_cni import AwsNode, AwsNodePod
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
from tests.looking import as_stored

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


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


def looked(
    node: str, server: str, answer: Answer = Answer.ANSWERED, *, transport: str = "udp", through_service: bool = False
) -> Lookup:
    """Return a lookup of a cluster name by an ordinary pod of the node."""
    return Lookup(
        client=Client(node=node, kind=ClientKind.POD, pod="shop/web-1"),
        server=server,
        through_service=through_service,
        transport=Transport(transport),
        external=False,
        name="kubernetes.default.svc.cluster.local.",
        answer=answer,
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
    pods: tuple[Pod, ...] = ()
    coredns: tuple[tuple[str, str], ...] = (("10.0.1.101", "node-1"), ("10.0.2.103", "node-3"))
    mode: EnforcingMode = EnforcingMode.STRICT
    """What aws-node has been making pods with branch interfaces under."""
    mode_since: datetime = datetime(2026, 11, 1, tzinfo=UTC)
    service_exists: bool = True
    compute: Compute = Compute.MANAGED
    auto_nodes: tuple[str, ...] = ()
    """Nodes of EKS Auto Mode among the others."""
    bare: tuple[str, ...] = ()
    """Nodes whose first interface holds no address but the node's own."""
    workload_selector: str = "app=shop"
    plane: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {"eni-api-a": ("10.0.1.200", "subnet-a"), "eni-api-b": ("10.0.2.200", "subnet-b")}
    )
    """The control plane's interfaces: address and subnet."""
    plane_group: str = "sg-cluster"
    endpoint_private: bool = True
    unready_nodes: tuple[str, ...] = ()
    coredns_ready: bool = True
    unread: dict[type, Gap] = field(default_factory=dict)
    lookups: tuple[Lookup, ...] = ()

    def judge(
        self, rule: Rule, keep: Callable[[object], object] = as_stored, beside: tuple[object, ...] = ()
    ) -> Judgement:
        """Judge the evidence as it is stored, or as `keep` gives it back; `beside` is what the rule may want."""
        evidence = {type(item): keep(item) for item in (*self._evidence(), *beside)} | self.unread
        return rule.judge(
            Case(
                target=ClusterTarget(
                    name="cluster-prod",
                    eks_name="cluster-prod",
                    region="eu-west-1",
                    workload_selector=self.workload_selector,
                ),
                collected_at=NOW,
                thresholds=NoParameters(),
                evidence={kind: evidence[kind] for kind in rule.inputs if kind in rule.needs or kind in evidence},
            )
        )

    def _evidence(self) -> tuple[object, ...]:
        places = {
            "node-1": ("10.0.1.11", "subnet-a"),
            "node-2": ("10.0.1.12", "subnet-a"),
            "node-3": ("10.0.2.13", "subnet-b"),
        }
        nodes = tuple(
            Node(
                name=name,
                provider_id=f"aws:///eu-west-1a/i-{name}",
                internal_ip=ip,
                ready=name not in self.unready_nodes,
                compute=Compute.AUTO if name in self.auto_nodes else self.compute,
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
        plane = tuple(
            Interface(
                id=name,
                instance_id="",
                subnet_id=subnet,
                security_group_ids=frozenset({self.plane_group}),
                addresses=frozenset({ip_address(ip)}),
                kind=InterfaceKind.OTHER,
            )
            for name, (ip, subnet) in self.plane.items()
        )
        held = (*interfaces, *self.more_interfaces, *plane)
        listed = frozenset(group for item in held for group in item.security_group_ids)
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
            VpcCni(
                aws_node=AwsNode(
                    uid="u", image="amazon-k8s-cni:v1.19.2", mode=self.mode.value, external_snat=False, manager=""
                ),
                pods=tuple(
                    AwsNodePod(node=name, name=f"aws-{name}", created_at=self.mode_since, mode=self.mode)
                    for name in places
                ),
            ),
            LookupMatrix(nodes_total=3, nodes_looked=3, lookups=self.lookups, resolvers=()),
            ControlPlane(
                interfaces=plane, endpoint_host="abc.eks.amazonaws.com", endpoint_private=self.endpoint_private
            ),
            CorednsPods(
                deployment_exists=True,
                desired_replicas=len(self.coredns),
                pods=tuple(
                    CorednsPod(
                        namespace="kube-system",
                        name=f"coredns-{number}",
                        node=node,
                        ip=ip,
                        container=Container(name="coredns", running_since=NOW),
                        phase="Running",
                        ready=self.coredns_ready,
                        created_at=NOW,
                    )
                    for number, (ip, node) in enumerate(self.coredns, 1)
                ),
                deployment_annotations=(),
            ),
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


def shop_pod(
    ip: str,
    *,
    node: str = "node-2",
    name: str = "web-1",
    dns_policy: str = "ClusterFirst",
    host_network: bool = False,
) -> Pod:
    """Return an application pod."""
    return Pod(
        namespace="shop",
        name=name,
        node=node,
        ip=ip,
        container=Container(name="web"),
        phase="Running",
        ready=True,
        created_at=NOW,
        dns_policy=dns_policy,
        host_network=host_network,
    )


@dataclass(frozen=True)
class Parts:
    """What tests build worlds from."""

    world: Callable[..., World] = World
    rule: Callable[..., SecurityGroupRule] = group_rule
    entry: Callable[..., AclEntry] = acl_entry
    branch: Callable[..., Interface] = branch
    pod: Callable[..., Pod] = shop_pod
    looked: Callable[..., Lookup] = looked
    open_entries: tuple[AclEntry, ...] = OPEN


@pytest.fixture
def parts() -> Parts:
    """Hand out the builders."""
    return Parts()
