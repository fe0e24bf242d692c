from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest

from bot.collectors import coredns_logs, coredns_pods, corefile, kube_dns, kube_proxy_logs, kube_proxy_pods
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.evidence import Collector
from bot.domain.findings import Case, Judgement, Rule, Verdict
from bot.domain.json_values import RawObject
from bot.domain.lookups import EVERYTHING
from bot.domain.ports import Resource
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.nodes import Compute, Node
from bot.rules.coredns_crash_corefile import RULE as CRASH
from bot.rules.kube_dns_no_endpoints import RULE as NO_ENDPOINTS
from bot.rules.kube_proxy_forbidden import RULE as PROXY_FORBIDDEN
from bot.rules.kube_proxy_not_running import RULE as NOT_RUNNING
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import cluster_role, config_map, small_cluster

T = TypeVar("T")

NODES = WorkerNodes(
    vpc_id="vpc-1",
    nodes=tuple(Node(name=name, ready=True, compute=Compute.MANAGED) for name in ("node-a", "node-b")),
    interfaces=(),
)


class HttpReader:
    """The reader's three calls as plain HTTP requests to the served cluster."""

    def __init__(self, served: ServedCluster) -> None:
        self.served = served

    def _path(self, resource: Resource, namespace: str, tail: str = "") -> str:
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        return f"{root}/namespaces/{namespace}/{resource.plural}{tail}"

    def _ask(self, path: str) -> Any:
        status, body = self.served.ask("GET", path, token="reader-token")
        if status == 404:
            raise NotFound(path)
        if status != 200:
            raise EvidenceUnavailable(f"{path}: {status} {body}")
        return body

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> RawObject:
        """GET one object."""
        found: RawObject = self._ask(self._path(resource, namespace, f"/{name}"))
        return found

    def list(
        self,
        resource: Resource,
        read: Callable[[RawObject], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Sequence[T]:
        """GET a list."""
        query = urlencode({"labelSelector": labels, "fieldSelector": fields})
        return [read(one) for one in self._ask(self._path(resource, namespace) + f"?{query}")["items"]]

    def logs(
        self,
        pod: PodName,
        *,
        container: str = "",
        previous: bool = False,
        since_seconds: int = 900,
        tail_lines: int = 2000,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """GET a log."""
        query = urlencode(
            {
                "container": container,
                "previous": str(previous).lower(),
                "timestamps": "true",
                "sinceSeconds": since_seconds,
                "tailLines": tail_lines,
                "limitBytes": limit_bytes,
            }
        )
        return str(self._ask(self._path(Resource(plural="pods"), pod.namespace, f"/{pod.name}/log?{query}")))

    def schemas(self, resource: Resource) -> RawObject:
        """GET what describes a group and version."""
        root = f"apis/{resource.group}" if resource.group else "api"
        found: RawObject = self._ask(f"/openapi/v3/{root}/{resource.version}")
        return found

    def pod_page(self, pod: PodName, *, port: int, path: str) -> str:
        """GET a pod's page."""
        return str(self._ask(self._path(Resource(plural="pods"), pod.namespace, f"/{pod.name}:{port}/proxy/{path}")))


@pytest.fixture
def served() -> Iterator[ServedCluster]:
    """Serve the small cluster, at rest."""
    cluster = ServedCluster()
    cluster.put(*small_cluster())
    cluster.settle()
    yield cluster
    cluster.stop()


def judged(served: ServedCluster, rule: Rule) -> Judgement:
    """Gather over HTTP what the rule needs, and judge it."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    evidence: dict[type, object] = {WorkerNodes: NODES}
    units: tuple[Collector[Any, Any], ...] = (
        kube_dns.COLLECTOR,
        coredns_pods.COLLECTOR,
        corefile.COLLECTOR,
        coredns_logs.COLLECTOR,
        kube_proxy_pods.COLLECTOR,
        kube_proxy_logs.COLLECTOR,
    )
    target = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1")
    for unit in units:
        look = View(
            cluster=HttpReader(served),
            at=None,  # type: ignore[arg-type]  # these collectors ask AWS nothing
            target=target,
            question=Question(cluster="cluster-prod"),
            parameters=unit.parameters(),
            started_at=now,
            needed=evidence,
        )
        evidence[unit.evidence] = unit.collect(look)
    return rule.judge(Case(target=target, collected_at=now, thresholds=rule.thresholds(), evidence=evidence))


def test_a_served_cluster_at_rest_is_healthy(served: ServedCluster) -> None:
    """Real HTTP answers of a cluster where nothing is wrong."""
    judgements = {rule.name: judged(served, rule) for rule in (CRASH, NO_ENDPOINTS, PROXY_FORBIDDEN, NOT_RUNNING)}

    assert {name: one.verdict for name, one in judgements.items()} == dict.fromkeys(judgements, Verdict.HEALTHY)


def test_a_bad_corefile_is_latent_at_first(served: ServedCluster) -> None:
    """The pods log a failed reload and run on. A real CoreDNS looks for a changed Corefile no sooner than 2 s on."""
    served.ask("POST", "/sandbox/passed", {"seconds": 2})
    served.put(config_map("coredns", "Corefile", ".:53 {\n    errors\n    proxy . 1.1.1.1\n}\n"))
    served.settle()

    judgement = judged(served, CRASH)

    assert judgement.verdict is Verdict.PROBLEM
    assert (judgement.details["latent"], judgement.details["word"]) == (True, "proxy")
    assert judgement.details["bad_line"] == "proxy . 1.1.1.1"


def test_pods_that_start_with_a_bad_corefile_crash(served: ServedCluster) -> None:
    """Recreated, both pods die of it: the crash is named, and kube-dns has no ready endpoint."""
    served.put(config_map("coredns", "Corefile", ".:53 {\n    errors\n    proxy . 1.1.1.1\n}\n"))
    for pod in served.pods("k8s-app=kube-dns", "kube-system"):
        served.ask("DELETE", f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    served.settle()
    served.turn(5)

    crash, empty = judged(served, CRASH), judged(served, NO_ENDPOINTS)

    assert (crash.verdict, empty.verdict) == (Verdict.PROBLEM, Verdict.PROBLEM)
    assert crash.details["latent"] is False
    assert crash.reach == (EVERYTHING,)


def test_a_kube_proxy_that_may_not_list_is_named(served: ServedCluster) -> None:
    """Its role loses endpointslices: 403 in its log, with who and what."""
    served.put(cluster_role("services", "nodes", "namespaces", "pods"))
    served.turn(3)

    judgement = judged(served, PROXY_FORBIDDEN)
    until = time.monotonic() + 5
    while judgement.verdict is not Verdict.PROBLEM and time.monotonic() < until:
        time.sleep(0.1)  # the reflector logs its first failure after a moment
        judgement = judged(served, PROXY_FORBIDDEN)

    assert judgement.verdict is Verdict.PROBLEM
    assert judgement.details["resources"] == ["endpointslices"]
    assert judgement.details["subject"] == "system:serviceaccount:kube-system:kube-proxy"
