"""What accounts have in Resolver, and which rules each of them sees: its own and those shared with it by RAM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from moto.moto_api._internal import mock_random
from moto.ram.models import ram_backends

from bot.sandbox.aws.moto_access import MotoObject
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import ServiceError

Document: TypeAlias = dict[str, Any]
"""A resource, as its description shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint with its addresses, each an interface."""

    document: Document
    addresses: list[Document]
    """As ListResolverEndpointIpAddresses shows them."""
    interface_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an account has in a region, by id."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    rules: dict[str, Document] = field(default_factory=dict)
    associations: dict[str, Document] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ARN."""
    firewall_lists: dict[str, Document] = field(default_factory=dict)
    firewall_domains: dict[str, list[str]] = field(default_factory=dict)
    """By the list's id."""
    firewall_groups: dict[str, Document] = field(default_factory=dict)
    firewall_rules: dict[str, list[Document]] = field(default_factory=dict)
    """By the group's id."""
    firewall_associations: dict[str, Document] = field(default_factory=dict)


class Held:
    """What all accounts have."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}

    def place(self, account: str, region: str) -> Place:
        """Return what an account has in a region; what is put in stays."""
        return self._places.setdefault((account, region), Place())

    def of(self, call: Call) -> Place:
        """Return what the caller has where the call goes."""
        return self.place(call.account, call.region)

    def seen_rules(self, call: Call) -> Iterator[Document]:
        """Yield the rules that the caller may use, each as the caller sees it."""
        for (owner, region), place in self._places.items():
            if region != call.region:
                continue
            for rule in place.rules.values():
                shared_with = guests(rule["Arn"], owner, region)
                if owner == call.account:
                    yield {**rule, "ShareStatus": "SHARED_BY_ME" if shared_with else "NOT_SHARED"}
                elif call.account in shared_with:
                    yield {**rule, "ShareStatus": "SHARED_WITH_ME"}
        yield internet_resolver(call.region)

    def seen_rule(self, call: Call, rule_id: str) -> Document:
        """Return a rule that the caller may use, or refuse."""
        for rule in self.seen_rules(call):
            if rule["Id"] == rule_id:
                return rule
        raise not_found(f"Resolver rule with ID '{rule_id}' does not exist.")

    def own_rule(self, call: Call, rule_id: str) -> Document:
        """Return the caller's own rule itself, or refuse."""
        rule = self.of(call).rules.get(rule_id)
        if rule is None:
            raise not_found(f"Resolver rule with ID '{rule_id}' does not exist.")
        return rule

    def endpoint(self, call: Call, endpoint_id: str) -> Endpoint:
        """Return the caller's endpoint, or refuse."""
        endpoint = self.of(call).endpoints.get(endpoint_id)
        if endpoint is None:
            raise not_found(f"Resolver endpoint with ID '{endpoint_id}' does not exist.")
        return endpoint

    def associations_of(self, rule_id: str, region: str) -> list[Document]:
        """Return the associations that all accounts have with a rule."""
        return [
            association
            for (_, place_region), place in self._places.items()
            if place_region == region
            for association in place.associations.values()
            if association["ResolverRuleId"] == rule_id
        ]


def guests(arn: str, owner: str, region: str) -> set[str]:
    """Return the accounts that RAM shares a resource with and that have accepted the invitation."""
    return {
        principal
        for share in ram_backends[owner][region].resource_shares
        if share.status == "ACTIVE" and arn in share.resource_arns
        for principal in accepted(share)
    }


def accepted(share: MotoObject) -> frozenset[str]:
    """Return the accounts that have accepted a resource share."""
    return frozenset(getattr(share, "sandbox_accepted", ()))


def internet_resolver(region: str) -> Document:
    """Return the rule that Resolver makes by itself, for all other names (AWS CLI's manual, `list-resolver-rules`)."""
    number = "rslvr-autodefined-rr-internet-resolver"
    return {
        "Id": number,
        "CreatorRequestId": "",
        "Arn": f"arn:aws:route53resolver:{region}::autodefined-rule/{number}",
        "DomainName": ".",
        "Status": "COMPLETE",
        "RuleType": "RECURSIVE",
        "Name": "Internet Resolver",
        "OwnerId": "Route 53 Resolver",
        "ShareStatus": "NOT_SHARED",
    }


def traced(message: str) -> str:
    """Return a status message as Resolver writes it."""
    return f"[Trace id: 1-{mock_random.get_random_hex(8)}-{mock_random.get_random_hex(24)}] {message}"


def not_found(message: str) -> ServiceError:
    """Return the refusal of something that is not there."""
    return ServiceError("ResourceNotFoundException", message)


def invalid(message: str) -> ServiceError:
    """Return the refusal of something that cannot be done so."""
    return ServiceError("InvalidRequestException", message)


def refuse_moving(document: Document, what: str) -> None:
    """Refuse to change what is being changed."""
    if document["Status"] in {"CREATING", "UPDATING", "DELETING"}:
        raise invalid(f"Cannot change {what} '{document['Id']}' while its status is {document['Status']}.")
