"""CoreDNS as Kubernetes runs it: the pods behind the DNS service and their Deployments, with states and events (C2).

They are the pods that the DNS service selects or leads to, and the Deployments that own them, whatever their names and
labels. Pods that wait, crash or are out of memory are why the service has no endpoints. Costs two API calls,
and one for the events of each pod that is not ready (at most 20); where the service selects no pod one list of
Deployments; where a pod has no node one list of nodes: the scheduler no longer names the taints that keep it away.
In a playbook: `{collector: coredns_pods}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from bot.collectors.kube_dns import KubeDns
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.lookups import EVERYTHING, Reach
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import and_more
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.coredns import CorednsSetup, coredns_setup, runs_coredns
from bot.kubernetes.events import Event
from bot.kubernetes.members import optional_number, part, text, text_map
from bot.kubernetes.nodes import Node
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import COREDNS_PODS, DEPLOYMENTS, EVENTS, KUBE_SYSTEM, NODES, PODS
from bot.kubernetes.workloads import complaint, last_change, template_annotations, template_labels, template_spec

USUAL_DEPLOYMENT = "coredns"
MOST_PODS_BY_NAME = 20
"""Pods that are read one by one: those that the service leads to and does not select."""
MOST_PODS_WITH_EVENTS = 20
MOST_EVENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPod(Pod):
    """One pod of the DNS service; its container is the one that runs CoreDNS."""

    events: tuple[Event, ...] = ()
    """The newest, newest first; read only where it is not ready."""
    setup: CorednsSetup | None = None
    """Which file is its Corefile, and from which ConfigMap it comes."""

    @property
    def synced_since(self) -> datetime | None:
        """Since when the pod is Ready, where its readiness probe asks `/ready`.

        CoreDNS says so only once the kubernetes plugin has listed everything it needs. None where Ready does not
        show that.
        """
        return self.ready_since if self.container.readiness_path == "/ready" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsPods:
    """CoreDNS as Kubernetes runs it."""

    deployment_exists: bool
    desired_replicas: int
    """Of all its Deployments together."""
    namespace: str = KUBE_SYSTEM
    deployments: tuple[str, ...] = ()
    """Names of those that own the pods; usually one."""
    selector: str = COREDNS_PODS
    """By which labels its pods are found."""
    setup: CorednsSetup | None = None
    """How its pods run it, or would: the newest pod's, else the Deployment's; None: neither is there."""
    pods: tuple[CorednsPod, ...]
    """Without those that are over (Failed, Succeeded): leftovers of an eviction or a node's shutdown."""
    deployment_annotations: tuple[tuple[str, str], ...]
    """Of the pod template; `eks.amazonaws.com/compute-type` decides about Fargate."""
    events_unread: str = ""
    """Why events could not be read, or empty."""
    complaint: str = ""
    """Why there are fewer pods than wanted, in a Deployment's own words; empty: it says nothing."""
    last_change: datetime | None = None
    """When a Deployment was made or last changed what it says of itself; None: there is none."""
    gaps: tuple[Gap, ...] = ()
    """Parts that could not be read: the Deployment, some pod's events, the nodes' taints; pods beyond the most that
    are read one by one."""
    nodes: int = 0
    """How many there are; counted only where a pod has none."""
    fargate_nodes: int = 0
    """How many of them bear Fargate's taint."""
    taints: tuple[tuple[str, int], ...] = ()
    """Each taint that keeps pods away, as kubectl writes it, and how many nodes bear it; read with the nodes."""
    wanted_by: str = ""
    """The Service that sends queries to such pods: `kube-dns (172.20.0.10)`; empty: there is none."""

    @property
    def deployment(self) -> str:
        """Name of its Deployment, the usual one where none was found."""
        return self.deployments[0] if self.deployments else USUAL_DEPLOYMENT

    def pod(self, name: str) -> CorednsPod | None:
        """Return the pod of this name."""
        return next((pod for pod in self.pods if pod.name == name), None)

    def running_since(self, name: str) -> datetime | None:
        """Return since when this pod's container runs; None: it does not run, or the pod is gone."""
        pod = self.pod(name)
        return pod.container.running_since if pod else None

    @property
    def missing(self) -> int:
        """Return how many pods are wanted and are not there; one that is being deleted is not."""
        return max(0, self.desired_replicas - sum(not pod.terminating for pod in self.pods))

    @property
    def absent(self) -> bool:
        """Return whether there is no CoreDNS and none is wanted: no Deployment, no pod, and no Service before them."""
        return not self.deployment_exists and not self.pods and not self.wanted_by

    @property
    def absence(self) -> str:
        """Say that this cluster runs no CoreDNS, or return an empty text where it does."""
        return "this cluster has no CoreDNS pods and no Deployment for them" if self.absent else ""

    @property
    def nobody(self) -> tuple[Gap, ...]:
        """Return a gap where there is no pod to look at although one is wanted: "0 of 0" is no health."""
        if self.pods or self.absent:
            return ()
        deployment = f"Deployment {self.deployment} for {self.desired_replicas}" if self.deployment_exists else ""
        wanting = " and ".join(part for part in (deployment, self.wanted_by and f"Service {self.wanted_by}") if part)
        return (Gap(what="CoreDNS pods", reason=f"there is no CoreDNS pod to look at, although there is {wanting}"),)

    def reach_of(self, names: Collection[str]) -> tuple[Reach, ...]:
        """Return which lookups fail because these pods do not serve.

        All of them when no pod is ready; else those sent straight to the pods among these that are not
        ready: the service hands nothing to them.
        """
        if not any(pod.ready for pod in self.pods):
            return (EVERYTHING,)
        down = frozenset(pod.ip for pod in self.pods if pod.name in names and not pod.ready and pod.ip)
        return (Reach(servers=down, service_path=False),) if down else ()


