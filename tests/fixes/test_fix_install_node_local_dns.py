from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bot.collectors.branch_pods import BranchPods
from bot.collectors.kube_dns import KubeDns
from bot.collectors.manifest_schemas import ManifestSchemas
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.vpc_cni import VpcCni
from bot.domain.deadline import Deadline
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import JsonObject
from bot.domain.lookup_matrix import LookupMatrix, PodResolver
from bot.domain.lookups import Client, ClientKind
from bot.domain.plans import Advice, PlanCase, Planned, Reading, Step, Writing
from bot.domain.ports import Resource
from bot.domain.settling import Progressing
from bot.errors import WriteFailed
from bot.fixes.install_node_local_dns import FIX, Parameters
from bot.kubernetes.node_local_manifest import KINDS
from bot.kubernetes.pods import Container, Pod
from bot.sandbox.kubernetes.served_cluster import ServedCluster
from bot.sandbox.kubernetes.small_cluster import small_cluster
from tests.collectors_kubernetes.test_against_a_served_cluster import HttpReader
from tests.fixes.conftest import TARGET, NoCluster
from tests.kubernetes.test_object_schemas import schema
from tests.rules_cluster.test_nodelocal_rules import CILIUM, PROXY, cache

CLUSTER_IP, LOCAL = "172.20.0.10", "169.254.20.10"
DNS = KubeDns(
    service_exists=True,
    cluster_ip=CLUSTER_IP,
    cluster_ips=(CLUSTER_IP,),
    selector="k8s-app=kube-dns",
    ports=(),
    endpoints=(),
)
NONE = NodeLocalDns(caches=(), cluster_ips=(CLUSTER_IP,))


def asking(*servers: str) -> LookupMatrix:
    """Return what a pod is told to ask."""
    client = Client(node="node-a", kind=ClientKind.POD, pod="shop/web")
    resolver = PodResolver(client=client, dns_policy="ClusterFirst", nameservers=servers, search=(), ndots=5)
    return LookupMatrix(nodes_total=1, nodes_looked=1, lookups=(), resolvers=(resolver,))


def branch_pod(name: str) -> Pod:
    """Return a pod with a branch interface, younger than any aws-node."""
    return Pod(
        namespace="shop",
        name=name,
        node="node-a",
        phase="Running",
        ready=True,
        created_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        container=Container(name="web"),
        branch_interface=True,
    )


class Standard(VpcCni):
    """aws-node that made every pod in standard mode."""

    def mode_of(self, pod: Pod) -> EnforcingMode:
        """See `VpcCni.mode_of`."""
        del pod
        return EnforcingMode.STANDARD


SCHEMAS = ManifestSchemas(asked=True, schemas=tuple(schema(kind) for kind in KINDS))
NO_BRANCHES, UNKNOWN_MODE = BranchPods(policies=0, pods=()), VpcCni(aws_node=None)
BRANCHES = BranchPods(policies=1, pods=(branch_pod("till-1"), branch_pod("till-2")))


def planned(*evidence: object, servers: tuple[str, ...] = (LOCAL,)) -> Planned | Advice:
    """Plan from a cluster whose pods ask a cache that is not there, with these parts of it replaced."""
    usual: dict[type, object] = {
        type(one): one for one in (NONE, DNS, PROXY, asking(LOCAL), NO_BRANCHES, UNKNOWN_MODE, SCHEMAS)
    }
    classes = {Gap: ManifestSchemas, Standard: VpcCni}
    given = {classes.get(type(one), type(one)): one for one in evidence}
    judgement = Judgement(verdict=Verdict.PROBLEM, summary="Astray.", details={"nameservers": list(servers)})
    finding = Finding(
        rule="wrong_nameserver",
        title="Astray",
        kind=Kind.CAUSE,
        playbook="lookups",
        severity=Severity.CRITICAL,
        judgement=judgement,
    )
    case = PlanCase(plan_id="p1", target=TARGET, finding=finding, parameters=Parameters(), evidence=usual | given)
    return FIX.plan(case)


def steps(*evidence: object) -> tuple[Step, ...]:
    """Return the steps of a plan that must be made."""
    found = planned(*evidence)
    assert isinstance(found, Planned), found
    return found.steps


def arguments(of: tuple[Step, ...]) -> str:
    """Return what `-localip` says in the DaemonSet that is planned."""
    body: Any = of[-1].parameters["body"]
    words: list[str] = body["spec"]["template"]["spec"]["containers"][0]["args"]
    return words[words.index("-localip") + 1]


RENDERED = [
    ("iptables", (), f"{LOCAL},{CLUSTER_IP}"),
    ("ipvs", (replace(NONE, kube_proxy_mode="ipvs"),), LOCAL),
    ("Cilium", (CILIUM,), LOCAL),
    ("another address asked", (asking("169.254.25.9", CLUSTER_IP),), f"169.254.25.9,{CLUSTER_IP}"),
    ("nobody asks one", (asking(CLUSTER_IP),), f"{LOCAL},{CLUSTER_IP}"),
    ("branch pods in standard mode", (BRANCHES, Standard(aws_node=None)), f"{LOCAL},{CLUSTER_IP}"),
]


