"""Whether an address that was answered elsewhere is the private endpoint's; shared by two rules, no rule itself."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from bot.collectors.vpc_dns import VpcDns
from bot.domain.network_lookups import EndpointLookups


def at_home(address: str, seen: EndpointLookups, dns: VpcDns) -> bool:
    """Return whether it is an interface's of the control plane, or of the cluster's VPC as far as its CIDRs were read.

    EKS replaces interfaces: an answer from the VPC may be one that is no more.
    """
    cidrs = dns.home.cidrs if dns.home else ()
    return address in seen.private_addresses or any(ip_address(address) in ip_network(cidr) for cidr in cidrs)
