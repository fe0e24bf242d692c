"""Application pods on their node's network: their dnsPolicy, which servers they ask, and what makes them.

Such a pod gets the node's own `/etc/resolv.conf`, not the cluster's DNS, unless its dnsPolicy is
ClusterFirstWithHostNet. Cost: nothing where there is none; else, for each workload with the policy ClusterFirst, at
most `max_workloads`, one exec in one of its pods and one get. In a playbook: `{collector: host_network_pods}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.collectors._resolv_conf import not_read, read_resolv_conf
from bot.collectors.asking_workloads import may_read_templates, read_workload
from bot.collectors.nameservers import EXEC
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.resolv_conf import parse_resolv_conf
from bot.domain.evidence import Collector, Gap
from bot.domain.phrases import count
from bot.domain.views import PodView
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.pods import Pod
from bot.kubernetes.rollouts import RESTARTABLE

CLUSTER_FIRST, WITH_HOST_NETWORK = "ClusterFirst", "ClusterFirstWithHostNet"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetworkParameters:
    """How many are read."""

    max_workloads: int = 10
    """With the policy ClusterFirst; of others what the pods say is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetworkWorkload:
    """Pods on their node's network that one controller made with one dnsPolicy; or a pod that nobody controls."""

    namespace: str
    kind: str
    """Deployment, DaemonSet, …; `Pod`: nobody controls it."""
    name: str
    dns_policy: str
    """Of these pods."""
    pods: tuple[str, ...]
    """`namespace/name`; the first is the one whose file was read."""
    nameservers: tuple[str, ...] = ()
    """What its `/etc/resolv.conf` names; empty: it was not read, or names none."""
    uid: str = ""
    """Of the controller; empty: it is gone, was not read, or is of a kind that makes no pods anew."""
    template_policy: str = ""
    """The dnsPolicy of its pod template now; empty: it says nothing, or was not read."""
    manager: str = ""
    """Who says that they manage it: Helm, Argo CD, Flux; empty: nobody."""
    rollout: str = ""
    """What its rollout waits for; empty: it is complete."""

    @property
    def title(self) -> str:
        """Return `deployment/agent in shop`."""
        return f"{self.kind.lower()}/{self.name} in {self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetworkPods:
    """The application pods on their node's network."""

    workloads: tuple[HostNetworkWorkload, ...]
    gaps: tuple[Gap, ...] = ()
    """Files and controllers that could not be read, and workloads beyond the most that are."""

    def find(self, namespace: str, kind: str, name: str) -> HostNetworkWorkload | None:
        """Return what has the policy ClusterFirst of this controller; None: there is nothing."""
        wanted = (namespace, kind, name, CLUSTER_FIRST)
        found = (one for one in self.workloads if (one.namespace, one.kind, one.name, one.dns_policy) == wanted)
        return next(found, None)


def collect(look: PodView) -> HostNetworkPods:
    """Group the pods, and read of those with ClusterFirst what they ask and what makes them."""
    workload = look.need(WorkloadPods)
    asked = [workload.asked_pod] if workload.asked_pod else []
    grouped = _grouped([*asked, *workload.pods])
    found: list[HostNetworkWorkload] = []
    gaps: list[Gap] = []
    read = 0
    for one, pod in grouped:
        if one.dns_policy != CLUSTER_FIRST:
            found.append(one)
        elif read < look.parameters.max_workloads:
            read += 1
            found.append(_with_controller(look, _with_nameservers(look, one, pod, gaps), gaps))
        else:
            found.append(one)
            reason = f"not read: {look.parameters.max_workloads} workloads are looked at"
            gaps.append(not_read(pod, reason))
    return HostNetworkPods(workloads=tuple(found), gaps=tuple(gaps))


def _grouped(pods: Iterable[Pod]) -> Sequence[tuple[HostNetworkWorkload, Pod]]:
    """Return the running pods on their node's network by controller and policy, with the one to look into."""
    grouped: dict[tuple[str, str, str, str], dict[str, Pod]] = {}
    for pod in pods:
        if pod.host_network and pod.phase == "Running" and not pod.terminating:
            kind, name = (pod.owner.kind, pod.owner.name) if pod.owner.kind else ("Pod", pod.name)
            grouped.setdefault((pod.namespace, kind, name, pod.dns_policy), {})[pod.name] = pod
    found = []
    for (namespace, kind, name, policy), own in sorted(grouped.items()):
        first, *others = sorted(own.values(), key=lambda pod: (not pod.ready, pod.name))
        titles = tuple(f"{pod.namespace}/{pod.name}" for pod in (first, *others))
        one = HostNetworkWorkload(namespace=namespace, kind=kind, name=name, dns_policy=policy, pods=titles)
        found.append((one, first))
    return found


def _with_nameservers(look: PodView, one: HostNetworkWorkload, pod: Pod, gaps: list[Gap]) -> HostNetworkWorkload:
    text = read_resolv_conf(look.pods, pod)
    if isinstance(text, Gap):
        gaps.append(text)
        return one
    servers = parse_resolv_conf(text).nameservers
    if not servers:
        gaps.append(not_read(pod, "it names no server"))
    return replace(one, nameservers=tuple(servers))


def _with_controller(look: PodView, one: HostNetworkWorkload, gaps: list[Gap]) -> HostNetworkWorkload:
    if one.kind not in RESTARTABLE:
        return one
    try:
        read = read_workload(look.cluster, one.namespace, one.kind, one.name)
    except NotFound:
        return one
    except EvidenceUnavailable as error:
        gaps.append(Gap.of(f"{one.kind.lower()} {one.namespace}/{one.name}", error))
        return one
    return replace(one, uid=read.uid, template_policy=read.dns_policy, manager=read.manager, rollout=read.rollout)


def summarise(found: HostNetworkPods) -> str:
    """Say how many there are, and how many of them have the policy ClusterFirst."""
    pods = sum(len(one.pods) for one in found.workloads)
    first = sum(len(one.pods) for one in found.workloads if one.dns_policy == CLUSTER_FIRST)
    return f"{count(pods, 'application pod')} on their node's network, {first} with dnsPolicy {CLUSTER_FIRST}"


COLLECTOR = Collector(
    name="host_network_pods",
    title="Application pods on their node's network",
    evidence=HostNetworkPods,
    view=PodView,
    collect=collect,
    summarise=summarise,
    permissions=(
        *EXEC,
        *may_read_templates("the dnsPolicy of a pod template whose pods are on their node's network"),
    ),
    needs=(WorkloadPods,),
    parameters=HostNetworkParameters,
)