def collect(look: View) -> CorednsPods:
    """Read the pods of the DNS service, their Deployments, and the events of those pods that are not ready."""
    service = look.find(KubeDns)
    namespace = service.namespace if service else KUBE_SYSTEM
    selector = (service.selector if service else "") or COREDNS_PODS
    pods = _pods(look, namespace, selector)
    led_to = {one.pod for one in service.endpoints if one.pod} if service else set()
    missed, missed_gaps = _led_to(look, namespace, sorted(led_to - {pod.name for pod in pods}))
    owned, gaps = _deployments(look, namespace, selector, [*pods, *missed])
    if not pods and not missed:
        selector = _own_selector(owned) or selector
        pods = _pods(look, namespace, selector) if selector != (service.selector if service else "") else []
    with_events, event_gaps = _with_events(look, sorted([*pods, *missed], key=lambda pod: pod.name))
    homeless = any(not pod.node and not pod.terminating for pod in with_events)
    nodes, node_gap = _nodes(look) if homeless else ([], ())
    with reading(f"Deployments in {namespace}"):
        return CorednsPods(
            deployment_exists=bool(owned),
            desired_replicas=sum(optional_number(one["spec"], "replicas", 1) for one in owned),
            namespace=namespace,
            deployments=tuple(text(one["metadata"], "name") for one in owned),
            selector=selector,
            setup=_setup(with_events, owned),
            pods=with_events,
            deployment_annotations=tuple(sorted(row for one in owned for row in template_annotations(one).items())),
            events_unread=event_gaps[0].reason if event_gaps else "",
            complaint=next((said for said in map(complaint, owned) if said), ""),
            last_change=max((at for one in owned if (at := last_change(one))), default=None),
            gaps=(*gaps, *missed_gaps, *event_gaps, *node_gap),
            nodes=len(nodes),
            fargate_nodes=sum(node.takes_fargate_pods_only for node in nodes),
            taints=_taints(nodes),
            wanted_by=f"{service.title} ({service.cluster_ip})" if service and service.service_exists else "",
        )


