"""A healthy cluster as evidence, to break in one place per test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import ContainerState, CorednsPod, CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.collectors.kube_proxy_logs import KubeProxyLogs
from bot.collectors.kube_proxy_pods import KubeProxyPod, KubeProxyPods
from bot.collectors.lookups import Lookups
from bot.dns.coredns_pod_log import coredns_pod_log
from bot.dns.corefile import parse_corefile
from bot.dns.kube_proxy_pod_log import KubeProxyPodLog, kube_proxy_pod_log
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import timed_lines
from bot.domain.cluster import ClusterTarget
from bot.domain.findings import Answer, Case, Cell, Judgement, Protocol, Rule
from bot.workflow.evidence_store import as_stored

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
YESTERDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
COREFILE = (
    ".:53 {\n    errors\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n        pods insecure\n"
    "    }\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n}\n"
)


def coredns_pod(name: str, ip: str, **changes: Any) -> CorednsPod:
    """Return a CoreDNS pod that runs since yesterday; changes of the container go by `container_…`."""
    state = ContainerState(
        ready=True,
        restarts=0,
        waiting_reason="",
        waiting_message="",
        running_since=YESTERDAY,
        last_terminated_reason="",
        last_exit_code=None,
        last_terminated_at=None,
        memory_limit="170Mi",
    )
    inner = {key.removeprefix("container_"): changes.pop(key) for key in list(changes) if key.startswith("container_")}
    pod = CorednsPod(
        name=name,
        ip=ip,
        node=f"node-{name[-1]}",
        phase="Running",
        ready=True,
        created_at=YESTERDAY,
        image="registry/eks/coredns:v1.11.4",
        container=replace(state, **inner),
        events=(),
        synced_since=YESTERDAY + timedelta(seconds=10),
    )
    return replace(pod, **changes)


def coredns_log(name: str, text: str, *, whole: bool = True) -> Any:
    """Return a pod's log as evidence; each line of `text` begins with its time."""
    lines = timed_lines(text)
    return coredns_pod_log(PodLog(pod=name, lines=lines, whole=whole), NOW - WINDOW)


def kube_proxy_log(name: str, node: str, text: str) -> KubeProxyPodLog:
    """Return a kube-proxy pod's log as evidence."""
    return kube_proxy_pod_log(PodLog(pod=name, lines=timed_lines(text), whole=True), node, NOW - WINDOW)


def kube_proxy_pod(name: str, node: str) -> KubeProxyPod:
    """Return a running kube-proxy pod."""
    return KubeProxyPod(
        name=name,
        node=node,
        phase="Running",
        ready=True,
        created_at=YESTERDAY,
        image="registry/eks/kube-proxy:v1.33.3",
        container="kube-proxy",
        restarts=0,
        waiting_reason="",
        waiting_message="",
        running_since=YESTERDAY,
        last_terminated_reason="",
        last_terminated_at=None,
    )


def corefile(text: str = COREFILE, **changes: Any) -> Corefile:
    """Return a Corefile as evidence."""
    parsed = parse_corefile(text)
    made = Corefile(
        exists=bool(text),
        text=text,
        blocks=parsed.blocks,
        problem=parsed.problem,
        problem_line=parsed.problem_line,
        changed_at=YESTERDAY - timedelta(days=1),
    )
    return replace(made, **changes)


def lookups(*answers: tuple[str, str, Answer], nodes: int = 1) -> Lookups:
    """Return look-ups of (server, "inside" or "outside", answer)."""
    return Lookups(
        nodes_total=nodes,
        nodes_looked=nodes,
        cells=tuple(
            Cell(
                node="node-a",
                pod="shop/ui",
                server=server,
                through_service=server == "172.20.0.10",
                protocol=Protocol.UDP,
                external=place == "outside",
                name="amazon.com." if place == "outside" else "kubernetes.default.svc.cluster.local.",
                answer=answer,
            )
            for server, place, answer in answers
        ),
        resolvers=(),
    )


class Make:
    """The makers above, for tests."""

    now = NOW
    yesterday = YESTERDAY
    coredns_pod = staticmethod(coredns_pod)
    coredns_log = staticmethod(coredns_log)
    kube_proxy_log = staticmethod(kube_proxy_log)
    kube_proxy_pod = staticmethod(kube_proxy_pod)
    corefile = staticmethod(corefile)
    lookups = staticmethod(lookups)

    def coredns_pods(self, *pods: CorednsPod, **changes: Any) -> CorednsPods:
        """Return these pods, or two healthy ones."""
        both = (coredns_pod("coredns-a", "10.0.1.7"), coredns_pod("coredns-b", "10.0.2.7"))
        made = CorednsPods(deployment_exists=True, desired_replicas=2, pods=pods or both, deployment_annotations=())
        return replace(made, **changes)

    def coredns_logs(self, texts: Mapping[str, str] | None = None, **changes: Any) -> CorednsLogs:
        """Return logs of two pods; `texts` by pod name."""
        made = {"coredns-a": "", "coredns-b": "", **(texts or {})}
        logs = tuple(coredns_log(name, text) for name, text in made.items())
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

    def eks_cluster(self, *, auto_mode: bool = False) -> EksCluster:
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
            service_cidr="172.20.0.0/16",
            auto_mode=auto_mode,
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
            KubeDns: self.kube_dns(),
            CorednsPods: self.coredns_pods(),
            CorednsLogs: self.coredns_logs(),
            Corefile: corefile(),
            Lookups: lookups(*answers),
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
        evidence = {kind: as_stored(value) for kind, value in world.items() if kind in rule.needs}
        return rule.judge(
            Case(
                target=ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"),
                collected_at=NOW,
                thresholds=rule.thresholds(**thresholds),
                evidence=evidence | dict(gaps or {}),
            )
        )

    return run
