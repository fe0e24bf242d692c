"""NodeLocal DNSCache: its DaemonSets, their pods, and what their Corefile binds and forwards to (B1, B2).

It is known by what it does: a DaemonSet on the nodes' own network whose Corefile, or whose `-localip`, names a
link-local address or the DNS service's own; names of charts, DaemonSets and images are not looked at. Beside it stands
kube-proxy's mode, which decides what its manifest must say. Costs three API calls and two more for each DaemonSet.
In a playbook: `{collector: node_local_dns}`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from bot.collectors.kube_dns import KubeDns
from bot.dns.node_local_corefile import (
    NO_SERVICE,
    NOT_READ,
    Forwarding,
    filled,
    is_address,
    is_link_local,
    placeholders,
    read_node_local_corefile,
)
from bot.domain.evidence import Collector, Gap
from bot.domain.json_values import RawObject
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import count
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound
from bot.kubernetes.dns_service import Service
from bot.kubernetes.members import optional_texts, parts, text, text_map
from bot.kubernetes.node_local_dns import HEALTH_PORT, NodeLocalSetup
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import CONFIG_MAPS, DAEMON_SETS, KUBE_SYSTEM, PODS, SERVICES
from bot.kubernetes.workloads import template_spec

DEFAULT_MODE = "iptables"
"""kube-proxy's on Linux where its configuration names none."""
_MODE = re.compile(r"""^mode:\s*["']?(\w{1,20})["']?\s*(?:#.*)?$""", flags=re.MULTILINE)
_MODE_CONFIG = "kube-proxy-config"
"""The ConfigMap of the EKS add-on that holds a KubeProxyConfiguration."""
_FLAG = "--proxy-mode="


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalCache:
    """One DaemonSet that runs NodeLocal DNSCache."""

    namespace: str
    name: str
    container: str
    image: str
    node_cache: bool
    """Whether its program is node-cache, which fills placeholders and lays an interface and rules itself."""
    local_addresses: tuple[str, ...]
    """node-cache's `-localip`: what it puts on its interface and into its rules."""
    interface: str
    health_port: str = HEALTH_PORT
    """What node-cache's rules for the liveness probe name."""
    lays_interface: bool
    lays_rules: bool
    listens: tuple[str, ...]
    """Addresses that its Corefile binds, with placeholders filled as node-cache fills them."""
    listens_everywhere: bool = False
    """Some server block binds no address in particular: all of the node's."""
    zones: tuple[str, ...] = ()
    """What its server blocks serve: `cluster.local.`, `.`."""
    forwards: tuple[Forwarding, ...] = ()
    left: tuple[str, ...] = ()
    """Placeholders that nobody replaces: `__PILLAR__DNS__DOMAIN__ in line 1 of ConfigMap kube-system/cache`."""
    refused: str = ""
    """Why CoreDNS's grammar ends in its Corefile; empty: it does not."""
    upstream_service: str = ""
    """Which Service's address node-cache asks for cluster names, in the DaemonSet's namespace."""
    upstream_address: str = ""
    """Where that Service is; empty: there is none, or node-cache is not the program."""
    metrics_port: int = 0
    """Where it shows what it counts; 0: not all of it, or nowhere."""
    config_map: str = ""
    """Which ConfigMap holds its Corefile or the template of it."""
    dns_policy: str
    pods: tuple[Pod, ...]
    desired: int
    """Nodes that the DaemonSet selects."""
    scheduled: int
    """Nodes that have a pod of it."""

    @property
    def title(self) -> str:
        """The DaemonSet as kubectl names it."""
        return f"{self.namespace}/{self.name}"

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """Where pods may ask it: what it listens on, and what its interface holds."""
        return tuple(one for one in dict.fromkeys((*self.listens, *self.local_addresses)) if is_address(one))

    @property
    def link_local(self) -> tuple[str, ...]:
        """Those of its addresses that are no Service's: pods ask them where the kubelet says so."""
        return tuple(one for one in self.own_addresses if is_link_local(one))

    def pod_on(self, node: str) -> Pod | None:
        """Return its pod on a node, the newest where there are two."""
        own = [pod for pod in self.pods if pod.node == node]
        return max(own, key=lambda pod: pod.created_at, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLocalDns:
    """NodeLocal DNSCache as the cluster has it."""

    caches: tuple[NodeLocalCache, ...]
    """None: there is none. More than one is one too many on a node."""
    cluster_ips: tuple[str, ...]
    """The DNS service's addresses."""
    kube_proxy_mode: str = DEFAULT_MODE
    """iptables, ipvs or nftables, as kube-proxy's configuration says."""
    gaps: tuple[Gap, ...] = ()

    @property
    def pods(self) -> tuple[Pod, ...]:
        """The pods of all of them."""
        return tuple(pod for cache in self.caches for pod in cache.pods)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that pods may ask it at."""
        return tuple(dict.fromkeys(address for cache in self.caches for address in cache.own_addresses))

    def takes_cluster_ip(self, cache: NodeLocalCache) -> bool:
        """Return whether it means to answer at the DNS service's own address."""
        return any(address in self.cluster_ips for address in cache.own_addresses)


def collect(look: View) -> NodeLocalDns:
    """Find the DaemonSets that run it, and read their ConfigMaps and pods."""
    dns = look.need(KubeDns)
    listed, gaps = _daemon_sets(look)
    setups = [one.setup for one in listed if one.setup]
    told = next((one.kube_proxy_mode for one in listed if one.kube_proxy_mode), "")
    caches: list[NodeLocalCache] = []
    for setup in setups:
        cache, unread = _cache(look, setup)
        known = any(is_link_local(one) or one in dns.cluster_ips for one in cache.own_addresses)
        if known or setup.flags.given:
            caches.append(cache)
            gaps += unread
    mode, not_read = _mode(look, told)
    return NodeLocalDns(
        caches=tuple(sorted(caches, key=lambda one: one.title)),
        cluster_ips=dns.cluster_ips,
        kube_proxy_mode=mode,
        gaps=(*gaps, *not_read),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _DaemonSet:
    """What a DaemonSet tells."""

    setup: NodeLocalSetup | None
    """How it runs NodeLocal DNSCache, if it does."""
    kube_proxy_mode: str

    @classmethod
    def of(cls, answer: RawObject) -> Self:
        return cls(setup=NodeLocalSetup.of(answer), kube_proxy_mode=_mode_by_flag(answer))


def _daemon_sets(look: View) -> tuple[Sequence[_DaemonSet], list[Gap]]:
    with reading("list DaemonSets"):
        try:
            return look.cluster.list(DAEMON_SETS, _DaemonSet.of), []
        except AccessDenied as error:
            gap = Gap.of("DaemonSets outside kube-system, one of which may be NodeLocal DNSCache", error)
            return look.cluster.list(DAEMON_SETS, _DaemonSet.of, namespace=KUBE_SYSTEM), [gap]


def _cache(look: View, setup: NodeLocalSetup) -> tuple[NodeLocalCache, list[Gap]]:
    where, template, gaps = _template(look, setup)
    address, unread = _upstream(look, setup)
    flags = setup.flags
    gaps += unread
    asked = NOT_READ if unread else address or NO_SERVICE
    read = read_node_local_corefile(filled(template, flags.local_addresses, asked) if flags.given else template)
    pods, unlisted = _pods(look, setup)
    return NodeLocalCache(
        namespace=setup.namespace,
        name=setup.name,
        container=setup.container,
        image=setup.image,
        node_cache=flags.given,
        local_addresses=flags.local_addresses,
        interface=flags.interface,
        health_port=flags.health_port,
        lays_interface=flags.lays_interface,
        lays_rules=flags.lays_rules,
        listens=read.binds,
        listens_everywhere=read.binds_everything,
        zones=read.zones,
        forwards=read.forwards,
        left=(
            *(f"{one} of {where}" for one in read.left),
            *(f"{one.partition(' ')[0]} in -localip of DaemonSet {setup.title}" for one in _in_flags(setup)),
        ),
        refused=read.refused,
        upstream_service=flags.upstream_service,
        upstream_address=address,
        metrics_port=read.metrics_port,
        config_map=where,
        dns_policy=setup.dns_policy,
        pods=pods,
        desired=setup.desired,
        scheduled=setup.scheduled,
    ), [*gaps, *unlisted]


def _template(look: View, setup: NodeLocalSetup) -> tuple[str, str, list[Gap]]:
    """Return which ConfigMap holds the Corefile or its template, and its text."""
    config_map, key = setup.source
    if not config_map:
        reason = f"the pods of DaemonSet {setup.title} mount no ConfigMap that holds it"
        return "", "", [Gap(what=f"Corefile of {setup.title}", reason=reason)]
    where = f"ConfigMap {setup.namespace}/{config_map}"
    try:
        found = look.cluster.get(CONFIG_MAPS, config_map, namespace=setup.namespace)
        with reading(f"get {where}"):
            return where, text_map(found, "data").get(key, ""), []
    except EvidenceUnavailable as error:
        return where, "", [Gap.of(f"Corefile of {setup.title}", error)]


def _in_flags(setup: NodeLocalSetup) -> tuple[str, ...]:
    return placeholders(" ".join(setup.flags.local_addresses))


def _upstream(look: View, setup: NodeLocalSetup) -> tuple[str, list[Gap]]:
    """Return the address of the Service that node-cache asks; empty where there is none."""
    if not setup.flags.given:
        return "", []
    try:
        with reading(f"list services in {setup.namespace}"):
            listed = look.cluster.list(SERVICES, Service.of, namespace=setup.namespace)
        services = {one.name: one for one in listed}
    except EvidenceUnavailable as error:
        return "", [Gap.of(f"Service {setup.namespace}/{setup.flags.upstream_service}", error)]
    found = services.get(setup.flags.upstream_service)
    return found.addresses[0] if found and found.addresses else "", []


def _pods(look: View, setup: NodeLocalSetup) -> tuple[tuple[Pod, ...], list[Gap]]:
    what = f"pods of DaemonSet {setup.title}"
    try:
        with reading(f"list {what}"):
            read = partial(Pod.of, container=setup.container)
            pods = look.cluster.list(PODS, read, namespace=setup.namespace, labels=setup.selector)
        return tuple(sorted(pods, key=lambda pod: (pod.node, pod.name))), []
    except EvidenceUnavailable as error:
        return (), [Gap.of(what, error)]


def _mode_by_flag(daemon_set: RawObject) -> str:
    """Return the mode that kube-proxy's DaemonSet is told as an argument; it counts where no file is read."""
    if text(daemon_set["metadata"], "name") != "kube-proxy":
        return ""
    asked = parts(template_spec(daemon_set), "containers")
    words = [word for one in asked for key in ("command", "args") for word in optional_texts(one, key)]
    return next((word.removeprefix(_FLAG) for word in words if word.startswith(_FLAG)), "")


def _mode(look: View, told: str) -> tuple[str, tuple[Gap, ...]]:
    try:
        found = look.cluster.get(CONFIG_MAPS, _MODE_CONFIG, namespace=KUBE_SYSTEM)
        with reading(f"get ConfigMap {KUBE_SYSTEM}/{_MODE_CONFIG}"):
            named = _MODE.search(text_map(found, "data").get("config", ""))
    except NotFound:
        return told or DEFAULT_MODE, ()
    except EvidenceUnavailable as error:
        return told or DEFAULT_MODE, (Gap.of(f"ConfigMap {KUBE_SYSTEM}/{_MODE_CONFIG}, kube-proxy's mode", error),)
    return (named[1] if named else told) or DEFAULT_MODE, ()


def summarise(found: NodeLocalDns) -> str:
    """Say where it listens and on how many nodes it is ready."""
    if not found.caches:
        return "no NodeLocal DNSCache"
    ready = sum(pod.ready for pod in found.pods)
    where = ", ".join(found.addresses) or "no address"
    names = ", ".join(cache.title for cache in found.caches)
    return f"NodeLocal DNSCache {names} at {where}, {ready} of {count(len(found.pods), 'pod')} ready"


COLLECTOR = Collector(
    name="node_local_dns",
    title="NodeLocal DNSCache",
    evidence=NodeLocalDns,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list",
            resource="daemonsets",
            group="apps",
            unlocks="NodeLocal DNSCache, whatever its name and namespace (B1)",
        ),
        KubernetesPermission(
            verb="list", resource="pods", namespace=KUBE_SYSTEM, unlocks="on which nodes its pods are ready"
        ),
        KubernetesPermission(
            verb="get", resource="configmaps", namespace=KUBE_SYSTEM, unlocks="on which addresses it listens (B2)"
        ),
        KubernetesPermission(
            verb="list", resource="services", namespace=KUBE_SYSTEM, unlocks="the Service by which it asks CoreDNS"
        ),
    ),
    needs=(KubeDns,),
)
