"""Amazon's own network, by which a VPC's resolver reaches an outbound endpoint, whichever VPC that stands in.

No group, ACL, route table or peering has a say there. Addresses are of 198.18.0.0/16, which no VPC of the lab has.
"""

from __future__ import annotations

import threading
from ipaddress import ip_network

from lab.namespaces import Run, ip

_NETWORK = ip_network("198.18.0.0/16")
_NEXT = "169.254.1.1"
_HERE, _THERE = "02:00:00:00:00:05", "02:00:00:00:00:06"
_DEVICE = "amazon"


class Backbone:
    """A namespace that routes between those that are attached. Thread-safe."""

    def __init__(self, run: Run) -> None:
        self._netns = run.netns(_DEVICE)
        self._addresses: dict[str, str] = {}
        self._lock = threading.Lock()

    def address_of(self, name: str) -> str:
        """Return the address of whoever has or will have this name; it stays the same."""
        with self._lock:
            return self._addresses.setdefault(name, str(_NETWORK[len(self._addresses) + 1]))

    def attach(self, name: str, netns: str) -> str:
        """Attach a namespace (a full name) and return its address. Detached when the namespace is removed."""
        address = self.address_of(name)
        port = f"to{address.replace('.', '-')}"
        ip(
            self._netns,
            f"link add {port} address {_HERE} type veth peer name {_DEVICE} netns {netns}",
            f"link set {port} up",
            f"neighbour add {address} lladdr {_THERE} dev {port} nud permanent",
            f"route replace {address}/32 dev {port} scope link",
        )
        ip(
            netns,
            f"link set {_DEVICE} address {_THERE} up",
            f"address add {address}/32 dev {_DEVICE}",
            f"neighbour add {_NEXT} lladdr {_HERE} dev {_DEVICE} nud permanent",
            f"route add {_NETWORK} via {_NEXT} dev {_DEVICE} onlink src {address}",
        )
        return address
