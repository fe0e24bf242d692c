"""NetworkPolicies that may stand between application pods and CoreDNS, and whether anything enforces them.

Only those of the namespaces of the application pods and of the DNS service count. Where there are some, labels of these
pods and namespaces are read, and the DaemonSets: the VPC CNI's agent, Cilium, Calico and others enforce policies; what
they know beyond NetworkPolicies (CiliumNetworkPolicy, GlobalNetworkPolicy) is not read. Cost: one list of policies;
where some count, one list each of namespaces, application pods, CoreDNS pods and DaemonSets, one get of the pod that a
person named, and up to two of ConfigMaps. In a playbook: `{collector: network_policies}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.kube_dns import KubeDns
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound
from bot.kubernetes.members import number, optional_text, part, parts, text, text_map
from bot.kubernetes.network_policies import CILIUM_SETTING, VPC_CNI_SETTING, Enforcer, Labels, NetworkPolicy, enforcers
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import CONFIG_MAPS, DAEMON_SETS, KUBE_SYSTEM, NAMESPACES, NETWORK_POLICIES, PODS


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPod:
    """A pod, with what policies select it by."""

    namespace: str
    name: str
    node: str
    ip: str
    host_network: bool
    """Policies say nothing of such a pod."""
    labels: Labels
    ports: tuple[tuple[str, str, int], ...] = ()
    """Its containers' ports: name, protocol, number."""

    @property
    def title(self) -> str:
        """namespace/name."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicies:
    """What is needed to say what policies let pass between application pods and CoreDNS."""

    namespaces_looked: tuple[str, ...]
    """Those of application pods and of the DNS service."""
    policies: tuple[NetworkPolicy, ...] = ()
    """Of these namespaces, by namespace and name."""
    namespaces: tuple[tuple[str, Labels], ...] = ()
    """These namespaces' labels; read only where there are policies, as all that follows."""
    clients: tuple[LabelledPod, ...] = ()
    """Application pods with an address, and the pod that a person named."""
    servers: tuple[LabelledPod, ...] = ()
    """CoreDNS pods."""
    service_addresses: tuple[str, ...] = ()
    """The DNS service's ClusterIPs."""
    enforcers: tuple[Enforcer, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def enforced(self) -> bool | None:
        """Whether anything enforces policies; None: nobody knows."""
        told = [one.enforces for one in self.enforcers]
        return True if True in told else None if None in told or not told else False

    @property
    def enforced_by(self) -> str:
        """Who enforces them, or would."""
        chosen = [one for one in self.enforcers if one.enforces] or self.enforcers
        return ", ".join(one.title for one in chosen)


def collect(look: View) -> NetworkPolicies:
    """List the policies, and read what they select where some count."""
    workload, dns, service = look.need(WorkloadPods), look.need(CorednsPods), look.need(KubeDns)
    pods = [*workload.pods, *([workload.asked_pod] if workload.asked_pod else [])]
    wanted = sorted({pod.namespace for pod in pods} | {dns.namespace})
    with reading("list networkpolicies"):
        listed = look.cluster.list(NETWORK_POLICIES, NetworkPolicy.of)
    policies = sorted((one for one in listed if one.namespace in wanted), key=lambda one: (one.namespace, one.name))
    if not policies:
        return NetworkPolicies(namespaces_looked=tuple(wanted))
    with reading("list namespaces"):
        namespaces = [one for one in look.cluster.list(NAMESPACES, _named_labels) if one[0] in wanted]
    gaps: list[Gap] = []
    return NetworkPolicies(
        namespaces_looked=tuple(wanted),
        policies=tuple(policies),
        namespaces=tuple(sorted(namespaces)),
        clients=_clients(look, workload, pods),
        servers=_servers(look, dns),
        service_addresses=service.cluster_ips,
        enforcers=_enforcers(look, gaps),
        gaps=(*gaps, *([service.endpoints_gap] if service.endpoints_gap else [])),
    )


def _clients(look: View, workload: WorkloadPods, pods: Sequence[Pod]) -> tuple[LabelledPod, ...]:
    with reading("list pods with their labels"):
        found = list(look.cluster.list(PODS, _labelled, labels=workload.selector)) if workload.selector else []
        if workload.asked_pod:
            asked = workload.asked_pod
            found.append(_labelled(look.cluster.get(PODS, asked.name, namespace=asked.namespace)))
    known = {(pod.namespace, pod.name) for pod in pods if pod.ip and not pod.over}
    return _by_name(one for one in found if (one.namespace, one.name) in known)


def _servers(look: View, dns: CorednsPods) -> tuple[LabelledPod, ...]:
    names = {pod.name for pod in dns.pods if pod.ip}
    if not names:
        return ()
    with reading(f"list pods in {dns.namespace} with their labels"):
        found = list(look.cluster.list(PODS, _labelled, namespace=dns.namespace, labels=dns.selector))
    return _by_name(one for one in found if one.name in names)


def _by_name(pods: Iterable[LabelledPod]) -> tuple[LabelledPod, ...]:
    return tuple(one for _, one in sorted({(one.namespace, one.name): one for one in pods}.items()))


def _labels(metadata: RawObject) -> Labels:
    return tuple(sorted(text_map(metadata, "labels").items()))


def _named_labels(namespace: RawObject) -> tuple[str, Labels]:
    return text(namespace["metadata"], "name"), _labels(namespace["metadata"])


def _labelled(pod: RawObject) -> LabelledPod:
    metadata, spec = pod["metadata"], pod["spec"]
    return LabelledPod(
        namespace=text(metadata, "namespace"),
        name=text(metadata, "name"),
        node=optional_text(spec, "nodeName"),
        ip=optional_text(part(pod, "status"), "podIP"),
        host_network=spec.get("hostNetwork") is True,
        labels=_labels(metadata),
        ports=tuple(
            (optional_text(one, "name"), optional_text(one, "protocol") or "TCP", number(one, "containerPort"))
            for container in parts(spec, "containers")
            for one in parts(container, "ports")
        ),
    )


def _enforcers(look: View, gaps: list[Gap]) -> tuple[Enforcer, ...]:
    """Return who enforces policies; what their ConfigMaps say is read only where such a program is there."""
    try:
        with reading("list daemonsets"):
            listed = list(look.cluster.list(DAEMON_SETS, lambda found: found))
            unset: dict[str, str | None] = {VPC_CNI_SETTING[0]: None, CILIUM_SETTING[0]: None}
            if not any(enforcers(one, unset) for one in listed):
                return ()
            settings = {name: _setting(look, name, key) for name, key in (VPC_CNI_SETTING, CILIUM_SETTING)}
            return tuple(one for found in listed for one in enforcers(found, settings))
    except EvidenceUnavailable as error:
        gaps.append(Gap.of("who enforces NetworkPolicies", error))
        return ()


def _setting(look: View, name: str, key: str) -> str | None:
    """Return what a ConfigMap of kube-system says; empty: nothing; None: it could not be read."""
    try:
        return text_map(look.cluster.get(CONFIG_MAPS, name, namespace=KUBE_SYSTEM), "data").get(key, "")
    except NotFound:
        return ""
    except EvidenceUnavailable:
        return None


def summarise(found: NetworkPolicies) -> str:
    """Say how many policies count, and who enforces them."""
    where = f"in {count(len(found.namespaces_looked), 'namespace')}"
    if not found.policies:
        return f"no NetworkPolicy {where}"
    policies = count(len(found.policies), "NetworkPolicy", "NetworkPolicies")
    return f"{policies} {where}; enforced by {found.enforced_by or 'nothing that is known here'}"


def _listed(resource: str, unlocks: str, group: str = "") -> KubernetesPermission:
    return KubernetesPermission(verb="list", resource=resource, group=group, unlocks=unlocks)


COLLECTOR = Collector(
    name="network_policies",
    title="NetworkPolicies between application pods and CoreDNS",
    evidence=NetworkPolicies,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        _listed("networkpolicies", "NetworkPolicies that may block DNS", "networking.k8s.io"),
        _listed("namespaces", "the labels by which NetworkPolicies select namespaces"),
        _listed("pods", "the labels by which NetworkPolicies select pods"),
        KubernetesPermission(verb="get", resource="pods", unlocks="the labels of the pod that a person names"),
        _listed("daemonsets", "whether anything enforces NetworkPolicies", "apps"),
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=KUBE_SYSTEM,
            names=(VPC_CNI_SETTING[0], CILIUM_SETTING[0]),
            unlocks="whether network policies are switched on in the VPC CNI or in Cilium",
        ),
    ),
    needs=(WorkloadPods, CorednsPods, KubeDns),
)
