"""Network ACLs as EC2 treats them: the closing deny is shown, numbers are unique, 20 entries a direction.

Sources: VPC User Guide, "Network ACL rules" and "Amazon VPC quotas"; EC2 API Reference, CreateNetworkAclEntry.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

from bot.sandbox.aws.moto_access import MotoObject, param, replace

ENTRIES_PER_DIRECTION = 20
CLOSING_DENY = 32767
_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": "-1"}
_WITH_PORTS = {"6", "17"}


def install_network_acls() -> None:
    """Replace moto's handling of ACL entries."""
    create = _with_closing_deny(EC2Backend.create_network_acl)
    replace(EC2Backend, create_network_acl=create, get_network_acl=_get)
    replace(
        EC2Response,
        create_network_acl_entry=_create_entry,
        delete_network_acl_entry=_delete_entry,
        replace_network_acl_entry=_replace_entry,
        replace_network_acl_association=_known_association(EC2Response.replace_network_acl_association),
        describe_network_acls=_known_acls(EC2Response.describe_network_acls),
    )


def _with_closing_deny(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_closed(
        backend: MotoObject,
        vpc_id: str,
        tags: MotoObject = None,
        default: bool = False,  # noqa: FBT001, FBT002  # moto's signature
    ) -> MotoObject:  # moto's signature
        acl = create(backend, vpc_id, tags, default)
        if not default:
            for egress in (True, False):
                _add(
                    backend,
                    acl.id,
                    {
                        "number": CLOSING_DENY,
                        "egress": egress,
                        "protocol": "-1",
                        "action": "deny",
                        "cidr": "0.0.0.0/0",
                        "cidr6": None,
                        "from": None,
                        "to": None,
                    },
                )
        return acl

    return create_closed


def _add(backend: MotoObject, acl_id: str, entry: dict[str, Any]) -> None:
    backend.create_network_acl_entry(
        network_acl_id=acl_id,
        rule_number=entry["number"],
        protocol=entry["protocol"],
        rule_action=entry["action"],
        egress=entry["egress"],
        cidr_block=entry["cidr"],
        icmp_code=None,
        icmp_type=None,
        port_range_from=entry["from"],
        port_range_to=entry["to"],
        ipv6_cidr_block=entry["cidr6"],
    )


def _get(backend: MotoObject, network_acl_id: str) -> MotoObject:
    acl = backend.network_acls.get(network_acl_id)
    if acl is None:
        raise EC2ClientError("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{network_acl_id}' does not exist")
    return acl


def _asked_entry(response: MotoObject) -> dict[str, Any]:
    protocol = str(param(response, "Protocol"))
    protocol = _NUMBERS.get(protocol.lower(), protocol)
    entry = {
        "number": int(param(response, "RuleNumber")),
        "egress": bool(param(response, "Egress")),
        "protocol": protocol,
        "action": param(response, "RuleAction"),
        "cidr": _canonical(param(response, "CidrBlock")),
        "cidr6": _canonical(param(response, "Ipv6CidrBlock")),
        "from": param(response, "PortRange.From"),
        "to": param(response, "PortRange.To"),
    }
    _check_entry(entry)
    return entry


def _check_entry(entry: dict[str, Any]) -> None:
    if not 1 <= entry["number"] < CLOSING_DENY:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({entry['number']}) for parameter ruleNumber is invalid: it must be between 1 and 32766.",
        )
    if (entry["cidr"] is None) == (entry["cidr6"] is None):
        raise EC2ClientError("MissingParameter", "The request must contain exactly one of cidrBlock and ipv6CidrBlock")
    if entry["protocol"] in _WITH_PORTS and (entry["from"] is None or entry["to"] is None):
        raise EC2ClientError("MissingParameter", "The request must contain the parameter portRange")
    if entry["action"] not in {"allow", "deny"}:
        raise EC2ClientError("InvalidParameterValue", f"Value ({entry['action']}) for parameter ruleAction is invalid.")


def _canonical(cidr: str | None) -> str | None:
    if cidr is None:
        return None
    try:
        return str(ip_network(cidr, strict=False))
    except ValueError:
        raise EC2ClientError("InvalidParameterValue", f"CIDR block {cidr} is malformed") from None


def _create_entry(response: MotoObject) -> ActionResult:
    acl = response.ec2_backend.get_network_acl(param(response, "NetworkAclId"))
    entry = _asked_entry(response)
    same_way = [one for one in acl.network_acl_entries if one.egress == entry["egress"]]
    if any(one.rule_number == entry["number"] for one in same_way):
        raise EC2ClientError(
            "NetworkAclEntryAlreadyExists", f"The network acl entry identified by {entry['number']} already exists."
        )
    if sum(one.rule_number != CLOSING_DENY for one in same_way) >= ENTRIES_PER_DIRECTION:
        raise EC2ClientError(
            "NetworkAclEntryLimitExceeded",
            f"The maximum number of network acl entries has been reached. Limit: {ENTRIES_PER_DIRECTION}",
        )
    _add(response.ec2_backend, acl.id, entry)
    acl.network_acl_entries.sort(key=lambda one: (not one.egress, one.rule_number))
    return EmptyResult()


def _existing(response: MotoObject) -> tuple[Any, Any]:
    acl = response.ec2_backend.get_network_acl(param(response, "NetworkAclId"))
    number, egress = int(param(response, "RuleNumber")), bool(param(response, "Egress"))
    for entry in acl.network_acl_entries:
        if entry.rule_number == number and entry.egress == egress and number != CLOSING_DENY:
            return acl, entry
    raise EC2ClientError(
        "InvalidNetworkAclEntry.NotFound", f"The network acl entry identified by {number} does not exist."
    )


def _delete_entry(response: MotoObject) -> ActionResult:
    acl, entry = _existing(response)
    acl.network_acl_entries.remove(entry)
    return EmptyResult()


def _replace_entry(response: MotoObject) -> ActionResult:
    acl, former = _existing(response)
    entry = _asked_entry(response)
    acl.network_acl_entries.remove(former)
    _add(response.ec2_backend, acl.id, entry)
    acl.network_acl_entries.sort(key=lambda one: (not one.egress, one.rule_number))
    return EmptyResult()


def _known_association(associate: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    def checked(response: MotoObject) -> ActionResult:
        wanted = param(response, "AssociationId")
        acls = response.ec2_backend.network_acls.values()
        response.ec2_backend.get_network_acl(param(response, "NetworkAclId"))
        if not any(wanted == association.id for acl in acls for association in acl.associations):
            raise EC2ClientError("InvalidAssociationID.NotFound", f"The association ID '{wanted}' does not exist")
        return associate(response)

    return checked


def _known_acls(describe: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    def checked(response: MotoObject) -> ActionResult:
        for acl_id in param(response, "NetworkAclIds", []):
            response.ec2_backend.get_network_acl(acl_id)
        return describe(response)

    return checked