@pytest.mark.parametrize(("evidence", "addresses"), [row[1:] for row in RENDERED], ids=[row[0] for row in RENDERED])
def test_the_manifest_is_rendered_for_the_cluster(evidence: tuple[object, ...], addresses: str) -> None:
    """Its own address, and the DNS service's where nothing else holds that; the API tries all of it first."""
    made = steps(*evidence)

    assert arguments(made) == addresses
    assert [step.action for step in made] == ["try", "create", "create", "create", "create"]
    assert [step.target.split()[0] for step in made[1:]] == ["ServiceAccount", "Service", "ConfigMap", "DaemonSet"]


IPV6 = replace(DNS, cluster_ip="fd00::a", cluster_ips=("fd00::a",))
REFUSED = [
    ("there already", (replace(NONE, caches=(cache(),)),), (LOCAL,), "is there already: DaemonSet kube-system/node-"),
    ("no DNS Service", (replace(DNS, cluster_ip="", selector=""),), (LOCAL,), "no DNS Service"),
    ("IPv6", (IPV6,), (LOCAL,), "family is IPv6"),
    ("no address of a cache's", (), ("10.100.0.10",), "told to ask 10.100.0.10"),
    ("strict branch pods", (BRANCHES,), (LOCAL,), "2 pods with a branch interface would lose DNS: shop/till-1, shop/t"),
    (
        "branch pods not read",
        (replace(BRANCHES, gaps=(Gap(what="x", reason="403"),)),),
        (LOCAL,),
        "lose DNS by it: 403",
    ),
    ("ipvs, and nobody told", (replace(NONE, kube_proxy_mode="ipvs"), asking(CLUSTER_IP)), (LOCAL,), "no pod is told"),
]


@pytest.mark.parametrize(
    ("evidence", "servers", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_where_it_would_break_or_help_nobody_it_is_not_planned(
    evidence: tuple[object, ...], servers: tuple[str, ...], reason: str
) -> None:
    """Why stands in the advice, with the pods that would lose DNS by name (B5, B6)."""
    found = planned(*evidence, servers=servers)

    assert isinstance(found, Advice)
    assert reason in found.reason


UNKNOWN_KIND = replace(SCHEMAS, schemas=SCHEMAS.schemas[:3])
NO_HOST_NETWORK = {
    name: {**known, "properties": {key: one for key, one in known["properties"].items() if key != "hostNetwork"}}
    if "hostNetwork" in known.get("properties", {})
    else known
    for name, known in cast("dict[str, dict[str, Any]]", SCHEMAS.schemas[3].schemas).items()
}
OTHER_KIND = replace(SCHEMAS, schemas=(*SCHEMAS.schemas[:3], replace(SCHEMAS.schemas[3], schemas=NO_HOST_NETWORK)))


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (UNKNOWN_KIND, "DaemonSet: the API server knows no such kind"),
        (OTHER_KIND, "DaemonSet spec.template.spec: Additional properties are not allowed ('hostNetwork' was"),
    ],
    ids=["a kind", "a member"],
)  # fmt: skip
def test_what_the_api_server_does_not_know_is_never_shown(known: ManifestSchemas, said: str) -> None:
    """The plan is not made, and why names kind, place and member."""
    found = planned(known)

    assert isinstance(found, Advice)
    assert found.reason.startswith(f"The API would not take the manifest: {said}")


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (Gap(what="x", reason="403 Forbidden (cannot get path). Grant `/openapi/v3/*: get`."), "403 Forbidden (cannot"),
        (ManifestSchemas(asked=False), "it was not asked for them"),
        (replace(SCHEMAS, schemas=(replace(SCHEMAS.schemas[0], schemas={}), *SCHEMAS.schemas[1:])), "not readable"),
    ],
    ids=["refused", "not asked", "garbled"],
)
def test_a_manifest_that_could_not_be_checked_says_so_on_the_card(known: object, why: str) -> None:
    """The API tries it all the same, as the first step."""
    found = planned(known)

    assert isinstance(found, Planned)
    assert "was not checked against the API server's schemas before the first step does: " in found.blast_radius
    assert why in found.blast_radius
    assert found.steps[0].action == "try"


@dataclass
class HttpWriter:
    """The writer's calls as plain HTTP requests."""

    served: ServedCluster
    sent: list[str] = field(default_factory=list)

    def _path(self, resource: Resource, namespace: str) -> str:
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        return f"{root}/namespaces/{namespace}/{resource.plural}"

    def create(self, resource: Resource, body: JsonObject, *, namespace: str = "", dry_run: bool = False) -> Any:
        """POST an object."""
        self.sent.append(f"{'try' if dry_run else 'create'} {resource.plural}")
        tail = "?dryRun=All" if dry_run else ""
        status, answer = self.served.ask("POST", self._path(resource, namespace) + tail, body, token="writer-token")
        if status != 201:
            raise WriteFailed(f"{status}: {answer}")
        return answer

    def delete(self, resource: Resource, name: str, *, namespace: str = "", uid: str) -> None:
        """DELETE the object with this uid."""
        self.sent.append(f"delete {resource.plural}")
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        status, answer = self.served.ask("DELETE", f"{self._path(resource, namespace)}/{name}", options)
        if status != 200:
            raise WriteFailed(f"{status}: {answer}")

    def patch(
        self, resource: Resource, name: str, body: JsonObject, *, namespace: str = "", subresource: str = ""
    ) -> Any:
        """Fail: nothing is patched."""
        del body, namespace, subresource
        raise AssertionError(f"patch {resource.plural} {name}")


