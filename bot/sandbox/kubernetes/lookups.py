"""The way of one lookup: from a pod, through the node's rules and the VPC, to a server and back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.sandbox.kubernetes import dns_answers
from bot.sandbox.kubernetes.captures import Trip
from bot.sandbox.kubernetes.corefile import parse
from bot.sandbox.kubernetes.host_network import tracks_no_more
from bot.sandbox.kubernetes.kubelet import Kubelets
from bot.sandbox.kubernetes.network_policies import PolicyQuery, lets_through
from bot.sandbox.kubernetes.node_kinds import NODE_COREFILE, answers_dns
from bot.sandbox.kubernetes.program import Query
from bot.sandbox.kubernetes.resources import NODES, PODS, Json
from bot.sandbox.kubernetes.store import Store
from bot.sandbox.network.network import Network
from bot.sandbox.network.packets import EPHEMERAL, Flow, arrives, connected, passes
from bot.sandbox.network.replies import PORT_UNREACHABLE, TIMEOUT, Outcome, Reply
from bot.sandbox.network.resolver import Resolver, ask_address, query
from bot.sandbox.network.vpc import Vpc, within

_MOST_FORWARDS = 4
"""Servers that forward to one another in a circle are given up on after so many, as after a time-out."""


class LookupPath:
    """Answers lookups as the cluster and the VPC are at one moment."""

    def __init__(
        self, store: Store, kubelets: Kubelets, network: Network, numbers: random.Random, now: datetime
    ) -> None:
        self._store, self._kubelets = store, kubelets
        self._network, self._vpc = network, network.home
        self._numbers, self._now = numbers, now

    def ask(self, pod: Json, address: str, server: str, name: str, protocol: str, *, forwards: int = 0) -> Reply:
        """Return what comes back to `pod` when it asks `server` for the A records of `name`.

        `forwards`: how many servers have passed the query on so far.
        """
        name_of_node = pod["spec"]["nodeName"]
        if not self._is_routed(address):
            return TIMEOUT
        if server not in self._kubelets.node(name_of_node).untracked and self._drops_new(name_of_node):
            return TIMEOUT
        return self._sent(pod, address, server, name, protocol, forwards)

    def connect(self, address: str, server: str, port: int) -> Outcome:
        """Return what comes of a TCP connection from an address: the control plane's interfaces answer on 443."""
        flow = Flow(
            client=address,
            client_port=self._numbers.randint(*EPHEMERAL),
            server=server,
            server_port=port,
            protocol="tcp",
        )
        return connected(self._network, self._vpc, flow)

    def _sent(self, pod: Json, address: str, server: str, name: str, protocol: str, forwards: int) -> Reply:
        """Return what comes back once the node has let the query out of the pod."""
        node, asked = self._kubelets.node(pod["spec"]["nodeName"]), server
        backends = node.led_to(server)
        if backends is None and node.holds(server):
            listener = node.bound.get(server)
            return TIMEOUT if self._strict(address) else self._of_listener(pod, listener, name, protocol, forwards)
        if server == self._kubelets.told_dns and answers_dns(self._store.get(NODES, "", pod["spec"]["nodeName"])):
            return self._of_node(name)
        if backends is not None:
            if not backends:
                return PORT_UNREACHABLE
            server = self._numbers.choice(backends)
        if server in self._vpc.resolver_addresses:
            return Resolver(self._network, self._vpc).answer(name)
        target = self._store.find(PODS, *self._kubelets.owner_of(server))
        if target is None:
            return self._ask_address(pod, server, name, self._query(address, server, protocol))
        flow = self._query(address, server, protocol)
        allowed = self._allowed(pod, target, flow, asked)
        returned = allowed and self._reaches(pod, target["spec"]["nodeName"], flow)
        arrived = returned or (allowed and self._arrives(pod, target["spec"]["nodeName"], flow))
        reply = self._answered(pod, target, name, protocol, forwards) if arrived else None
        for capture in self._kubelets.captures.values():
            capture.see(
                Trip(
                    at=self._now,
                    client=address,
                    port=flow.client_port,
                    server=asked,
                    pod=server,
                    protocol=protocol,
                    name=name,
                    arrived=arrived,
                    reply=reply,
                    returned=returned,
                )
            )
        return reply if reply is not None and returned else TIMEOUT

    def _allowed(self, pod: Json, target: Json, flow: Flow, asked: str) -> bool:
        """Return whether NetworkPolicies let the query pass; what is on its own node's network they do not see."""
        query = PolicyQuery(
            client=pod,
            client_address=flow.client,
            server=target,
            asked=asked,
            protocol=flow.protocol,
            port=flow.server_port,
        )
        return lets_through(self._store, query)

    def _drops_new(self, node: str) -> bool:
        return tracks_no_more(self._kubelets.node(node), node, self._store)

    def _of_listener(
        self, pod: Json, listener: tuple[str, str] | None, name: str, protocol: str, forwards: int
    ) -> Reply:
        """Return what comes back from an address of the node's own, past which packets of pods in strict mode leave."""
        if listener is None:
            return PORT_UNREACHABLE
        return self._answered(pod, self._store.get(PODS, *listener), name, protocol, forwards)

    def _of_node(self, name: str) -> Reply:
        """Return what the DNS server on the node itself answers; it asks the VPC's resolver."""
        resolver = Resolver(self._network, self._vpc)
        return dns_answers.coredns(self._store, parse(NODE_COREFILE), name, lambda *asked: resolver.answer(asked[1]))

    def _query(self, address: str, server: str, protocol: str) -> Flow:
        return query(address, server, client_port=self._numbers.randint(*EPHEMERAL), protocol=protocol)

    def _strict(self, address: str) -> bool:
        """Return whether the pod with this address never sees its node."""
        holder = self._kubelets.holder_of(address)
        return holder is not None and holder.strict

    def _is_routed(self, address: str) -> bool:
        """Return whether packets find their way to what has this address: no node has to lead the way to itself."""
        holder = self._kubelets.holder_of(address)
        return holder is None or holder.routed

    def _outside(self, pod: Json, flow: Flow) -> Flow:
        """Return the flow as it leaves the VPC: of a branch pod that sees its node, with the node's address."""
        holder, port = self._kubelets.holder_of(flow.client), self._vpc.port_of(flow.client)
        inside = any(within(flow.server, cidr) for cidr in self._vpc.cidrs)
        if inside or holder is None or holder.strict or not (port and port.is_branch):
            return flow
        return replace(flow, client=holder.node_address) if self._kubelets.node(pod["spec"]["nodeName"]).snat else flow

    def _ask_address(self, pod: Json, server: str, name: str, flow: Flow) -> Reply:
        holders = [
            item["metadata"]["name"]
            for item in self._store.unordered(NODES)
            if any(each["address"] == server for each in (item.get("status") or {}).get("addresses") or [])
        ]
        if holders and self._reaches(pod, holders[0], flow):
            return PORT_UNREACHABLE
        return TIMEOUT if holders else ask_address(self._network, self._vpc, self._outside(pod, flow), name)

    def _reaches(self, pod: Json, target_node: str, flow: Flow) -> bool:
        """Return whether a query gets there, and an answer back."""
        return self._gets_through(pod, target_node, flow, passes)

    def _arrives(self, pod: Json, target_node: str, flow: Flow) -> bool:
        """Return whether a query gets there, whatever becomes of the answer."""
        return self._gets_through(pod, target_node, flow, arrives)

    def _gets_through(self, pod: Json, target_node: str, flow: Flow, through: Callable[[Vpc, Flow], bool]) -> bool:
        if self._drops_new(target_node) or not self._is_routed(flow.server):
            return False
        if pod["spec"]["nodeName"] == target_node and not (self._strict(flow.client) or self._strict(flow.server)):
            return True
        return through(self._vpc, flow)

    def _answered(self, client: Json, target: Json, name: str, protocol: str, forwards: int) -> Reply:
        runtime = self._kubelets.pods.get(target["metadata"]["uid"])
        if runtime is None or runtime.process is None or runtime.process.run.ended:
            return PORT_UNREACHABLE

        def forward(server: str, asked: str, over: str) -> Reply:
            if forwards >= _MOST_FORWARDS:
                return TIMEOUT
            return self.ask(target, runtime.address, server, asked, over, forwards=forwards + 1)

        query = Query(
            name=name, protocol=protocol, client=client, now=self._now, forward=forward, numbers=self._numbers
        )
        return runtime.process.answer(self._kubelets.host(target, runtime, self._vpc), query)
