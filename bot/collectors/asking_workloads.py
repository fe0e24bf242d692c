"""The workloads behind the most wasteful clients of the query log: what their pod templates say of DNS (C11).

Deployments, StatefulSets and DaemonSets alone: others make no pods anew when their template changes. Cost: one get of
each, at most `max_workloads`, those that waste most. In a playbook: `{collector: asking_workloads}`.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from bot.collectors.query_log import QueryLog
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.ports import ClusterReader
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.members import optional_text, part
from bot.kubernetes.owners import manager_of
from bot.kubernetes.rollouts import RESTARTABLE, unfinished
from bot.kubernetes.workloads import template_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadParameters:
    """How many are read."""

    max_workloads: int = 10
    """More are changed in a second plan, once the first has shown what it saves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingWorkload:
    """A controller and what its pod template says of DNS."""

    namespace: str
    kind: str
    name: str
    uid: str
    dns_policy: str
    """Empty: ClusterFirst, as for every pod that says nothing."""
    dns_config: str
    """JSON of the pod template's `dnsConfig`; empty: it has none."""
    manager: str
    """Who says that they manage it: Helm, Argo CD, Flux; empty: nobody."""
    rollout: str
    """What its rollout waits for; empty: it is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingWorkloads:
    """The controllers of clients that waste queries, the most wasteful first."""

    workloads: tuple[AskingWorkload, ...]
    gaps: tuple[Gap, ...] = ()

    def find(self, namespace: str, kind: str, name: str) -> AskingWorkload | None:
        """Return this controller; None: it was not read."""
        wanted = (namespace, kind, name)
        return next((one for one in self.workloads if (one.namespace, one.kind, one.name) == wanted), None)


def collect(look: View) -> AskingWorkloads:
    """Read the controllers of the pods that wasted most."""
    wasted: Counter[tuple[str, str, str]] = Counter()
    for client in look.need(QueryLog).clients:
        if client.cost.wasted and client.owner.kind in RESTARTABLE:
            wasted[client.namespace, client.owner.kind, client.owner.name] += client.cost.wasted
    found: list[AskingWorkload] = []
    gaps: list[Gap] = []
    for (namespace, kind, name), _ in wasted.most_common(look.parameters.max_workloads):
        try:
            found.append(read_workload(look.cluster, namespace, kind, name))
        except NotFound:
            continue
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"{kind.lower()} {namespace}/{name}", error))
    return AskingWorkloads(workloads=tuple(found), gaps=tuple(gaps))


def read_workload(cluster: ClusterReader, namespace: str, kind: str, name: str) -> AskingWorkload:
    """Return the controller, of a kind that makes its pods anew. Raises `NotFound`, `EvidenceUnavailable`."""
    answer = cluster.get(RESTARTABLE[kind], name, namespace=namespace)
    with reading(f"get {kind.lower()} {namespace}/{name}"):
        spec = template_spec(answer)
        config = part(spec, "dnsConfig")
        return AskingWorkload(
            namespace=namespace,
            kind=kind,
            name=name,
            uid=optional_text(answer["metadata"], "uid"),
            dns_policy=optional_text(spec, "dnsPolicy"),
            dns_config=json.dumps(config, sort_keys=True) if config else "",
            manager=manager_of(answer),
            rollout=unfinished(kind, answer),
        )


def may_read_templates(unlocks: str) -> tuple[KubernetesPermission, ...]:
    """Return the rights that `read_workload` needs; `unlocks` says what for."""
    return tuple(
        KubernetesPermission(verb="get", resource=resource.plural, group=resource.group, unlocks=unlocks)
        for resource in RESTARTABLE.values()
    )


def summarise(found: AskingWorkloads) -> str:
    """Say how many were read, and how many have a dnsConfig of their own."""
    own = sum(bool(one.dns_config) for one in found.workloads)
    return f"{count(len(found.workloads), 'workload')} waste queries, {own} with a dnsConfig of their own"


COLLECTOR = Collector(
    name="asking_workloads",
    title="Workloads that waste queries",
    evidence=AskingWorkloads,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=may_read_templates("what the pod template of a wasteful workload says of DNS"),
    needs=(QueryLog,),
    parameters=WorkloadParameters,
)
