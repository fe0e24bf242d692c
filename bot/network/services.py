"""What a client asks a server for: a port, and over which transports."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.lookups import Transport
from bot.network.model import SecurityGroupRule
from bot.network.ports import DNS, HTTPS, PortRange

_NAMES = {
    Transport.UDP: frozenset({"udp", "17", "-1", "all"}),
    Transport.TCP: frozenset({"tcp", "6", "-1", "all"}),
}
_ALL = frozenset({"-1", "all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One port of a server."""

    ports: PortRange
    """The port, as a range of one."""
    transports: tuple[Transport, ...]
    """In the order in which they are judged."""

    def carried_by(self, rule: SecurityGroupRule, transport: Transport) -> bool:
        """Return whether the rule is about this port of that transport. Protocol -1 and port -1 mean all ports."""
        if rule.protocol not in _NAMES[transport]:
            return False
        return rule.protocol in _ALL or rule.from_port == -1 or rule.from_port <= self.ports.first <= rule.to_port

    def may_be_carried_by(self, rule: SecurityGroupRule) -> bool:
        """Return whether the rule is about this port of any of the transports."""
        return any(self.carried_by(rule, transport) for transport in self.transports)


LOOKUPS = Service(ports=DNS, transports=(Transport.UDP, Transport.TCP))
KUBERNETES_API = Service(ports=HTTPS, transports=(Transport.TCP,))
"""On the control plane's interfaces in the VPC."""
EVERY_SERVICE = (LOOKUPS, KUBERNETES_API)
"""Those whose ways are judged."""
