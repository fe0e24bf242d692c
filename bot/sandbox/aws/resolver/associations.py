"""Associations of rules with VPCs. A VPC's account associates; the rule is its own or shared with it.

Source: Route 53 API Reference, AssociateResolverRule. Every VPC has one that Resolver makes by itself
(`list-resolver-rule-associations` in the AWS CLI's manual).
"""

from __future__ import annotations

from collections.abc import Iterator

from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.life_cycle import LifeCycle, Phase
from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.quotas import ASSOCIATIONS
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.checks import check
from bot.sandbox.aws.resolver.held import Document, Held, internet_resolver, invalid, not_found, refuse_moving, traced
from bot.sandbox.aws.resolver.listing import listed
from bot.sandbox.aws.service import Cloud, Operation, ServiceError

LIFE = LifeCycle(
    create=Phase(during="CREATING", after="COMPLETE", failed="FAILED"),
    update=Phase(during="CREATING", after="COMPLETE", failed="FAILED"),
    delete=Phase(during="DELETING", after="", failed="FAILED"),
)
_FILTERS = ("Name", "ResolverRuleId", "Status", "VPCId")
_WORDS = {"CREATING": "Creating the association.", "DELETING": "Deleting Association"}


class Associations:
    """The operations on associations."""

    def __init__(self, cloud: Cloud, held: Held) -> None:
        self._changes, self._quotas, self._held = cloud.changes, cloud.quotas, held

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "AssociateResolverRule": self._associate,
            "DisassociateResolverRule": self._disassociate,
            "GetResolverRuleAssociation": self._get,
            "ListResolverRuleAssociations": self._list,
        }

    def _associate(self, call: Call, asked: Asked) -> Document:
        rule_id, vpc_id, place = asked["ResolverRuleId"], asked["VPCId"], self._held.of(call)
        check(("resolverRuleId", rule_id), ("name", asked.get("Name")), ("vPCId", vpc_id))
        rule = self._held.seen_rule(call, rule_id)
        if rule["Status"] in {"DELETING", "FAILED"}:
            message = f"Resolver rule '{rule_id}' is {rule['Status']}"
            raise ServiceError("ResourceUnavailableException", message)
        if vpc_id not in _vpc_ids(call):
            raise ServiceError("InvalidParameterException", f"The vpc ID '{vpc_id}' does not exist")
        for other in place.associations.values():
            if other["VPCId"] == vpc_id and self._domain(call, other) == rule["DomainName"]:
                raise invalid(
                    "Cannot associate rules with same domain name with same VPC. Conflict with resolver rule "
                    f"'{other['ResolverRuleId']}'"
                )
        if len(place.associations) >= self._quotas.of(call.account, call.region, ASSOCIATIONS):
            message = f"Account '{call.account}' has exceeded 'max-rule-association'"
            raise ServiceError("LimitExceededException", message)
        number = f"rslvr-rrassoc-{mock_random.get_random_hex(17)}"
        association: Document = {"Id": number, "ResolverRuleId": rule_id, "VPCId": vpc_id}
        association |= {"Name": asked["Name"]} if "Name" in asked else {}
        place.associations[number] = association
        self._changes.begin(call.action, LIFE.create, lambda *said: _become(association, *said))
        return {"ResolverRuleAssociation": association}

    def _domain(self, call: Call, association: Document) -> str:
        """Return the domain name of an association's rule; empty: it is no longer shared."""
        rules = self._held.seen_rules(call)
        return next((str(rule["DomainName"]) for rule in rules if rule["Id"] == association["ResolverRuleId"]), "")

    def _disassociate(self, call: Call, asked: Asked) -> Document:
        rule_id, vpc_id, place = asked["ResolverRuleId"], asked["VPCId"], self._held.of(call)
        found = [
            association
            for association in place.associations.values()
            if (association["ResolverRuleId"], association["VPCId"]) == (rule_id, vpc_id)
        ]
        if not found:
            raise not_found(
                f"Resolver Rule Association between Resolver Rule '{rule_id}' and VPC '{vpc_id}' does not exist"
            )
        (association,) = found
        refuse_moving(association, "resolver rule association")
        self._changes.begin(
            call.action,
            LIFE.delete,
            lambda *said: _become(association, *said),
            lambda: place.associations.pop(association["Id"]),
        )
        return {"ResolverRuleAssociation": association}

    def _seen(self, call: Call) -> Iterator[Document]:
        yield from self._held.of(call).associations.values()
        for vpc_id in _vpc_ids(call):
            yield {
                "Id": f"rslvr-autodefined-assoc-{vpc_id}-internet-resolver",
                "ResolverRuleId": internet_resolver(call.region)["Id"],
                "Name": "System Rule Association",
                "VPCId": vpc_id,
                "Status": "COMPLETE",
                "StatusMessage": "",
            }

    def _get(self, call: Call, asked: Asked) -> Document:
        number = asked["ResolverRuleAssociationId"]
        for association in self._seen(call):
            if association["Id"] == number:
                return {"ResolverRuleAssociation": association}
        raise not_found(f"ResolverRuleAssociation '{number}' does not Exist")

    def _list(self, call: Call, asked: Asked) -> Document:
        return listed("ResolverRuleAssociations", list(self._seen(call)), asked, filters=_FILTERS)


def _vpc_ids(call: Call) -> list[str]:
    backend: MotoObject = ec2_backends[call.account][call.region]
    return [str(vpc.id) for vpc in backend.describe_vpcs()]


def _become(association: Document, status: str, message: str) -> None:
    words = message or (traced(_WORDS[status]) if status in _WORDS else "")
    association.update(Status=status, StatusMessage=words)
