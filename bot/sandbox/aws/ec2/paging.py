"""Pages for EC2 describes: `MaxResults` and `NextToken`, which moto ignores nearly everywhere."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response

from bot.sandbox.aws.moto_access import MotoObject, param, replace

DEFAULT_PAGE_SIZE = 1000
"""What AWS gives when no MaxResults is sent; callers that do not page miss the rest."""
_SMALLEST_PAGE = 5

_PAGED = {
    "describe_network_acls": "NetworkAcls",
    "describe_route_tables": "RouteTables",
    "describe_security_groups": "SecurityGroups",
    "describe_subnets": "Subnets",
    "describe_vpcs": "Vpcs",
    "describe_managed_prefix_lists": "PrefixLists",
    "get_managed_prefix_list_entries": "Entries",
    "describe_dhcp_options": "DhcpOptions",
    "describe_vpc_endpoints": "VpcEndpoints",
    "describe_vpc_peering_connections": "VpcPeeringConnections",
    "describe_nat_gateways": "NatGateways",
    "describe_internet_gateways": "InternetGateways",
}


def page_of(response: MotoObject, items: Sequence[Any]) -> tuple[list[Any], str | None]:
    """Return the page that the request asks for and the token of the next, or raise as EC2 does."""
    size = int(param(response, "MaxResults", DEFAULT_PAGE_SIZE))
    if size < _SMALLEST_PAGE:
        raise EC2ClientError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid.")
    start = _offset(param(response, "NextToken"))
    end = start + min(size, DEFAULT_PAGE_SIZE)
    return list(items[start:end]), _token(end) if end < len(items) else None


def not_with_ids(response: MotoObject, parameter: str, shown: str) -> None:
    """Refuse ids together with MaxResults, as EC2 does for instances and interfaces."""
    if param(response, parameter) and param(response, "MaxResults"):
        message = f"The parameter {shown} cannot be used with the parameter maxResults"
        raise EC2ClientError("InvalidParameterCombination", message)


def install_paging() -> None:
    """Give pages to the describes that moto answers whole."""
    for name, key in _PAGED.items():
        replace(EC2Response, **{name: _paged(getattr(EC2Response, name), key)})


def _paged(describe: Callable[[Any], ActionResult], key: str) -> Callable[[Any], ActionResult]:
    def describe_page(response: MotoObject) -> ActionResult:
        whole: Any = describe(response).result
        items, token = page_of(response, list(whole[key]))
        return ActionResult({**whole, key: items, "NextToken": token})

    return describe_page


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if kind == "offset":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise EC2ClientError("InvalidParameterValue", f"Invalid value '{token}' for NextToken.")
