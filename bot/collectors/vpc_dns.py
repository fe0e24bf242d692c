"""How clients of the cluster's VPC, its peers' and those that rules lead through look names up (D2).

DNS attributes and DHCP options. Why it matters to DNS: without enableDnsSupport a VPC has no resolver, without
enableDnsHostnames it passes private zones over, and DHCP options may send its instances to other servers. Source: VPC
User Guide, "DNS attributes for your VPC", "DHCP option sets". Cost: four EC2 calls a VPC.

```yaml
gather:
  - collector: vpc_dns
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.collectors._led_through import led_through
from bot.collectors._places import Spot, ask_each, everywhere
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.domain.evidence import Collector, Gap
from bot.domain.peers import Peers
from bot.domain.places import HOME, Place
from bot.domain.ports import AwsReader
from bot.domain.reading import reading
from bot.domain.views import View

AMAZON = "AmazonProvidedDNS"


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcDnsSettings:
    """One VPC."""

    place: Place
    vpc_id: str
    account: str
    region: str
    dns_support: bool
    dns_hostnames: bool
    dhcp_options_id: str
    """`default` where there is no set."""
    servers: tuple[str, ...]
    """domain-name-servers of its DHCP options; none: the VPC gives none out."""
    cidrs: tuple[str, ...]
    hub: bool = False
    """Neither the cluster's nor a peer's: rules lead through it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcDns:
    """The cluster's VPC first, then the peers', then those that Resolver rules lead through."""

    vpcs: tuple[VpcDnsSettings, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def home(self) -> VpcDnsSettings | None:
        """The cluster's VPC; None: it could not be read."""
        return next((one for one in self.vpcs if one.place == HOME and not one.hub), None)

    def of(self, vpc_id: str) -> VpcDnsSettings | None:
        """Return what was read of a VPC; None: it could not be read."""
        return next((one for one in self.vpcs if one.vpc_id == vpc_id), None)


def collect(look: View) -> VpcDns:
    """Read attributes and options of each VPC."""
    found = ask_each(look, led_through(look), "DNS settings", _settings)
    return VpcDns(vpcs=found.answers, gaps=found.gaps)


def _settings(aws: AwsReader, spot: Spot) -> VpcDnsSettings:
    described = aws.read("ec2", "DescribeVpcs", VpcIds=[spot.vpc_id])
    with reading("ec2:DescribeVpcs"):
        (vpc,) = described["Vpcs"]
        options, cidrs = str(vpc["DhcpOptionsId"]), tuple(_cidrs(vpc))
    return VpcDnsSettings(
        place=spot.place,
        vpc_id=spot.vpc_id,
        account=spot.account,
        region=spot.region,
        dns_support=_attribute(aws, spot, "enableDnsSupport", "EnableDnsSupport"),
        dns_hostnames=_attribute(aws, spot, "enableDnsHostnames", "EnableDnsHostnames"),
        dhcp_options_id=options,
        servers=_servers(aws, options),
        cidrs=cidrs,
        hub=spot.hub,
    )


def _attribute(aws: AwsReader, spot: Spot, attribute: str, member: str) -> bool:
    answer = aws.read("ec2", "DescribeVpcAttribute", VpcId=spot.vpc_id, Attribute=attribute)
    with reading("ec2:DescribeVpcAttribute"):
        return bool(answer[member]["Value"])


def _servers(aws: AwsReader, options: str) -> tuple[str, ...]:
    if options == "default":
        return ()
    answer = aws.read("ec2", "DescribeDhcpOptions", DhcpOptionsIds=[options])
    with reading("ec2:DescribeDhcpOptions"):
        (found,) = answer["DhcpOptions"]
        named = [one for one in found["DhcpConfigurations"] if one["Key"] == "domain-name-servers"]
        return tuple(str(value["Value"]) for one in named for value in one["Values"])


def _cidrs(vpc: Mapping[str, Any]) -> list[str]:
    blocks = vpc.get("CidrBlockAssociationSet") or ()
    return [str(one["CidrBlock"]) for one in blocks if one["CidrBlockState"]["State"] == "associated"]


def summarise(evidence: VpcDns) -> str:
    """Say of each VPC what is on and who answers."""
    return "; ".join(map(_line, evidence.vpcs)) or "no VPC could be read"


def _line(vpc: VpcDnsSettings) -> str:
    on = {True: "on", False: "off"}
    servers = ", ".join(vpc.servers) or "none"
    return (
        f"{vpc.vpc_id}: enableDnsSupport {on[vpc.dns_support]}, enableDnsHostnames {on[vpc.dns_hostnames]}, "
        f"DHCP option set {vpc.dhcp_options_id} names {servers}"
    )


COLLECTOR = Collector(
    name="vpc_dns",
    title="DNS settings of the VPCs",
    evidence=VpcDns,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        *everywhere("ec2:DescribeVpcs", "tell which DHCP option set a VPC has"),
        *everywhere("ec2:DescribeVpcAttribute", "see whether the VPC's resolver answers, private zones too"),
        *everywhere("ec2:DescribeDhcpOptions", "see which DNS servers a VPC's instances are given"),
    ),
    needs=(EksCluster, Peers),
    wants=(ResolverRules,),
)
