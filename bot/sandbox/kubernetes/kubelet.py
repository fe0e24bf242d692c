"""The kubelets: they start pods, give them addresses and a resolv.conf, restart what dies, end what is deleted."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeAlias

from bot.sandbox.kubernetes.captures import Capture
from bot.sandbox.kubernetes.client_traffic import RunningPod
from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.memory import memory_limit
from bot.sandbox.kubernetes.node import Node
from bot.sandbox.kubernetes.node_kinds import is_fargate, leads_cluster_ips
from bot.sandbox.kubernetes.pod_events import PodEvents
from bot.sandbox.kubernetes.pod_security_groups import waits_for_interface
from bot.sandbox.kubernetes.pod_statuses import CRASH_LOOP, ContainerState, pod_status
from bot.sandbox.kubernetes.program import Host, Process, Program, Programs
from bot.sandbox.kubernetes.resolv_conf import parse_resolv_conf
from bot.sandbox.kubernetes.resources import NODES, PODS, SERVICES, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.branch_interfaces import address_of
from bot.sandbox.network.vpc import Port, Vpc

_BACK_OFF_SECONDS = (10, 20, 40, 80, 160, 300)

Backends: TypeAlias = Callable[[], Mapping[str, tuple[str, ...]]]
"""Gives the ready addresses behind each ClusterIP."""


@dataclass(slots=True, kw_only=True)
class PodRuntime:
    """What a node holds of one pod."""

    resolv_conf: str
    address: str
    node_address: str
    container: ContainerState[ContainerRun]
    process: Process | None = None
    """None: the container has not been started yet."""
    retry_at: datetime | None = None
    probe: tuple[int, str] | None = None
    """Port and path of its HTTP readiness probe; None: it is ready as its program says."""
    strict: bool = False
    """Whether all its packets leave through a branch interface of its own, past the node: as it was made."""
    routed: bool = True
    """Whether its node holds the rules and routes that the VPC CNI laid when it was made."""

    @property
    def ended(self) -> bool:
        """Whether its program has ended, or never began."""
        return self.process is None or self.process.run.ended is not None

    @property
    def ready(self) -> bool:
        """Whether its program runs and its readiness probe succeeds."""
        if self.process is None or self.ended or (self.probe is not None and not self.routed):
            return False
        return self.process.ready if self.probe is None else self.process.answers(*self.probe)


class Kubelets:
    """All nodes' kubelets."""

    def __init__(self, store: Store, programs: Programs, *, backends: Backends, region: str) -> None:
        self._store, self._programs, self._backends, self._region = store, programs, backends, region
        self.pods: dict[str, PodRuntime] = {}
        self.captures: dict[str, Capture] = {}
        """Programs that capture packets, by the uid of their pod."""
        self._nodes: dict[str, Node] = {}
        self._used: dict[str, tuple[str, str]] = {}
        self._events = PodEvents(store)
        self._told_dns = ""

    @property
    def told_dns(self) -> str:
        """What every node is told to ask when it joins: where kube-dns is at first. It does not follow the Service."""
        if not self._told_dns:
            service = self._store.find(SERVICES, "kube-system", "kube-dns") or {"spec": {}}
            self._told_dns = str(service["spec"].get("clusterIP", ""))
        return self._told_dns

    def node(self, name: str) -> Node:
        """Return a node, made on first sight."""
        return self._nodes.setdefault(name, Node())

    def host(self, pod: Json, runtime: PodRuntime, vpc: Vpc, backends: Backends | None = None) -> Host:
        """Return what the pod's program finds now."""
        return Host(
            pod=pod,
            address=runtime.address,
            node_address=runtime.node_address,
            resolv_conf=runtime.resolv_conf,
            node=self.node(pod["spec"]["nodeName"]),
            store=self._store,
            vpc=vpc,
            backends=backends or self._backends,
            running=self._running,
        )

    def _running(self) -> tuple[RunningPod, ...]:
        """Return the pods whose program runs."""
        found = ((pod, self.pods.get(pod["metadata"]["uid"])) for pod in self._store.unordered(PODS))
        return tuple(
            RunningPod(
                pod=pod,
                address=runtime.address,
                resolv_conf=runtime.resolv_conf,
                since=runtime.process.run.started,
                led_to=self._led_to(pod, runtime.address),
            )
            for pod, runtime in found
            if runtime is not None and runtime.process is not None and not runtime.ended
        )

    def _led_to(self, pod: Json, address: str) -> str:
        tracked = self.node(pod["spec"]["nodeName"]).tracked
        return next((one.led_to for one in tracked if one.client == address), "")

    def turn(self, vpc: Vpc, now: datetime) -> None:
        """Start, restart and end pods."""
        for pod in self._store.all(PODS):
            uid = pod["metadata"]["uid"]
            if "deletionTimestamp" in pod["metadata"]:
                self._end(pod)
            elif pod["spec"].get("nodeName") and uid not in self.pods:
                self._start(pod, vpc, now)
            elif uid in self.pods:
                self._tend(pod, vpc, now)

    def turn_one(self, pod: Json) -> None:
        """End a deleted pod at once."""
        self._end(pod)

    def next_retry(self) -> datetime | None:
        """Return when the next container comes out of its back-off, or None."""
        return min((runtime.retry_at for runtime in self.pods.values() if runtime.retry_at), default=None)

    def owner_of(self, address: str) -> tuple[str, str]:
        """Return namespace and name of the pod that has this address as its own; empty: none has."""
        return self._used.get(address, ("", ""))

    def holder_of(self, address: str) -> PodRuntime | None:
        """Return what the node holds of the pod that has this address as its own; None: no pod has."""
        pod = self._store.find(PODS, *self.owner_of(address))
        return self.pods.get(pod["metadata"]["uid"]) if pod else None

    def remove_routes(self, address: str) -> None:
        """Let the node of the pod that has this address as its own hold nothing of it, until it is made anew."""
        holder = self.holder_of(address)
        if holder is not None:
            holder.routed = False

    def dropped(self, node: str, now: datetime) -> int:
        """Return how many packets of a node's pods the VPC's resolver has not taken."""
        held = (self.pods.get(pod["metadata"]["uid"]) for pod in self._store.unordered(PODS)
                if pod["spec"].get("nodeName") == node)  # fmt: skip
        return sum(one.process.dropped(now) for one in held if one and one.process and not one.ended)

    def waits(self, pod: Json) -> bool:
        """Return whether this pod has a step before it that needs no outside event."""
        return "deletionTimestamp" in pod["metadata"] or (
            bool(pod["spec"].get("nodeName")) and pod["metadata"]["uid"] not in self.pods
        )

    def date_back(self, elapsed: timedelta) -> None:
        """Put everything that containers did so much earlier."""
        for runtime in self.pods.values():
            for run in (runtime.container.run, runtime.container.previous):
                if run is not None:
                    run.date_back(elapsed)
            if runtime.retry_at:
                runtime.retry_at -= elapsed
            if runtime.process:
                runtime.process.date_back(elapsed)

    def _end(self, pod: Json) -> None:
        metadata = pod["metadata"]
        runtime = self.pods.pop(metadata["uid"], None)
        self.captures.pop(metadata["uid"], None)
        if runtime:
            self._used.pop(runtime.address, None)
            node = self.node(pod["spec"]["nodeName"])
            if runtime.process and not runtime.ended:
                runtime.process.terminate(node)
            node.release(metadata["namespace"], metadata["name"])
            node.tracked = tuple(one for one in node.tracked if one.client != runtime.address)
        self._store.remove(PODS, metadata["namespace"], metadata["name"])

    def _start(self, pod: Json, vpc: Vpc, now: datetime) -> None:
        node = self._store.find(NODES, "", pod["spec"]["nodeName"])
        if node is None:
            return
        if waits_for_interface(pod):
            return
        node_address = _internal_address(node)
        address = node_address if pod["spec"].get("hostNetwork") else self._address(pod, node, vpc)
        if not address:
            self._events.add(pod, "Warning", "FailedCreatePodSandBox", _NO_ADDRESS.format(name=_full_name(pod)), now)
            return
        if not pod["spec"].get("hostNetwork"):
            self._used[address] = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        branch = bool(address_of(pod["metadata"].get("annotations")))
        image = pod["spec"]["containers"][0]["image"]
        container: ContainerState[ContainerRun] = ContainerState(name=pod["spec"]["containers"][0]["name"], image=image)
        runtime = PodRuntime(
            resolv_conf=self._resolv_conf(pod, vpc),
            address=address,
            node_address=node_address,
            container=container,
            probe=_readiness(pod["spec"]["containers"][0]),
            strict=branch and self.node(pod["spec"]["nodeName"]).strict_branches,
        )
        self.pods[pod["metadata"]["uid"]] = runtime
        self._events.add(pod, "Normal", "Pulled", f'Container image "{image}" already present on machine', now)
        self._launch(pod, runtime, vpc, now)
        if runtime.ended:
            container.restarts += 1
            self._launch(pod, runtime, vpc, now)
        self._after_launch(pod, runtime, now)

    def _launch(self, pod: Json, runtime: PodRuntime, vpc: Vpc, now: datetime) -> None:
        container = runtime.container
        self._events.add(pod, "Normal", "Created", f"Created container: {container.name}", now)
        self._events.add(pod, "Normal", "Started", f"Started container {container.name}", now)
        host = self.host(pod, runtime, vpc)
        runtime.process = _started(self._programs.of(container.image), host, now)
        if isinstance(runtime.process, Capture):
            self.captures[pod["metadata"]["uid"]] = runtime.process
        names = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        host.node.bound |= dict.fromkeys(runtime.process.bound, names)
        container.begin(runtime.process.run)

    def _after_launch(self, pod: Json, runtime: PodRuntime, now: datetime) -> None:
        container = runtime.container
        if runtime.ended:
            wait = _BACK_OFF_SECONDS[min(max(container.restarts - 1, 0), len(_BACK_OFF_SECONDS) - 1)]
            runtime.retry_at = now + timedelta(seconds=wait)
            container.waiting = CRASH_LOOP
            container.back_off = (
                f"back-off {_duration(wait)} restarting failed container={container.name} "
                f"pod={_full_name(pod)}({pod['metadata']['uid']})"
            )
            text = f"Back-off restarting failed container {container.name} in pod {_full_name(pod)}"
            self._events.add(pod, "Warning", "BackOff", f"{text}({pod['metadata']['uid']})", now)
        else:
            runtime.retry_at = None
        self._publish(pod, runtime, now)

    def _tend(self, pod: Json, vpc: Vpc, now: datetime) -> None:
        runtime = self.pods[pod["metadata"]["uid"]]
        if runtime.retry_at and now >= runtime.retry_at:
            runtime.container.restarts += 1
            self._launch(pod, runtime, vpc, now)
            self._after_launch(pod, runtime, now)

    def _publish(self, pod: Json, runtime: PodRuntime, now: datetime) -> None:
        runtime.container.ready = runtime.ready
        metadata = pod["metadata"]
        current = self._store.get(PODS, metadata["namespace"], metadata["name"])
        status = pod_status(
            current, [runtime.container], address=runtime.address, node_address=runtime.node_address, now=now
        )
        self._store.set_status(PODS, current, status)

    def tick(self, vpc: Vpc, now: datetime) -> None:
        """Let every program that runs notice what has changed."""
        backends = cache(self._backends)
        for node in self._store.unordered(NODES):
            if leads_cluster_ips(node):
                self.node(node["metadata"]["name"]).backends = backends()
        for pod in self._store.unordered(PODS):
            runtime = self.pods.get(pod["metadata"]["uid"])
            if runtime is None or runtime.process is None or runtime.ended:
                continue
            runtime.process.tick(self.host(pod, runtime, vpc, backends), now)
            if runtime.ready != runtime.container.ready:
                self._publish(pod, runtime, now)

    def _address(self, pod: Json, node: Json, vpc: Vpc) -> str:
        """Return the address of the pod's branch interface, or a free one of its node; empty: there is none."""
        own = address_of(pod["metadata"].get("annotations"))
        if own:
            return own
        own_address, ipv6 = _internal_address(node), ":" in self.told_dns
        if is_fargate(node):
            return own_address
        instance = node["spec"].get("providerID", "").rsplit("/", 1)[-1]
        return next(
            (
                address
                for port in vpc.ports_of_instance.get(instance, [])
                for address in _pool(port)
                if address not in self._used and address != own_address and (":" in address) is ipv6
            ),
            "",
        )

    def _resolv_conf(self, pod: Json, vpc: Vpc) -> str:
        spec, namespace = pod["spec"], pod["metadata"]["namespace"]
        policy = spec.get("dnsPolicy", "ClusterFirst")
        own = spec.get("dnsConfig") or {}
        local = f"{self._region}.compute.internal"
        servers, searches, options = list(own.get("nameservers") or []), list(own.get("searches") or []), []
        if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork")):
            servers = [self._cluster_dns(spec["nodeName"]), *servers]
            searches = [f"{namespace}.svc.cluster.local", "svc.cluster.local", "cluster.local", local, *searches]
            options = ["ndots:5"]
        elif policy != "None":
            file = parse_resolv_conf(self.node(spec["nodeName"]).settings.resolv_conf or _by_dhcp(vpc, local))
            servers, searches = [*file.servers, *servers], [*file.searches, *searches]
            options = list(file.options)
        named = {option["name"]: option.get("value") for option in own.get("options") or []}
        options = [option for option in options if option.split(":")[0] not in named]
        options += [f"{name}:{value}" if value else name for name, value in named.items()]
        lines = [f"search {' '.join(searches)}"] if searches else []
        lines += [f"nameserver {server}" for server in servers]
        lines += [f"options {' '.join(options)}"] if options else []
        return "\n".join([*lines, ""])

    def _cluster_dns(self, node: str) -> str:
        return self.node(node).settings.cluster_dns or self.told_dns


