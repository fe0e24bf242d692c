"""The way of one look-up: from a pod, through kube-proxy and the VPC, to a server and back."""

from __future__ import annotations

import random
from datetime import datetime

from bot.sandbox.kubernetes.coredns import CoreDns
from bot.sandbox.kubernetes.dns_answers import PORT_UNREACHABLE, TIMEOUT, Reply, coredns, vpc_resolver
from bot.sandbox.kubernetes.kubelet import Kubelets, PodRuntime
from bot.sandbox.kubernetes.packets import Flow, Vpc, passes
from bot.sandbox.kubernetes.resources import NODES, PODS, Json
from bot.sandbox.kubernetes.store import Store

_DNS_PORT = 53
_EPHEMERAL = (32768, 60999)
"""net.ipv4.ip_local_port_range of Linux (kernel documentation, ip-sysctl)."""


class LookupPath:
    """Answers look-ups as the cluster and the VPC are at one moment."""

    def __init__(self, store: Store, kubelets: Kubelets, vpc: Vpc, numbers: random.Random, now: datetime) -> None:
        self._store, self._kubelets, self._vpc = store, kubelets, vpc
        self._numbers, self._now = numbers, now

    def ask(self, pod: Json, address: str, server: str, name: str, protocol: str) -> Reply:
        """Return what comes back to `pod` when it asks `server` for the A records of `name`."""
        node = pod["spec"]["nodeName"]
        backends = self._kubelets.settings(node).backends.get(server)
        if backends is not None:
            if not backends:
                return PORT_UNREACHABLE
            server = self._numbers.choice(backends)
        if server in self._vpc.resolver_addresses:
            return vpc_resolver(name)
        return self._ask_pod(node, address, server, name, protocol)

    def _ask_pod(self, node: str, address: str, server: str, name: str, protocol: str) -> Reply:
        target = self._store.find(PODS, *self._kubelets.owner_of(server))
        if target is None:
            return self._ask_address(node, address, server, protocol)
        if not self._reaches(node, address, server, protocol, target["spec"]["nodeName"]):
            return TIMEOUT
        runtime = self._kubelets.pods.get(target["metadata"]["uid"])
        if runtime is None or not isinstance(runtime.program, CoreDns) or runtime.container.current.ended:
            return PORT_UNREACHABLE
        if not runtime.program.serves(self._now):
            return PORT_UNREACHABLE
        return self._answered(runtime, runtime.program, name)

    def _ask_address(self, node: str, address: str, server: str, protocol: str) -> Reply:
        holders = [
            item["metadata"]["name"]
            for item in self._store.unordered(NODES)
            if any(each["address"] == server for each in (item.get("status") or {}).get("addresses") or [])
        ]
        if holders and self._reaches(node, address, server, protocol, holders[0]):
            return PORT_UNREACHABLE
        return TIMEOUT

    def _reaches(self, node: str, address: str, server: str, protocol: str, target_node: str) -> bool:
        if node == target_node:
            return True
        port = self._numbers.randint(*_EPHEMERAL)
        flow = Flow(client=address, client_port=port, server=server, server_port=_DNS_PORT, protocol=protocol)
        return passes(self._vpc, flow)

    def _answered(self, runtime: PodRuntime, server: CoreDns, name: str) -> Reply:
        def upstream(address: str, asked: str) -> Reply:
            address = server.host.resolved(address)
            if address in self._vpc.resolver_addresses:
                return vpc_resolver(asked)
            port = self._numbers.randint(*_EPHEMERAL)
            server.upstream_failed(asked, address, runtime.address, port, self._now)
            return TIMEOUT

        return coredns(self._store, server.blocks, name, upstream, unread=server.unread)
