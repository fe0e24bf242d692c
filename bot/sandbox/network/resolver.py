"""Each VPC's own resolver, which no security group and no network ACL filters, and the DNS server of other networks.

One on premises forwards what its people told it. In a VPC DNS Firewall is asked first. Of the rules and private zones
that hold for the VPC the one with the longest matching name decides; of two with the same name the rule (Route 53
Developer Guide, "How Resolver endpoints forward DNS queries from your VPCs"). Without one the name is public. The name
of an EKS cluster's endpoint is a private zone of its own, which EKS manages.
Answers A records. Shares nothing with the bot's evaluator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from bot.sandbox.network.names import Record, ResolverRule, Zone, belongs, plain
from bot.sandbox.network.network import Network
from bot.sandbox.network.packets import EPHEMERAL, Flow, reached
from bot.sandbox.network.public_names import public_answer
from bot.sandbox.network.replies import TIMEOUT, Outcome, Reply
from bot.sandbox.network.vpc import Vpc
from bot.sandbox.world.world import vpc_resolver

_NXDOMAIN = Reply(outcome=Outcome.NXDOMAIN, recursion=True)
_SERVFAIL = Reply(outcome=Outcome.SERVFAIL, recursion=True)
_MOST_STEPS = 8
"""CNAMEs, and resolvers that forward to one another, are followed so far."""


class Resolver:
    """The resolver of one VPC."""

    def __init__(self, network: Network, vpc: Vpc, *, steps: int = 0) -> None:
        self._network, self._vpc, self._steps = network, vpc, steps

    def answer(self, name: str) -> Reply:
        """Return what a client in the VPC gets for a name."""
        if not self._vpc.dns_support:
            return TIMEOUT
        if self._steps > _MOST_STEPS:
            return _SERVFAIL
        name = plain(name)
        if self._vpc.forwards is not None:
            return self._on_premises(name, self._vpc.forwards)
        if self._is_blocked(name):
            return _NXDOMAIN
        rule, zone = self._rule(name), self._zone(name)
        if rule is not None and rule.targets and (zone is None or len(rule.name) >= len(zone.name)):
            return self._forwarded(rule, name)
        if zone is not None:
            return self._from(zone, name)
        return self._public(name)

    def _is_blocked(self, name: str) -> bool:
        """Return whether DNS Firewall keeps a name from being looked up: the first list that has it decides."""
        filters = self._network.filters.get(self._vpc.id, ())
        return next((one.blocks for one in filters if one.names(name)), False)

    def _further(self, vpc: Vpc, name: str) -> Reply:
        return Resolver(self._network, vpc, steps=self._steps + 1).answer(name)

    def _rule(self, name: str) -> ResolverRule | None:
        """Return the rule that holds for a name; one of type SYSTEM excepts its names from the others."""
        rules = [one for one in self._network.rules if self._vpc.id in one.vpc_ids and belongs(name, one.name)]
        return max(rules, key=lambda one: len(one.name), default=None)

    def _zone(self, name: str) -> Zone | None:
        if not self._vpc.dns_hostnames:
            return None
        zones = [one for one in self._network.zones if one.private and self._vpc.id in one.vpc_ids]
        zones += [Zone(id="", name=one.host, records={one.host: Record(addresses=one.addresses)})
                  for one in self._vpc.api_endpoints if one.private]  # fmt: skip
        return max((one for one in zones if belongs(name, one.name)), key=lambda one: len(one.name), default=None)

    def _from(self, zone: Zone, name: str) -> Reply:
        record = zone.find(name)
        if record is None:
            return _NXDOMAIN
        if record.target:
            return self._further(self._vpc, record.target)
        return Reply(outcome=Outcome.ANSWER, addresses=record.addresses, recursion=True, ttl_seconds=record.ttl_seconds)

    def _public(self, name: str) -> Reply:
        if not self._vpc.public_dns:
            return _NXDOMAIN
        zones = [one for one in self._network.zones if not one.private and belongs(name, one.name)]
        if zones:
            return self._from(max(zones, key=lambda one: len(one.name)), name)
        endpoint = next((one for vpc in self._network.vpcs for one in vpc.api_endpoints if one.host == name), None)
        if endpoint is not None and not endpoint.public:
            return Reply(outcome=Outcome.ANSWER, addresses=endpoint.addresses, recursion=True, ttl_seconds=60)
        return public_answer(name)

    def _on_premises(self, name: str, forwards: Mapping[str, tuple[str, ...]]) -> Reply:
        """Return what a DNS server on premises answers: by its longest forwarder, else by public DNS."""
        zone = max((one for one in forwards if belongs(name, one)), key=len, default=None)
        if zone is None:
            return self._public(name)
        client = vpc_resolver(self._vpc.cidrs[0])
        return self._until_one_answers(self._vpc, ((client, server) for server in forwards[zone]), name)

    def _forwarded(self, rule: ResolverRule, name: str) -> Reply:
        """Ask the rule's targets from the outbound endpoint's addresses, until one answers."""
        endpoint = next((one for one in self._network.endpoints if one.id == rule.endpoint_id), None)
        start = self._network.vpc(endpoint.vpc_id) if endpoint else None
        if endpoint is None or start is None:
            return _SERVFAIL
        return self._until_one_answers(start, product(endpoint.addresses, rule.targets), name)

    def _until_one_answers(self, start: Vpc, ways: Iterable[tuple[str, str]], name: str) -> Reply:
        """Ask from a client to a server by one way after the other."""
        asked = (
            ask_address(self._network, start, query(client, server), name, steps=self._steps) for client, server in ways
        )
        return next((reply for reply in asked if reply != TIMEOUT), _SERVFAIL)


def query(client: str, server: str, *, client_port: int = EPHEMERAL[0], protocol: str = "udp") -> Flow:
    """Return a query to port 53."""
    return Flow(client=client, client_port=client_port, server=server, server_port=53, protocol=protocol)


def ask_address(network: Network, start: Vpc, flow: Flow, name: str, *, steps: int = 0) -> Reply:
    """Return what comes back to a client in `start` that asks an address: inbound endpoints answer, nobody else.

    `steps`: how many servers have passed the query on so far.
    """
    there = reached(network, start, flow)
    if there is None or network.inbound_at(there, flow.server) is None:
        return TIMEOUT
    return Resolver(network, there, steps=steps + 1).answer(name)
