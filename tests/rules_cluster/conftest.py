"""A healthy cluster as evidence, to break in one place per test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from bot.collectors.control_plane import ControlPlane
from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.dns.coredns_pod_log import coredns_pod_log
from bot.dns.corefile.parsing import parse_corefile
from bot.dns.kube_proxy_pod_log import KubeProxyPodLog, kube_proxy_pod_log
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import timed_lines
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Gap, failing_reads
from bot.domain.findings import Case, Judgement, Rule
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.kubernetes.nodes import Compute, Node
from bot.kubernetes.pods import Container, Pod
from bot.network.model import Interface, Route, Subnet
from tests.looking import as_stored

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
YESTERDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
COREFILE = (
    ".:53 {\n    errors\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n        pods insecure\n"
    "    }\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n}\n"
)


def coredns_pod(name: str, ip: str, **changes: Any) -> CorednsPod:
    """Return a CoreDNS pod that runs since yesterday; changes of the container go by `container_…`."""
    container = Container(
        name="coredns",
        image="registry/eks/coredns:v1.11.4",
        memory_limit="170Mi",
        readiness_path="/ready",
        ready=True,
        running_since=YESTERDAY,
    )
    inner = {key.removeprefix("container_"): changes.pop(key) for key in list(changes) if key.startswith("container_")}
    pod = CorednsPod(
        namespace="kube-system",
        name=name,
        ip=ip,
        node=f"node-{name[-1]}",
        phase="Running",
        ready=True,
        created_at=YESTERDAY,
        container=replace(container, **inner),
        ready_since=YESTERDAY + timedelta(seconds=10),
    )
    return replace(pod, **changes)


def coredns_log(name: str, text: str, *, whole: bool = True, ended: bool = False) -> Any:
    """Return a pod's log as evidence; each line of `text` begins with its time. `ended`: it is all of a past run's."""
    lines = timed_lines(text)
    log = PodLog(pod=name, lines=lines, whole=whole, ended=lines if ended else ())
    return coredns_pod_log(log, NOW - WINDOW)


def kube_proxy_log(name: str, node: str, text: str) -> KubeProxyPodLog:
    """Return a kube-proxy pod's log as evidence."""
    return kube_proxy_pod_log(PodLog(pod=name, lines=timed_lines(text), whole=True), node, NOW - WINDOW)


def kube_proxy_pod(name: str, node: str) -> Pod:
    """Return a running kube-proxy pod."""
    return Pod(
        namespace="kube-system",
        name=name,
        node=node,
        phase="Running",
        ready=True,
        created_at=YESTERDAY,
        container=Container(name="kube-proxy", running_since=YESTERDAY),
    )


def corefile(text: str = COREFILE, **changes: Any) -> Corefile:
    """Return a Corefile as evidence."""
    parsed = parse_corefile(text)
    made = Corefile(
        exists=bool(text),
        text=text,
        blocks=parsed.blocks,
        refusal=parsed.refusal,
        unknown=parsed.unknown,
        changed_at=YESTERDAY - timedelta(days=1),
    )
    return replace(made, **changes)


def lookups(*answers: tuple[str, str, Answer], nodes: int = 1) -> LookupMatrix:
    """Return lookups of (server, "inside" or "outside", answer)."""
    return LookupMatrix(
        nodes_total=nodes,
        nodes_looked=nodes,
        lookups=tuple(
            Lookup(
                client=Client(node="node-a", kind=ClientKind.POD, pod="shop/ui"),
                server=server,
                through_service=server == "172.20.0.10",
                transport=Transport.UDP,
                external=place == "outside",
                name="amazon.com." if place == "outside" else "kubernetes.default.svc.cluster.local.",
                answer=answer,
            )
            for server, place, answer in answers
        ),
        resolvers=(),
    )


def subnets(vpc_cidr: str = "10.0.0.0/16", *, free: int | None = 4_000) -> Subnets:
    """Return one subnet of a VPC with this CIDR and so many free addresses."""
    local = Route(destination=vpc_cidr, target="local", active=True)
    subnet = Subnet(
        id="subnet-a",
        vpc_id="vpc-1",
        zone="eu-west-1a",
        cidrs=(ip_network("10.0.1.0/24"),),
        route_table_id="rtb-1",
        routes=(local,),
        free_addresses=free,
    )
    return Subnets(vpc_id="vpc-1", subnets=(subnet,))


def worker_nodes() -> WorkerNodes:
    """Return node-a and node-b, an instance each in subnet-a."""
    ids = {"node-a": "i-0aaaaaaaaaaaaaaaa", "node-b": "i-0bbbbbbbbbbbbbbbb"}
    return WorkerNodes(
        vpc_id="vpc-1",
        nodes=tuple(
            Node(name=name, provider_id=f"aws:///eu-west-1a/{instance}", ready=True, compute=Compute.MANAGED)
            for name, instance in ids.items()
        ),
        interfaces=tuple(
            Interface(
                id=f"eni-{name[-1]}",
                instance_id=instance,
                subnet_id="subnet-a",
                security_group_ids=frozenset({"sg-1"}),
                addresses=frozenset(),
            )
            for name, instance in ids.items()
        ),
    )


def _gaps(held: object) -> tuple[Gap, ...]:
    """Return what could not be read of a piece of evidence."""
    return (held,) if isinstance(held, Gap) else getattr(held, "gaps", ())