_KILLED = 137
_ALLOCATING = timedelta(milliseconds=200)
"""How long a program that starts takes to reach what it holds."""


def _started(program: Program, host: Host, now: datetime) -> Process:
    """Start a pod's program; where its container may not hold what that needs, the kernel kills it before it writes."""
    limit = memory_limit(host.pod["spec"]["containers"][0])
    if limit is None or limit >= program.memory:
        return program.start(host, now)
    ended = now + _ALLOCATING
    return Process(run=ContainerRun(started=now, ended=ended, exit_code=_KILLED, out_of_memory=True))


_NO_ADDRESS = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox of {name}: "
    'plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container'
)


def _readiness(container: Json) -> tuple[int, str] | None:
    asked = (container.get("readinessProbe") or {}).get("httpGet")
    return (int(asked["port"]), str(asked.get("path", "/"))) if asked else None


def _by_dhcp(vpc: Vpc, domain: str) -> str:
    resolver = sorted(vpc.resolver_addresses - {"169.254.169.253"}) or ["169.254.169.253"]
    servers = "".join(f"nameserver {server}\n" for server in vpc.dhcp_servers or resolver[:1])
    return f"search {domain}\n{servers}"


def _pool(port: Port) -> Iterator[str]:
    yield from port.secondary
    for prefix in port.prefixes:
        yield from map(str, ipaddress.ip_network(prefix))


def _internal_address(node: Json) -> str:
    addresses = (node.get("status") or {}).get("addresses") or []
    return next((str(item["address"]) for item in addresses if item["type"] == "InternalIP"), "")


def _full_name(pod: Json) -> str:
    return f"{pod['metadata']['name']}_{pod['metadata']['namespace']}"


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