def _pods(look: View, namespace: str, selector: str) -> list[CorednsPod]:
    """Return the selected pods without those that are over: others stand in for them."""
    with reading(f"list pods of {selector} in {namespace}"):
        found = look.cluster.list(PODS, _pod, namespace=namespace, labels=selector)
    return [pod for pod in found if not pod.over]


def _pod(raw: RawObject) -> CorednsPod:
    setup = coredns_setup(raw["spec"])
    return replace(CorednsPod.of(raw, container=setup.container), setup=setup)


def _led_to(look: View, namespace: str, names: Sequence[str]) -> tuple[list[CorednsPod], tuple[Gap, ...]]:
    """Return the pods that EndpointSlices lead to and the service's selector does not select."""
    found: list[CorednsPod] = []
    gaps = _beyond("pods that the DNS service leads to and does not select", names[MOST_PODS_BY_NAME:], len(names))
    for name in names[:MOST_PODS_BY_NAME]:
        try:
            raw = look.cluster.get(PODS, name, namespace=namespace)
            with reading(f"get pod {namespace}/{name}"):
                found.append(_pod(raw))
        except NotFound:
            continue  # the EndpointSlice is older than the pod's end
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"pod {namespace}/{name}", error))
    return found, tuple(gaps)


def _beyond(what: str, left: Sequence[str], total: int) -> list[Gap]:
    """Return a gap where there are more of these than are read one by one."""
    return [Gap(what=what, reason=f"{len(left)} of {total} {what} were not read: {and_more(left, 3)}")] if left else []


def _setup(pods: Sequence[CorednsPod], owned: Sequence[RawObject]) -> CorednsSetup | None:
    newest = max(pods, key=lambda pod: pod.created_at, default=None)
    if newest is not None:
        return newest.setup
    return coredns_setup(template_spec(owned[0])) if owned else None


def _nodes(look: View) -> tuple[Sequence[Node], tuple[Gap, ...]]:
    """Return the nodes, for their taints."""
    try:
        with reading("list nodes"):
            return look.cluster.list(NODES, Node.of), ()
    except EvidenceUnavailable as error:
        return [], (Gap.of("the nodes' taints", error),)


def _taints(nodes: Sequence[Node]) -> tuple[tuple[str, int], ...]:
    """Count the nodes under each taint that keeps pods away, the most frequent first."""
    counted = Counter(taint.text for node in nodes for taint in node.taints if taint.keeps_away)
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _deployments(
    look: View, namespace: str, selector: str, pods: Sequence[CorednsPod]
) -> tuple[list[RawObject], tuple[Gap, ...]]:
    """Return the Deployments that own these pods; where there are no pods, those that would."""
    if not pods:
        return _unborn(look, namespace, selector)
    owners = sorted({pod.owner.name for pod in pods if pod.owner.kind == "Deployment"})
    unowned = not any(pod.owner.kind for pod in pods)
    found: list[RawObject] = []
    gaps: list[Gap] = []
    for name in owners or ([USUAL_DEPLOYMENT] if unowned else []):
        try:
            found.append(look.cluster.get(DEPLOYMENTS, name, namespace=namespace))
        except NotFound:
            continue
        except EvidenceUnavailable as error:
            gaps.append(Gap.of(f"Deployment {namespace}/{name}", error))
    return found, tuple(gaps)


def _unborn(look: View, namespace: str, selector: str) -> tuple[list[RawObject], tuple[Gap, ...]]:
    """Return the Deployments whose pods the service would select, else those that run CoreDNS."""
    try:
        with reading(f"list Deployments in {namespace}"):
            wanted = dict(one.split("=", maxsplit=1) for one in selector.split(","))
            listed = look.cluster.list(DEPLOYMENTS, partial(_if_coredns, wanted), namespace=namespace)
            found = [one for one in listed if one is not None]
            selected = [one for one in found if wanted.items() <= template_labels(one).items()]
            return selected or found, ()
    except EvidenceUnavailable as error:
        return [], (Gap.of(f"Deployments in {namespace}", error),)


