"""What shows of a world, in words that do not depend on where pods happened to be placed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterSources, open_sources
from bot.dns.api_failure import ApiFailure
from bot.dns.coredns_log import CorednsLineKind, coredns_line
from bot.dns.kube_proxy_log import KubeProxyLineKind, kube_proxy_line
from bot.domain.cluster import ClusterTarget, PodName
from bot.domain.deadline import Deadline
from bot.domain.ports import Resource
from bot.errors import EvidenceUnavailable
from bot.sandbox.scenario import Operator
from bot.sandbox.world import CLUSTER, CLUSTER_DNS, REGION, World

Json: TypeAlias = dict[str, Any]
PODS = Resource(plural="pods")
INSIDE, OUTSIDE = "kubernetes.default.svc.cluster.local.", "amazon.com."
_TOOLS = "catalog"
"""The application with dig on board and a pod on each node."""
_STATUS = re.compile(r"status: ([A-Z]+)")
_SECONDS = 30.0


class Tell(Protocol):
    """Adds a row to a table that is printed when all tests have run."""

    def __call__(self, table: str, *row: object) -> None:
        """Add it. `table` is the heading; rows of one heading have the same number of cells."""
        ...


class Running(Protocol):
    """A `RunningWorld` or a `RunningLab`."""

    @property
    def world(self) -> World:
        """The world before anybody broke it."""
        ...

    @property
    def operator(self) -> Operator:
        """Somebody with AWS and kubectl."""
        ...

    @property
    def directory(self) -> Path:
        """Holds `kubeconfig.yaml` and `dnsbot.yaml`."""
        ...

    @property
    def environment(self) -> dict[str, str]:
        """What the bot's process needs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Relation:
    """How a client's node and a CoreDNS pod's node lie to one another, as far as it matters."""

    same_node: bool
    same_subnet: bool
    same_node_group: bool
    acl_changed: tuple[bool, bool]
    """Of the client's and of the server's subnet, against the healthy world."""
    server_runs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From where to where a look-up went."""

    to: str
    """`pod`, `service`, or `own` (the name server of the client's resolv.conf)."""
    servers: tuple[Relation, ...]
    """One for a pod; those of all ready CoreDNS pods for the service."""
    own_is_service: bool
    external: bool
    tcp: bool

    @property
    def is_certain(self) -> bool:
        """Whether it does not depend on which CoreDNS pod the service chose."""
        return len(set(self.servers)) <= 1


Lookups: TypeAlias = Mapping[Way, frozenset[str]]
"""What came back: `answer` or `failure`.

Silence, SERVFAIL and refusal are not told apart: the kernel sends few "port unreachable" in a second (icmp_ratelimit in
the kernel's ip-sysctl page), and CoreDNS answers SERVFAIL only after the client has given up.
"""


def sources(running: Running) -> ClusterSources:
    """Return the bot's clients for this world, as the reader."""
    target = ClusterTarget(name=CLUSTER, eks_name=CLUSTER, region=REGION)
    kubeconfig = str(running.directory / "kubeconfig.yaml")
    return open_sources(ClusterConnection(target=target, kubeconfig=kubeconfig, context=CLUSTER))


def diagnose(running: Running, *arguments: str) -> tuple[int, Json]:
    """Run `dnsbot diagnose cluster-prod --output json` as a user would; return exit code and report."""
    command = [sys.executable, "-m", "bot", "diagnose", CLUSTER, *arguments, "--output", "json"]
    done = subprocess.run(
        [*command, "--config", str(running.directory / "dnsbot.yaml")],
        env={**os.environ, **running.environment, "DATABASE_URL": f"sqlite:///{running.directory}/history.db"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    report: Json = json.loads(done.stdout)
    return done.returncode, report


def problems(report: Json) -> set[str]:
    """Return the rules that say PROBLEM."""
    return {finding["rule"] for finding in report["findings"] if finding["verdict"] == "problem"}


def pod_states(running: Running) -> list[tuple[str, str, bool, str, bool]]:
    """Return, sorted, each pod's application, phase, readiness, reason of waiting, and whether it was restarted."""
    found = []
    for pod in running.operator.get("pods"):
        labels, status = pod["metadata"]["labels"], pod["status"]
        name = labels.get("k8s-app") or labels.get("app.kubernetes.io/name") or pod["metadata"]["name"]
        container = (status.get("containerStatuses") or [{}])[0]
        waiting = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
        ready, restarted = bool(container.get("ready")), container.get("restartCount", 0) > 0
        found.append((name, status["phase"], ready, waiting, restarted))
    return sorted(found)


def log_kinds(running: Running) -> dict[str, set[str]]:
    """Return which kinds of lines stand in the logs of CoreDNS and kube-proxy, current runs and previous ones.

    Calls to the API, failed or not, are told apart by what was to be read.
    """
    reader = sources(running).cluster(Deadline.after(_SECONDS))
    found: dict[str, set[str]] = {"kube-dns": set(), "kube-proxy": set()}
    for application, kinds in found.items():
        for pod in running.operator.get("pods", namespace="kube-system", labels=f"k8s-app={application}"):
            for line in _lines(reader, PodName(namespace="kube-system", name=pod["metadata"]["name"])):
                kinds.add(_kind(application, line.partition(" ")[2]))
    unsaid = {"other", "", CorednsLineKind.WAITING_FOR_API.value}  # the last one depends on how fast the API answers
    return {application: kinds - unsaid for application, kinds in found.items()}


def _lines(reader: Any, pod: PodName) -> Iterator[str]:  # a ClusterReader
    for previous in (False, True):
        try:
            yield from reader.logs(pod, previous=previous).splitlines()
        except EvidenceUnavailable:
            continue


def _kind(application: str, text: str) -> str:
    if application == "kube-proxy":
        said = kube_proxy_line(text)
        if said.kind is KubeProxyLineKind.API_WORKS:
            return f"api works: {said.resource}"
        return _failed_call(said.failure) if said.failure else ""
    line = coredns_line(text)
    if line.kind is CorednsLineKind.API_FAILURE and line.api:
        return _failed_call(line.api)
    if line.kind is CorednsLineKind.UPSTREAM_FAILURE and line.upstream:
        return f"upstream failure: {line.upstream.kind.value}"
    return line.kind.value


def _failed_call(failure: ApiFailure) -> str:
    return f"api failure: {failure.kind.value}, {failure.resource or 'of what is not said'}"


def answered(lookups: Lookups) -> str:
    """Say how many of the ways that were looked up always, and sometimes, led to an answer."""
    always = sum(found == {"answer"} for found in lookups.values())
    sometimes = sum(len(found) > 1 for found in lookups.values())
    return f"{always} of {len(lookups)}" + (f", {sometimes} sometimes" if sometimes else "")


def look_up_everything(running: Running) -> Lookups:
    """Ask each CoreDNS pod, the service and the pod's own name server from a pod on each node, udp and tcp."""
    clients = running.operator.get("pods", namespace=_TOOLS)
    servers = running.operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")
    ready = [pod for pod in servers if pod["status"].get("containerStatuses", [{}])[0].get("ready")]
    targets = [("pod", str(pod["status"]["podIP"]), [pod]) for pod in servers if pod["status"].get("podIP")]
    targets += [("service", CLUSTER_DNS, ready), ("own", "", ready)]
    asked = [
        (client, target, name, tcp)
        for client in clients
        for target in targets
        for name in (INSIDE, OUTSIDE)
        for tcp in (False, True)
    ]
    prober, places = sources(running).prober(Deadline.after(_SECONDS * 4)), _Places(running)
    with ThreadPoolExecutor(len(asked)) as pool:
        own = dict(zip(map(_name, clients), pool.map(lambda client: _own_server(prober, client), clients), strict=True))
        answers = list(
            pool.map(lambda one: _ask(prober, one[0], one[1][1] or own[_name(one[0])], one[2], tcp=one[3]), asked)
        )
    found: dict[Way, frozenset[str]] = {}
    for (client, (to, _, pods), name, tcp), answer in zip(asked, answers, strict=True):
        way = Way(
            to=to,
            servers=tuple(sorted(places.relation(client, pod) for pod in pods)),
            own_is_service=own[_name(client)] == CLUSTER_DNS,
            external=name == OUTSIDE,
            tcp=tcp,
        )
        found[way] = found.get(way, frozenset()) | {answer}
    return found


def _name(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def _own_server(prober: Any, client: Json) -> str:  # a Prober
    said = prober.run(PodName(namespace=_TOOLS, name=_name(client)), _TOOLS, ["cat", "/etc/resolv.conf"]).stdout
    return next(words[1] for words in map(str.split, said.splitlines()) if words and words[0] == "nameserver")


def _ask(prober: Any, client: Json, address: str, name: str, *, tcp: bool) -> str:  # a Prober
    options = ["+time=2", "+tries=1", "+noall", "+comments", "+answer", *(["+tcp"] if tcp else [])]
    pod = PodName(namespace=_TOOLS, name=_name(client))
    done = prober.run(pod, _TOOLS, ["dig", *options, f"@{address}", name, "A"])
    status = _STATUS.search(done.stdout)
    return "answer" if status and status[1] == "NOERROR" else "failure"


class _Places:
    """Where pods are, in the terms of a `Relation`."""

    def __init__(self, running: Running) -> None:
        world = running.world
        self._nodes = {node.name: node for node in world.nodes}
        acls = running.operator.aws("ec2", "DescribeNetworkAcls")["NetworkAcls"]
        now = {one["SubnetId"]: acl["NetworkAclId"] for acl in acls for one in acl["Associations"]}
        self._changed = {subnet.id: now[subnet.id] != subnet.network_acl_id for subnet in world.subnets}

    def relation(self, client: Json, server: Json) -> Relation:
        """Return how two pods lie to one another."""
        here, there = (self._nodes[pod["spec"]["nodeName"]] for pod in (client, server))
        return Relation(
            same_node=there is here,
            same_subnet=there.subnet_id == here.subnet_id,
            same_node_group=there.node_group == here.node_group,
            acl_changed=(self._changed[here.subnet_id], self._changed[there.subnet_id]),
            server_runs=bool(server["status"]["containerStatuses"][0]["state"].get("running")),
        )
