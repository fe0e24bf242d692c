"""What stands in other networks so that the bot can look names up from there, as an operator would have put it."""

from __future__ import annotations

import io
import ipaddress
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.world.private_endpoint import close_public_dns
from bot.sandbox.world.scenario import AwsHands, Neighbour, Operator, ProbeKind
from bot.sandbox.world.security_groups import admit, from_cidr
from bot.sandbox.world.world import PROBE_SELECTOR, World, WorldVpc

_HOST = 100
"""Which address of its first subnet a VPC's probe has."""
_API_PORT = 443
_OWN_NAME = "dnsbot-probe"
"""Of the document and of the function, as `deploy/probe/README.md` names them."""
_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingProbe:
    """Where names of one network are looked up from."""

    told: str
    """What `probe` of the network says in dnsbot.yaml."""
    url: str = ""
    """Of the cluster's API whose pods look up; empty: no cluster does."""


def set_up_probes(
    world: World,
    operator: Operator,
    neighbours: Sequence[Neighbour],
    ask: Callable[[str, str, object], Any],
    *,
    public_dns: bool,
) -> Mapping[str, StandingProbe]:
    """Put into each neighbour and network on premises what looks names up and return it by the network's name.

    The API admits 443 from each, as D7 asks for. `ask` calls a control route of the Kubernetes far end.
    """
    kinds = {one.name: one.probe for one in neighbours}
    found: dict[str, StandingProbe] = {}
    for vpc in world.neighbours:
        there = operator.at(vpc.account, vpc.region)
        if not public_dns:
            close_public_dns(there, vpc)
        _admit_to_api(operator, world, vpc.cidr)
        if kinds[vpc.name] is ProbeKind.INSTANCE:
            found[vpc.name] = _instance(there, vpc)
        elif kinds[vpc.name] is ProbeKind.FUNCTION:
            found[vpc.name] = _function(there, vpc)
        else:
            found[vpc.name] = _pods(ask, {"name": vpc.name, "vpc_id": vpc.id, "address": _host(there, vpc)})
    for site in world.on_premises:
        _admit_to_api(operator, world, site.cidr)
        where = {"name": site.name, "cidr": site.cidr, "address": site.host, "public_dns": public_dns}
        found[site.name] = _pods(ask, where)
    return found


def has_machines(neighbours: Sequence[Neighbour]) -> bool:
    """Return whether AWS runs a program in one of these VPCs to look names up."""
    return any(one.probe is not ProbeKind.PODS for one in neighbours)


def _admit_to_api(operator: Operator, world: World, cidr: str) -> None:
    """Let the cluster security group admit 443 from a block (D7)."""
    admit(operator, world.cluster_security_group_id, from_cidr(cidr, "tcp", _API_PORT))


def _pods(ask: Callable[[str, str, object], Any], asked: Mapping[str, object]) -> StandingProbe:
    name = asked["name"]
    told = f"{{kubeconfig: probe-{name}.yaml, context: {name}, selector: {PROBE_SELECTOR}}}"
    return StandingProbe(told=told, url=str(ask("POST", "probe-clusters", asked)["url"]))


def _instance(hands: AwsHands, vpc: WorldVpc) -> StandingProbe:
    """Launch an instance in the VPC and create the document that is run on it."""
    launched = hands.aws(
        "ec2",
        "RunInstances",
        ImageId="ami-0e5a1b2c3d4e5f607",
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=vpc.subnets[0].id,
        PrivateIpAddress=_address(vpc),
        SecurityGroupIds=[_group(hands, vpc)],
    )
    content = shipped_probe("ssm-document.json").read_text(encoding="utf-8")
    hands.aws("ssm", "CreateDocument", Name=_OWN_NAME, DocumentType="Command", DocumentFormat="JSON", Content=content)
    return StandingProbe(told=f"{{ssm_instance: {launched['Instances'][0]['InstanceId']}}}")


def _function(hands: AwsHands, vpc: WorldVpc) -> StandingProbe:
    """Create the function, attached to the VPC."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(shipped_probe("dnsprobe.py"), "dnsprobe.py")
    hands.aws(
        "lambda",
        "CreateFunction",
        FunctionName=_OWN_NAME,
        Runtime="python3.13",
        Handler="dnsprobe.handler",
        Timeout=15,
        Role=f"arn:aws:iam::{vpc.account}:role/dnsbot-probe",
        Code={"ZipFile": archive.getvalue()},
        VpcConfig={"SubnetIds": [vpc.subnets[0].id], "SecurityGroupIds": [_group(hands, vpc)]},
    )
    return StandingProbe(told=f"{{lambda: {_OWN_NAME}}}")


def shipped_probe(name: str) -> Path:
    """Return a file of `deploy/probe`, of an installed package or of the checkout."""
    folders: Iterator[Path] = iter((_PACKAGE / "shipped" / "probe", _PACKAGE.parent / "deploy" / "probe"))
    return next(folder / name for folder in folders if folder.is_dir())


def _address(vpc: WorldVpc) -> str:
    return str(ipaddress.ip_network(vpc.subnets[0].cidr)[_HOST])


def _group(hands: AwsHands, vpc: WorldVpc) -> str:
    """Create the probe's security group, which lets everything out."""
    made = hands.aws("ec2", "CreateSecurityGroup", GroupName="dns-probe", Description="DNS probe", VpcId=vpc.id)
    return str(made["GroupId"])


def _host(hands: AwsHands, vpc: WorldVpc) -> str:
    """Give the probe's node an interface in the VPC and return its address."""
    address = _address(vpc)
    hands.aws(
        "ec2",
        "CreateNetworkInterface",
        SubnetId=vpc.subnets[0].id,
        PrivateIpAddress=address,
        Groups=[_group(hands, vpc)],
        Description="dns probe",
    )
    return address
