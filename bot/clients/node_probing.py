"""Sees nodes: runs a fixed argument list in a node's network namespace, in a pod that has the host's network.

First in a pod that is there anyway: kube-proxy's, the VPC CNI's or NodeLocal DNSCache's, whose images carry some of the
programs (EKS's have iptables and conntrack, and no shell). What none of them has runs in a short-lived pod, where
`node_probe` is configured for the cluster; else it cannot be had, and `EvidenceUnavailable` says so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.clients.kubernetes_api import KubernetesApi
from bot.clients.kubernetes_exec import KubernetesProber
from bot.clients.kubernetes_reading import KubernetesReader
from bot.clients.own_names import OwnNames
from bot.clients.probe_pods import ProbePods
from bot.domain.cluster import ClusterTarget, PodName
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.ports import ExecResult, NodeProber, Record
from bot.domain.reading import reading
from bot.errors import AccessDenied, EvidenceUnavailable, Unauthenticated
from bot.kubernetes.pods import Pod
from bot.kubernetes.probe_pods import CONTAINER
from bot.kubernetes.resources import KUBE_SYSTEM, PODS
from bot.linux.programs import program_missing

HOST_PODS = ("kube-proxy", "aws-node", "node-local-dns")
"""Values of the label `k8s-app`, in the order in which they are asked: pods of kube-system on the host's network."""
KEPT_BYTES = 3 * 1024 * 1024
"""Of what a program on a node prints: the rules of some thousand Services are 2 MB."""

_SELECTOR = f"k8s-app in ({','.join(HOST_PODS)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPod:
    """A container on the host's network that was not made for us."""

    pod: PodName
    container: str
    image: str


@dataclass(slots=True, kw_only=True)
class _Known:
    """What was found out during a run. Threads may find out the same twice, which does no harm."""

    host_pods: dict[str, tuple[HostPod, ...]] = field(default_factory=dict)
    """By node."""
    lacking: set[tuple[str, str]] = field(default_factory=set)
    """Image and program: it has none of that name."""


