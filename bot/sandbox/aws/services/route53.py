"""Route 53's hosted zones: moto, which makes a zone private only when told so in words, though AWS takes the VPC.

Source: Route 53 API Reference, CreateHostedZone, member VPC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.route53.responses import Route53

from bot.sandbox.aws.moto_access import MotoObject, param, replace
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import Cloud, Service, Serving


def _patch() -> None:
    replace(Route53, create_hosted_zone=_private_with_a_vpc(Route53.create_hosted_zone))


def _private_with_a_vpc(create: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    def create_zone(response: MotoObject) -> ActionResult:
        if param(response, "VPC.VPCId"):
            response.params["HostedZoneConfig"] = {**param(response, "HostedZoneConfig", {}), "PrivateZone": True}
        return create(response)

    return create_zone


def _all_to_moto(call: Call) -> bool:
    return bool(call.operation)


def _open(cloud: Cloud) -> Serving:
    del cloud
    return Serving(passes_on=_all_to_moto)


SERVICE = Service(name="route53", open=_open, patch=_patch)
