"""The kubelets: they start pods, give them addresses and a resolv.conf, restart what dies, end what is deleted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sandbox.kubernetes import coredns, kube_proxy
from bot.sandbox.kubernetes.container_runs import ContainerRun
from bot.sandbox.kubernetes.coredns import CoreDns, CoreDnsHost
from bot.sandbox.kubernetes.kube_proxy import KubeProxy, KubeProxyHost
from bot.sandbox.kubernetes.packets import Port, Vpc
from bot.sandbox.kubernetes.pod_events import PodEvents
from bot.sandbox.kubernetes.pod_statuses import Container, pod_status
from bot.sandbox.kubernetes.resolv_conf import parse_resolv_conf
from bot.sandbox.kubernetes.resources import NODES, PODS, SERVICES, Json
from bot.sandbox.kubernetes.store import Store

_BACK_OFF_SECONDS = (10, 20, 40, 80, 160, 300)


@dataclass(slots=True, kw_only=True)
class PodRuntime:
    """What a node holds of one pod."""

    resolv_conf: str
    address: str
    node_address: str
    container: Container
    program: CoreDns | KubeProxy | None = None
    retry_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class NodeSettings:
    """A node's kubelet configuration, and the service rules that its kube-proxy laid last."""

    cluster_dns: str = ""
    """Empty: the ClusterIP of kube-dns."""
    resolv_conf: str = ""
    """The node's own /etc/resolv.conf; empty: as the VPC's DHCP options have it."""
    backends: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses behind each ClusterIP."""


class Kubelets:
    """All nodes' kubelets."""

    def __init__(self, store: Store, *, region: str) -> None:
        self._store, self._region = store, region
        self.pods: dict[str, PodRuntime] = {}
        self.nodes: dict[str, NodeSettings] = {}
        self._used: dict[str, tuple[str, str]] = {}
        self._events = PodEvents(store)

    def settings(self, node: str) -> NodeSettings:
        """Return the settings of a node, made on first sight."""
        return self.nodes.setdefault(node, NodeSettings())

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
            if runtime.program:
                runtime.program.date_back(elapsed)

    def _end(self, pod: Json) -> None:
        metadata = pod["metadata"]
        runtime = self.pods.pop(metadata["uid"], None)
        if runtime:
            self._used.pop(runtime.address, None)
        self._store.remove(PODS, metadata["namespace"], metadata["name"])

    def _start(self, pod: Json, vpc: Vpc, now: datetime) -> None:
        node = self._store.find(NODES, "", pod["spec"]["nodeName"])
        if node is None:
            return
        node_address = _internal_address(node)
        address = node_address if pod["spec"].get("hostNetwork") else self._address(node, vpc)
        if not address:
            self._events.add(pod, "Warning", "FailedCreatePodSandBox", _NO_ADDRESS.format(name=_full_name(pod)), now)
            return
        if not pod["spec"].get("hostNetwork"):
            self._used[address] = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        image = pod["spec"]["containers"][0]["image"]
        container = Container(name=pod["spec"]["containers"][0]["name"], image=image)
        runtime = PodRuntime(
            resolv_conf=self._resolv_conf(pod, vpc), address=address, node_address=node_address, container=container
        )
        self.pods[pod["metadata"]["uid"]] = runtime
        self._events.add(pod, "Normal", "Pulled", f'Container image "{image}" already present on machine', now)
        self._launch(pod, runtime, vpc, now)
        if container.current.ended:
            container.restarts += 1
            self._launch(pod, runtime, vpc, now)
        self._after_launch(pod, runtime, now)

    def _launch(self, pod: Json, runtime: PodRuntime, vpc: Vpc, now: datetime) -> None:
        container = runtime.container
        self._events.add(pod, "Normal", "Created", f"Created container: {container.name}", now)
        self._events.add(pod, "Normal", "Started", f"Started container {container.name}", now)
        runtime.program = None
        if "/coredns" in container.image:
            started = coredns.start(self._store, CoreDnsHost.of(runtime.resolv_conf, runtime.address, vpc), now)
            if isinstance(started, CoreDns):
                runtime.program = started
                container.begin(started.run)
            else:
                container.begin(started)
        elif "/kube-proxy" in container.image:
            host = KubeProxyHost(node=pod["spec"]["nodeName"], address=runtime.node_address)
            runtime.program = kube_proxy.start(self._store, vpc, host, now)
            container.begin(runtime.program.run)
        else:
            run = ContainerRun(started=now)
            run.say(now, f"starting {container.name}", "listening on :8080")
            container.begin(run)

    def _after_launch(self, pod: Json, runtime: PodRuntime, now: datetime) -> None:
        container = runtime.container
        if container.current.ended:
            wait = _BACK_OFF_SECONDS[min(max(container.restarts - 1, 0), len(_BACK_OFF_SECONDS) - 1)]
            runtime.retry_at = now + timedelta(seconds=wait)
            container.back_off = (
                f"back-off {_duration(wait)} restarting failed container={container.name} "
                f"pod={_full_name(pod)}({pod['metadata']['uid']})"
            )
            text = f"Back-off restarting failed container {container.name} in pod {_full_name(pod)}"
            self._events.add(pod, "Warning", "BackOff", f"{text}({pod['metadata']['uid']})", now)
        else:
            runtime.retry_at, container.back_off = None, ""
        self._publish(pod, runtime, now)

    def _tend(self, pod: Json, vpc: Vpc, now: datetime) -> None:
        runtime = self.pods[pod["metadata"]["uid"]]
        if runtime.retry_at and now >= runtime.retry_at:
            runtime.container.restarts += 1
            self._launch(pod, runtime, vpc, now)
            self._after_launch(pod, runtime, now)
            return
        if isinstance(runtime.program, CoreDns):
            runtime.program.look(self._store, now)
            if runtime.program.ready != runtime.container.ready:
                self._publish(pod, runtime, now)

    def _publish(self, pod: Json, runtime: PodRuntime, now: datetime) -> None:
        running = runtime.container.current.ended is None
        ready = runtime.program.ready if isinstance(runtime.program, CoreDns) else True
        runtime.container.ready = running and ready
        metadata = pod["metadata"]
        current = self._store.get(PODS, metadata["namespace"], metadata["name"])
        status = pod_status(current, runtime.container, runtime.address, runtime.node_address, now)
        self._store.set_status(PODS, current, status)

    def sync_rules(self, vpc: Vpc, now: datetime, backends: dict[str, tuple[str, ...]]) -> None:
        """Let every kube-proxy that can read the endpoints lay its rules anew; the others' stay as they were."""
        for pod in self._store.unordered(PODS):
            runtime = self.pods.get(pod["metadata"]["uid"])
            if runtime and isinstance(runtime.program, KubeProxy) and runtime.program.look(self._store, vpc, now):
                self.settings(pod["spec"]["nodeName"]).backends = dict(backends)

    def _address(self, node: Json, vpc: Vpc) -> str:
        instance = node["spec"].get("providerID", "").rsplit("/", 1)[-1]
        return next(
            (
                address
                for port in vpc.ports_of_instance.get(instance, [])
                for address in _pool(port)
                if address not in self._used
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
            file = parse_resolv_conf(self.settings(spec["nodeName"]).resolv_conf or _by_dhcp(vpc, local))
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
        configured = self.settings(node).cluster_dns
        service = self._store.find(SERVICES, "kube-system", "kube-dns") or {"spec": {}}
        return configured or str(service["spec"].get("clusterIP", ""))


_NO_ADDRESS = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox of {name}: "
    'plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container'
)


def _by_dhcp(vpc: Vpc, domain: str) -> str:
    resolver = sorted(vpc.resolver_addresses - {"169.254.169.253"}) or ["169.254.169.253"]
    return f"search {domain}\nnameserver {resolver[0]}\n"


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
