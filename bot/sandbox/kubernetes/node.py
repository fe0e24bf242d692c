"""A node: how its kubelet is configured, and what programs have laid on its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Self

from bot.sandbox.kubernetes.refusals import bad_request, not_implemented
from bot.sandbox.kubernetes.resources import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletSettings:
    """What an operator may set on a node. Pods that run keep what they got."""

    cluster_dns: str = ""
    """Empty: the ClusterIP that kube-dns had when the cluster was made."""
    resolv_conf: str = ""
    """The node's own /etc/resolv.conf; empty: as the VPC's DHCP options have it."""

    def changed(self, asked: Json) -> Self:
        """Return them with what `asked` names; refuses with 501 what no node has, and with 400 other than text."""
        unknown = set(asked) - {one.name for one in fields(self)}
        if unknown:
            raise not_implemented(f"the kubelet setting {', '.join(sorted(unknown))}")
        if not all(isinstance(value, str) for value in asked.values()):
            raise bad_request("cluster_dns is one address, resolv_conf the text of a file")
        return replace(self, **asked)


class Leading(StrEnum):
    """How what leads ClusterIPs to pods does it on a node."""

    TRACKING = "by nat rules, which only see packets that are tracked (kube-proxy in iptables and nftables mode)"
    BALANCING = "by IPVS behind addresses of the node's own, tracked or not (kube-proxy in ipvs mode)"
    CONNECTING = "when a program connects, before there is a packet (Cilium in kube-proxy's place)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A client's DNS over UDP from one port, as the node tracks it: whom it was led to first gets all of it."""

    client: str
    """A pod's own address."""
    port: int
    server: str
    """As the client asks it: a ClusterIP."""
    led_to: str


@dataclass(slots=True, kw_only=True)
class Node:
    """One node."""

    settings: KubeletSettings = field(default_factory=KubeletSettings)
    backends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses behind each ClusterIP, as a program laid its rules last (kube-proxy)."""
    leading: Leading = Leading.TRACKING
    """How these rules lead there."""
    proxy_mode: str = ""
    """kube-proxy's mode when it laid them last: `iptables`, `nftables`, `ipvs`; empty: it laid none."""
    bound: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Addresses on whose port 53 a pod's program listens on the node itself; its namespace and name."""
    strict_branches: bool = True
    """Whether the packets of pods with a branch interface that are made from now on never see the node (aws-node)."""
    snat: bool = True
    """Whether packets of pods leave the VPC with the node's address (aws-node)."""
    interfaces: dict[str, frozenset[str]] = field(default_factory=dict)
    """Addresses on interfaces that programs have made, by the interface's name; they outlive a program that crashes."""
    conntrack_max: int = 131_072
    """How many connections the kernel tracks at most, as kube-proxy set it last."""
    untracked: frozenset[str] = frozenset()
    """Addresses whose port 53 the raw table takes out of connection tracking (NOTRACK); these rules outlive it, too."""

    tracked: tuple[Exchange, ...] = ()
    """Exchanges that a client keeps up; other queries end too soon to be seen."""
    linklocal_exceeded: int = 0
    """Packets to the VPC's resolver that the interface did not let through, of programs that have ended."""

    def holds(self, address: str) -> bool:
        """Return whether packets for this address end on the node itself (the `local` routing table)."""
        return address in self.bound or any(address in held for held in self.interfaces.values())

    def led_to(self, address: str) -> tuple[str, ...] | None:
        """Return whom packets for this address are led to; None: they are not led anywhere else."""
        if self.leading is Leading.TRACKING and address in self.untracked:
            return None
        return self.backends.get(address)

    def clear_stale(self) -> None:
        """Track no exchange any more that leads past those who are behind its ClusterIP now."""
        self.tracked = tuple(one for one in self.tracked if one.led_to in self.backends.get(one.server, (one.led_to,)))

    def release(self, namespace: str, name: str) -> None:
        """Free what this pod's program had bound."""
        self.bound = {address: pod for address, pod in self.bound.items() if pod != (namespace, name)}