class Make:
    """The makers above, for tests."""

    now = NOW
    yesterday = YESTERDAY
    coredns_pod = staticmethod(coredns_pod)
    coredns_log = staticmethod(coredns_log)
    kube_proxy_log = staticmethod(kube_proxy_log)
    kube_proxy_pod = staticmethod(kube_proxy_pod)
    corefile = staticmethod(corefile)
    subnets = staticmethod(subnets)
    lookups = staticmethod(lookups)

    def coredns_pods(self, *pods: CorednsPod, **changes: Any) -> CorednsPods:
        """Return these pods, or two healthy ones."""
        both = (coredns_pod("coredns-a", "10.0.1.7"), coredns_pod("coredns-b", "10.0.2.7"))
        made = CorednsPods(deployment_exists=True, desired_replicas=2, pods=pods or both, deployment_annotations=())
        return replace(made, **changes)

    def coredns_logs(
        self, texts: Mapping[str, str] | None = None, *, ended: Collection[str] = (), **changes: Any
    ) -> CorednsLogs:
        """Return logs of two pods; `texts` by pod name, those in `ended` of a run that has ended."""
        made = {"coredns-a": "", "coredns-b": "", **(texts or {})}
        logs = tuple(coredns_log(name, text, ended=name in ended) for name, text in made.items())
        return replace(CorednsLogs(pods=logs, pods_total=len(logs), window_seconds=900), **changes)

    def kube_proxy_logs(self, texts: Mapping[str, str] | None = None, **changes: Any) -> KubeProxyLogs:
        """Return logs of kube-proxy on node-a and node-b; `texts` by node."""
        made = {"node-a": "", "node-b": "", **(texts or {})}
        logs = tuple(kube_proxy_log(f"kube-proxy-{node[-1]}", node, text) for node, text in made.items())
        return replace(KubeProxyLogs(pods=logs, pods_total=len(logs), window_seconds=900), **changes)

    def kube_proxy_pods(self, **changes: Any) -> KubeProxyPods:
        """Return kube-proxy on node-a and node-b."""
        made = KubeProxyPods(
            daemon_set_exists=True,
            desired=2,
            scheduled=2,
            pods=(kube_proxy_pod("kube-proxy-a", "node-a"), kube_proxy_pod("kube-proxy-b", "node-b")),
            nodes_total=2,
            exempt_nodes=0,
            uncovered=(),
        )
        return replace(made, **changes)

    def kube_dns(self, **changes: Any) -> KubeDns:
        """Return the DNS service with two ready endpoints."""
        made = KubeDns(
            service_exists=True,
            cluster_ip="172.20.0.10",
            cluster_ips=("172.20.0.10",),
            selector="k8s-app=kube-dns",
            ports=("53/udp", "53/tcp"),
            endpoints=(
                DnsEndpoint(ip="10.0.1.7", ready=True, node="node-a", pod="coredns-a"),
                DnsEndpoint(ip="10.0.2.7", ready=True, node="node-b", pod="coredns-b"),
            ),
        )
        return replace(made, **changes)

    def eks_cluster(self, *, auto_mode: bool = False, service_cidr: str = "172.20.0.0/16") -> EksCluster:
        """Return the EKS cluster."""
        return EksCluster(
            name="cluster-prod",
            arn="arn:aws:eks:eu-west-1:123456789012:cluster/cluster-prod",
            account="123456789012",
            status="ACTIVE",
            version="1.33",
            vpc_id="vpc-1",
            cluster_security_group_id="sg-1",
            security_group_ids=(),
            subnet_ids=(),
            endpoint="https://abc.gr7.eu-west-1.eks.amazonaws.com",
            endpoint_public=True,
            endpoint_private=True,
            service_cidr=service_cidr,
            auto_mode=auto_mode,
        )

    def control_plane(self, *addresses: str) -> ControlPlane:
        """Return the control plane's interfaces at these addresses."""
        return ControlPlane(
            interfaces=tuple(
                Interface(
                    id=f"eni-{address}",
                    instance_id="",
                    subnet_id="subnet-a",
                    security_group_ids=frozenset({"sg-1"}),
                    addresses=frozenset({ip_address(address)}),
                )
                for address in addresses
            ),
            endpoint_host="abc.gr7.eu-west-1.eks.amazonaws.com",
            endpoint_private=True,
        )

    def healthy(self) -> dict[type, object]:
        """Return all evidence of a cluster where nothing is wrong."""
        answers = [
            (server, place, Answer.ANSWERED)
            for server in ("172.20.0.10", "10.0.1.7", "10.0.2.7")
            for place in ("inside", "outside")
        ]
        return {
            EksCluster: self.eks_cluster(),
            ControlPlane: self.control_plane("10.0.3.4", "10.0.4.4"),
            KubeDns: self.kube_dns(),
            CorednsPods: self.coredns_pods(),
            CorednsLogs: self.coredns_logs(),
            Corefile: corefile(),
            Subnets: subnets(),
            WorkerNodes: worker_nodes(),
            LookupMatrix: lookups(*answers),
            KubeProxyPods: self.kube_proxy_pods(),
            KubeProxyLogs: self.kube_proxy_logs(),
        }


@pytest.fixture
def make() -> Make:
    """Give the makers of evidence."""
    return Make()


@pytest.fixture
def judge(make: Make) -> Callable[..., Judgement]:
    """Judge the healthy cluster with these parts replaced, each as it is stored."""

    def run(rule: Rule, *changed: object, gaps: Mapping[type, object] | None = None, **thresholds: Any) -> Judgement:
        world = make.healthy() | {type(one): one for one in changed}
        stored = {kind: as_stored(value) for kind, value in world.items()} | dict(gaps or {})
        return rule.judge(
            Case(
                target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"),
                collected_at=NOW,
                thresholds=rule.thresholds(**thresholds),
                evidence={kind: value for kind, value in stored.items() if kind in rule.inputs},
                failing_reads=failing_reads(gap for one in stored.values() for gap in _gaps(one)),
            )
        )

    return run
