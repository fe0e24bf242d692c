"""Rules: FORWARD by an outbound endpoint to targets, or SYSTEM, which takes a name out of a FORWARD rule above it.

Source: Route 53 API Reference, CreateResolverRule. A rule has no status CREATING there: while one is being created
slowly it is UPDATING.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.life_cycle import LifeCycle, Phase
from bot.sandbox.aws.quotas import RULES
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.checks import check
from bot.sandbox.aws.resolver.held import Document, Held, invalid, refuse_moving, traced
from bot.sandbox.aws.resolver.listing import listed
from bot.sandbox.aws.service import Cloud, Operation, ServiceError

LIFE = LifeCycle(
    create=Phase(during="UPDATING", after="COMPLETE", failed="FAILED"),
    update=Phase(during="UPDATING", after="COMPLETE", failed="FAILED"),
    delete=Phase(during="DELETING", after="", failed="FAILED"),
)
_DNS_PORT = 53
_FILTERS = ("CreatorRequestId", "DomainName", "Name", "ResolverEndpointId", "Status", "RuleType")


class Rules:
    """The operations on rules."""

    def __init__(self, cloud: Cloud, held: Held) -> None:
        self._clock, self._changes, self._quotas, self._held = cloud.clock, cloud.changes, cloud.quotas, held

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "CreateResolverRule": self._create,
            "GetResolverRule": self._get,
            "ListResolverRules": self._list,
            "UpdateResolverRule": self._update,
            "DeleteResolverRule": self._delete,
        }

    def _create(self, call: Call, asked: Asked) -> Document:
        check(("creatorRequestId", asked["CreatorRequestId"]), ("ruleType", asked["RuleType"]))
        check(("domainName", asked["DomainName"]), ("name", asked.get("Name")))
        place = self._held.of(call)
        if any(rule["CreatorRequestId"] == asked["CreatorRequestId"] for rule in place.rules.values()):
            message = f"Resolver rule with creator request ID '{asked['CreatorRequestId']}' already exists"
            raise ServiceError("ResourceExistsException", message)
        if len(place.rules) >= self._quotas.of(call.account, call.region, RULES):
            raise ServiceError("LimitExceededException", f"Account '{call.account}' has exceeded 'max-rules'")
        number, now = f"rslvr-rr-{mock_random.get_random_hex(17)}", self._clock.stamp_text()
        rule: Document = {
            "Id": number,
            "CreatorRequestId": asked["CreatorRequestId"],
            "Arn": f"arn:aws:route53resolver:{call.region}:{call.account}:resolver-rule/{number}",
            "DomainName": f"{asked['DomainName'].rstrip('.').lower()}.",
            "RuleType": asked["RuleType"],
            "OwnerId": call.account,
            "CreationTime": now,
            **self._forwarding(call, asked["RuleType"], asked),
        }
        place.rules[number] = rule
        place.tags[rule["Arn"]] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags", [])}
        self._begin(call, LIFE.create, rule, "Successfully created Resolver Rule.")
        return {"ResolverRule": self._held.seen_rule(call, number)}

    def _forwarding(self, call: Call, rule_type: str, asked: Asked) -> Document:
        """Return name, targets and endpoint as asked for; refuses what does not go with the type of the rule."""
        endpoint_id, targets = asked.get("ResolverEndpointId"), asked.get("TargetIps", [])
        if rule_type == "SYSTEM" and (endpoint_id or targets):
            raise invalid("Cannot specify resolver endpoint ID and target IP for SYSTEM type resolver rule")
        if rule_type == "FORWARD" and not (endpoint_id and targets):
            raise invalid("A FORWARD type resolver rule needs a resolver endpoint ID and target IPs")
        if endpoint_id and self._held.endpoint(call, endpoint_id).document["Direction"] != "OUTBOUND":
            raise invalid(f"Resolver endpoint '{endpoint_id}' is not an outbound endpoint")
        name = {"Name": asked["Name"]} if "Name" in asked else {}
        way = {"ResolverEndpointId": endpoint_id, "TargetIps": [_target(one) for one in targets]} if endpoint_id else {}
        return {**name, **way}

    def _begin(self, call: Call, phase: Phase, rule: Document, done: str, changed: Document | None = None) -> None:
        def become(status: str, message: str) -> None:
            words = message or traced("Updating Resolver Rule." if status == "UPDATING" else done)
            rule.update(Status=status, StatusMessage=words, ModificationTime=self._clock.stamp_text())

        self._changes.begin(call.action, phase, become, lambda: rule.update(changed or {}))

    def _get(self, call: Call, asked: Asked) -> Document:
        return {"ResolverRule": self._held.seen_rule(call, asked["ResolverRuleId"])}

    def _list(self, call: Call, asked: Asked) -> Document:
        return listed("ResolverRules", list(self._held.seen_rules(call)), asked, filters=_FILTERS)

    def _update(self, call: Call, asked: Asked) -> Document:
        number = asked["ResolverRuleId"]
        rule = self._held.own_rule(call, number)
        refuse_moving(rule, "resolver rule")
        kept: Asked = {key: rule[key] for key in ("Name", "ResolverEndpointId", "TargetIps") if key in rule}
        changed = self._forwarding(call, rule["RuleType"], {**kept, **asked["Config"]})
        self._begin(call, LIFE.update, rule, "Successfully updated Resolver Rule.", changed)
        return {"ResolverRule": self._held.seen_rule(call, number)}

    def _delete(self, call: Call, asked: Asked) -> Document:
        number = asked["ResolverRuleId"]
        rule, place = self._held.own_rule(call, number), self._held.of(call)
        refuse_moving(rule, "resolver rule")
        if self._held.associations_of(number, call.region):
            message = "Please disassociate this resolver rule from VPC first before deleting"
            raise ServiceError("ResourceInUseException", message)

        def become(status: str, message: str) -> None:
            rule.update(Status=status, StatusMessage=message or traced("Deleting Resolver Rule."))

        def gone() -> None:
            del place.rules[number]
            place.tags.pop(rule["Arn"], None)

        seen = self._held.seen_rule(call, number)
        self._changes.begin(call.action, LIFE.delete, become, gone)
        return {"ResolverRule": {**seen, **rule}}


def _target(asked: Asked) -> Document:
    try:
        IPv4Address(asked["Ip"])
    except AddressValueError:
        raise ServiceError("InvalidParameterException", f"Invalid IP address: '{asked['Ip']}'") from None
    target = {"Protocol": "Do53", **asked, "Port": asked.get("Port", _DNS_PORT)}
    check(("targetIps.port", target))
    return target
