"""The resolv.conf that each node's kubelet hands to pods with dnsPolicy Default, CoreDNS's among them.

Read in a pod on the node's network whose dnsPolicy leads to the kubelet's file: a copy of it stands in such a pod. In
a playbook: `{collector: node_resolv_conf}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bot.collectors._looking_on_nodes import (
    PERMISSIONS,
    NodeParameters,
    NodeReading,
    NodesSeen,
    nodes_to_look_at,
    on_each,
)
from bot.collectors.workload_pods import WorkloadPods
from bot.dns.lookup_tools import READ_RESOLV_CONF
from bot.dns.resolv_conf import ResolvConf, parse_resolv_conf
from bot.domain.evidence import Collector
from bot.domain.views import NodeView
from bot.kubernetes.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConfOfNode:
    """What one node's kubelet hands out."""

    node: str
    file: ResolvConf


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResolvConfs(NodesSeen[ResolvConfOfNode]):
    """The kubelets' files of the nodes that were looked at."""

    nodes: tuple[ResolvConfOfNode, ...]


def collect(look: NodeView) -> NodeResolvConfs:
    """Look at some nodes. Raises `EvidenceUnavailable` where none of them can be looked at."""
    nodes, total = nodes_to_look_at(look)
    read, gaps = on_each(look, nodes, partial(_read, look))
    return NodeResolvConfs(nodes=tuple(read), nodes_total=total, gaps=gaps)


def _read(look: NodeView, node: Node) -> ResolvConfOfNode:
    reading = NodeReading.of(look, node)
    found = reading.try_each("resolv.conf", (READ_RESOLV_CONF, lambda result: parse_resolv_conf(result.text())))
    return ResolvConfOfNode(node=node.name, file=found) if found is not None else reading.refuse()


def summarise(found: NodeResolvConfs) -> str:
    """Say how many nodes were looked at, and which servers they name."""
    servers = sorted({server for one in found.nodes for server in one.file.nameservers})
    return f"{len(found.nodes)} of {found.nodes_total} nodes looked at, naming {', '.join(servers) or 'no server'}"


COLLECTOR = Collector(
    name="node_resolv_conf",
    title="resolv.conf of the kubelets",
    evidence=NodeResolvConfs,
    view=NodeView,
    collect=collect,
    summarise=summarise,
    permissions=PERMISSIONS,
    wants=(WorkloadPods,),
    parameters=NodeParameters,
    deadline_seconds=28.0,
)