def _if_coredns(selected: Mapping[str, str], deployment: RawObject) -> RawObject | None:
    """Return a Deployment whose pods have these labels or run CoreDNS."""
    chosen = selected.items() <= template_labels(deployment).items() or runs_coredns(template_spec(deployment))
    return deployment if chosen else None


def _own_selector(owned: Sequence[RawObject]) -> str:
    """Return the labels by which the first of these Deployments knows its own pods."""
    with reading("a Deployment's selector"):
        labels = text_map(part(part(owned[0], "spec"), "selector"), "matchLabels") if owned else {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _with_events(look: View, pods: Sequence[CorednsPod]) -> tuple[tuple[CorednsPod, ...], tuple[Gap, ...]]:
    unwell = [pod for pod in pods if not pod.ready and not pod.terminating]
    asked, left = unwell[:MOST_PODS_WITH_EVENTS], [pod.name for pod in unwell[MOST_PODS_WITH_EVENTS:]]
    if not asked:
        return tuple(pods), ()
    with ThreadPoolExecutor(max_workers=8) as pool:
        events = pool.map(lambda pod: _events(look, pod), asked)
        answers = dict(zip((pod.name for pod in asked), events, strict=True))
    gaps = [answer for answer in answers.values() if isinstance(answer, Gap)]
    gaps += _beyond("events of pods that are not ready", left, len(unwell))
    found = {name: answer for name, answer in answers.items() if not isinstance(answer, Gap)}
    return tuple(replace(pod, events=found.get(pod.name, ())) for pod in pods), tuple(gaps)


def _events(look: View, pod: CorednsPod) -> tuple[Event, ...] | Gap:
    of_pod, what = (
        f"involvedObject.kind=Pod,involvedObject.name={pod.name}",
        f"events of pod {pod.namespace}/{pod.name}",
    )
    try:
        with reading(f"list {what}"):
            events = look.cluster.list(EVENTS, Event.of, namespace=pod.namespace, fields=of_pod)
    except EvidenceUnavailable as error:
        return Gap.of(what, error)
    newest = sorted(events, key=lambda event: event.last_seen.timestamp() if event.last_seen else 0.0, reverse=True)
    return tuple(newest[:MOST_EVENTS])


def summarise(found: CorednsPods) -> str:
    """Say how many pods are ready, and what keeps the others."""
    ready = sum(pod.ready for pod in found.pods)
    why = sorted({pod.container.waiting_reason for pod in found.pods if pod.container.waiting_reason})
    states = f" ({', '.join(why)})" if why else ""
    return f"{ready} of {len(found.pods)} CoreDNS pods ready{states}, {found.desired_replicas} wanted"


COLLECTOR = Collector(
    name="coredns_pods",
    title="CoreDNS Deployment, pods and events",
    evidence=CorednsPods,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="deployments",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="how many CoreDNS pods there should be",
            follows_dns=True,
        ),
        KubernetesPermission(
            verb="list",
            resource="deployments",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="which Deployment runs CoreDNS where it has no pod",
            follows_dns=True,
        ),
        KubernetesPermission(
            verb="list",
            resource="pods",
            namespace=KUBE_SYSTEM,
            unlocks="the state of CoreDNS (C2)",
            follows_dns=True,
        ),
        KubernetesPermission(
            verb="get",
            resource="pods",
            namespace=KUBE_SYSTEM,
            unlocks="a pod that the DNS service leads to and does not select",
            follows_dns=True,
        ),
        KubernetesPermission(
            verb="list",
            resource="events",
            namespace=KUBE_SYSTEM,
            unlocks="why a CoreDNS pod is not ready",
            follows_dns=True,
        ),
        KubernetesPermission(verb="list", resource="nodes", unlocks="which taints keep a CoreDNS pod away"),
    ),
    wants=(KubeDns,),
)