@dataclass(frozen=True)
class Bench:
    """A served cluster, and the ports of a fix that leads to it."""

    served: ServedCluster
    writer: HttpWriter

    @property
    def reading(self) -> Reading:
        """What `read` and `settled` look through."""
        return Reading(cluster=HttpReader(self.served), aws=NoCluster(), target=TARGET)

    def apply(self, step: Step) -> JsonObject:
        """Apply one step, and let the cluster come to rest."""
        writing = Writing(
            cluster=HttpReader(self.served),
            aws=NoCluster(),
            target=TARGET,
            cluster_writer=self.writer,
            aws_writer=NoCluster(),
            deadline=Deadline.after(30),
            plan_id="p1",
            begun_at=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        )
        effects = FIX.apply(step, writing)
        self.served.settle()
        return effects


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Return a small cluster without NodeLocal DNSCache."""
    served = ServedCluster()
    served.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}, *small_cluster())
    served.settle()
    yield Bench(served, HttpWriter(served))
    served.stop()


def test_all_of_it_is_tried_before_any_of_it_is_made_and_then_it_answers(bench: Bench) -> None:
    """After the first step nothing is there; after the last, pods are answered where they ask."""
    first, *others = steps()
    shop = bench.served.pods(namespace="shop")[0]

    assert (FIX.read(first, bench.reading), bench.apply(first)) == (first.before, {})
    assert bench.writer.sent == ["try serviceaccounts", "try services", "try configmaps", "try daemonsets"]
    assert all(FIX.read(step, bench.reading) == step.before for step in (first, *others))
    effects = [bench.apply(step) for step in others]

    assert FIX.settled(others[-1], effects[-1], bench.reading).progress is Progressing.DONE
    assert "status: NOERROR" in bench.served.dig(shop, LOCAL, "kubernetes.default.svc.cluster.local.")


def test_the_undo_deletes_exactly_what_was_made(bench: Bench) -> None:
    """By uid, the last first; what somebody made anew in its place is another object."""
    first, *others = steps()
    bench.apply(first)
    made = [(step, bench.apply(step)) for step in others]
    undo = [FIX.inverse(step, effects) for step, effects in reversed(made)]

    assert FIX.inverse(first, {}) is None
    for step in undo:
        assert step is not None
        assert FIX.read(step, bench.reading) == step.before
        bench.apply(step)

    assert all(FIX.read(step, bench.reading) == step.before for step in others)
    assert bench.writer.sent[-4:] == [
        "delete daemonsets",
        "delete configmaps",
        "delete services",
        "delete serviceaccounts",
    ]
    again = [bench.apply(step) for step in others]
    assert undo[0] is not None
    assert FIX.read(undo[0], bench.reading) != undo[0].before
    assert again != [effects for _, effects in made]


def test_what_is_there_meanwhile_stops_the_plan(bench: Bench) -> None:
    """Its state is not the one that the plan was made from, and the API would refuse it besides."""
    first, account, *_ = steps()
    bench.apply(account)

    assert FIX.read(account, bench.reading) != account.before
    assert FIX.read(first, bench.reading) != first.before
    with pytest.raises(WriteFailed, match="409"):
        bench.apply(account)


def test_what_an_interrupted_plan_left_behind_is_taken_over(bench: Bench) -> None:
    """Another plan made it just so: it counts as absent and is kept. Changed since, it is somebody else's."""
    first, _, service, config, _ = steps()
    for step in (service, config):
        bench.apply(replace(step, parameters=_by_plan(step, "another")))
    bench.served.patch("/api/v1/namespaces/kube-system/configmaps/node-local-dns", {"data": {"Corefile": "changed"}})

    effects = bench.apply(service)

    assert FIX.read(service, bench.reading) == service.before
    assert (set(effects), FIX.inverse(service, effects)) == ({"kept_uid"}, None)
    assert FIX.read(config, bench.reading) != config.before
    assert FIX.read(first, bench.reading) != first.before


def _by_plan(step: Step, plan_id: str) -> JsonObject:
    body: Any = deepcopy(step.parameters["body"])
    body["metadata"]["annotations"] = {"dnsbot/made-by-plan": plan_id}
    return {**step.parameters, "body": body}


def test_a_daemon_set_is_complete_once_every_pod_is_ready(bench: Bench) -> None:
    """Until then it says how many are missing: here no pod of it can start, for want of its upstream Service."""
    *_, daemon_set = steps()
    config = steps()[3]
    bench.apply(config)

    seen = FIX.settled(daemon_set, bench.apply(daemon_set), bench.reading)

    assert (seen.progress, seen.text) == (Progressing.WAITING, "0 of 2 pods are Ready")
