"""EC2: moto, mended where it does otherwise, and what AWS itself creates (`ec2/seeding.py`)."""

from __future__ import annotations

from moto.ec2.responses import EC2Response

from bot.sandbox.aws.ec2.interfaces import install_interfaces
from bot.sandbox.aws.ec2.network_acls import install_network_acls
from bot.sandbox.aws.ec2.paging import install_paging
from bot.sandbox.aws.ec2.security_groups import install_security_groups
from bot.sandbox.aws.ec2.seeding import seed_instances, seed_interfaces
from bot.sandbox.aws.ec2.transit_gateways import install_transit_gateways, live_through
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Service, Serving


def _patch() -> None:
    install_security_groups()
    install_network_acls()
    install_interfaces()
    install_paging()
    install_transit_gateways()


def _known_to_moto(call: Call) -> bool:
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in call.operation)
    return hasattr(EC2Response, name.lstrip("_"))


def _open(cloud: Cloud) -> Serving:
    live_through(cloud.changes)
    return Serving(
        passes_on=_known_to_moto,
        routes={
            ("POST", "instances"): lambda _, document: seed_instances(document),
            ("POST", "interfaces"): lambda _, document: seed_interfaces(document),
        },
    )


SERVICE = Service(name="ec2", open=_open, patch=_patch, internal_error="InternalError")