class ClusterNodes:
    """Implements `ports.NodeRun`. Safe among threads."""

    def __init__(self, target: ClusterTarget, api: KubernetesApi, names: OwnNames) -> None:
        self._target, self._api, self._names = target, api, names
        self._known = _Known()
        self._pods = ProbePods(api=api, probe=target.node_probe) if target.node_probe else None
        self._closed = threading.Event()

    def prober(self, deadline: Deadline, record: Record) -> NodeProber:
        return _Prober(self, deadline, record)

    def close(self) -> None:
        self._closed.set()
        if self._pods is not None:
            self._pods.close()

    def run(self, node: str, arguments: Sequence[str], deadline: Deadline, record: Record) -> ExecResult:
        """Run a program on a node, wherever it can be run there."""
        if self._closed.is_set():
            raise EvidenceUnavailable(f"The diagnosis is over: node {node} is not looked at any more.")
        failures: list[EvidenceUnavailable] = []
        for host_pod in self._host_pods(node, arguments[0], deadline, record, failures):
            result = self._try(host_pod, arguments, deadline, record, failures)
            if result is not None:
                return result
        if self._pods is None or self._target.node_probe is None:
            raise _nowhere(self._target, node, arguments[0], failures)
        made = HostPod(
            pod=self._pods.on(node, deadline, record), container=CONTAINER, image=self._target.node_probe.image
        )
        result = self._exec(made, arguments, deadline, record)
        if program_missing(result):
            raise EvidenceUnavailable(
                f"The image of `node_probe` ({made.image}) has no `{arguments[0]}`, nor has a pod that is on node "
                f"{node} anyway. Use an image that has it.",
                setting="node_probe",
            )
        return result

    def run_in(
        self, pod: PodName, container: str, arguments: Sequence[str], deadline: Deadline, record: Record
    ) -> ExecResult:
        """Run a program in a pod that somebody made before."""
        if self._closed.is_set():
            raise EvidenceUnavailable(f"The diagnosis is over: pod {pod} is not looked at any more.")
        return self._exec(HostPod(pod=pod, container=container, image=""), arguments, deadline, record)

    def _host_pods(
        self, node: str, program: str, deadline: Deadline, record: Record, failures: list[EvidenceUnavailable]
    ) -> Iterator[HostPod]:
        """Yield the containers on a node that may have a program."""
        if node not in self._known.host_pods:
            try:
                self._known.host_pods[node] = self._list(node, deadline, record)
            except Unauthenticated:
                raise
            except EvidenceUnavailable as error:
                failures.append(error)
                return
        for one in self._known.host_pods[node]:
            if (one.image, program) not in self._known.lacking:
                yield one

    def _list(self, node: str, deadline: Deadline, record: Record) -> tuple[HostPod, ...]:
        with (
            record(KubernetesPermission(verb="list", resource="pods", namespace=KUBE_SYSTEM)),
            reading(f"list pods of {KUBE_SYSTEM} on node {node}"),
        ):
            found = KubernetesReader(self._api, deadline).list(
                PODS, _ranked, namespace=KUBE_SYSTEM, labels=_SELECTOR, fields=f"spec.nodeName={node}"
            )
        return tuple(
            HostPod(
                pod=PodName(namespace=pod.namespace, name=pod.name),
                container=pod.container.name,
                image=pod.container.image,
            )
            for _, pod in sorted(found, key=lambda pair: (pair[0], pair[1].name))
            if pod.host_network
            and pod.container.running_since is not None
            and not pod.terminating
            and pod.dns_policy != "ClusterFirstWithHostNet"  # its resolv.conf would not be the node's
        )

    def _try(
        self,
        host_pod: HostPod,
        arguments: Sequence[str],
        deadline: Deadline,
        record: Record,
        failures: list[EvidenceUnavailable],
    ) -> ExecResult | None:
        try:
            result = self._exec(host_pod, arguments, deadline, record)
        except Unauthenticated:
            raise
        except EvidenceUnavailable as error:
            failures.append(error)
            return None
        if not program_missing(result):
            return result
        self._known.lacking.add((host_pod.image, arguments[0]))
        return None

    def _exec(self, host_pod: HostPod, arguments: Sequence[str], deadline: Deadline, record: Record) -> ExecResult:
        prober = KubernetesProber(self._api, self._names, deadline, keep_bytes=KEPT_BYTES)
        with record(KubernetesPermission(verb="create", resource="pods/exec", namespace=host_pod.pod.namespace)):
            return prober.run(host_pod.pod, host_pod.container, arguments)


@dataclass(frozen=True, slots=True)
class _Prober:
    """Implements `ports.NodeProber` for one collector."""

    nodes: ClusterNodes
    deadline: Deadline
    record: Record

    def run(self, node: str, arguments: Sequence[str]) -> ExecResult:
        return self.nodes.run(node, arguments, self.deadline, self.record)

    def run_in(self, pod: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        return self.nodes.run_in(pod, container, arguments, self.deadline, self.record)


def _ranked(answer: RawObject) -> tuple[int, Pod]:
    """Return the place of a pod's kind among `HOST_PODS`, and the pod."""
    return HOST_PODS.index(answer["metadata"]["labels"]["k8s-app"]), Pod.of(answer)


def _nowhere(
    target: ClusterTarget, node: str, program: str, failures: Sequence[EvidenceUnavailable]
) -> EvidenceUnavailable:
    """Return why a program can be run nowhere on a node, and what would help."""
    refused = next((error for error in failures if isinstance(error, AccessDenied)), None)
    if refused is not None:
        return AccessDenied(
            f"Node {node} is not looked at: {refused.reason} That is off unless somebody installs the role dnsbot-node "
            "(chart value `rbac.node.enabled`): exec in pods of kube-system is as good as root on their nodes.",
            grant=refused.grant,
        )
    if failures:
        return failures[0]
    return EvidenceUnavailable(
        f"`{program}` cannot be run on node {node}: no pod that is there anyway ({', '.join(HOST_PODS)}) has it. Set "
        f"`node_probe: {{image, namespace}}` for {target.name} in dnsbot.yaml, and it runs in a short-lived pod.",
        setting="node_probe",
    )
