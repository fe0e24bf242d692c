"""DNS Firewall: domain lists, rule groups with their rules, and the groups' associations with VPCs.

Source: Route 53 API Reference, DNS Firewall. Everything is COMPLETE at once. Every account has one list that AWS keeps,
whose domains cannot be listed.
"""

from __future__ import annotations

from moto.moto_api._internal import mock_random

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.held import Document, Held, invalid, not_found
from bot.sandbox.aws.resolver.listing import listed
from bot.sandbox.aws.service import Operation, ServiceError

_PAGE = 100
MANAGED_LIST = "rslvr-fdl-2c46f2ecbfec4dcc"
"""Of malware domains, as every account sees it."""


class Firewall:
    """The operations on DNS Firewall."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {
            "CreateFirewallDomainList": self._create_list,
            "GetFirewallDomainList": self._get_list,
            "UpdateFirewallDomains": self._update_domains,
            "ListFirewallDomains": self._list_domains,
            "CreateFirewallRuleGroup": self._create_group,
            "CreateFirewallRule": self._create_rule,
            "DeleteFirewallRule": self._delete_rule,
            "ListFirewallRules": self._list_rules,
            "AssociateFirewallRuleGroup": self._associate,
            "ListFirewallRuleGroupAssociations": self._list_associations,
        }

    def _create_list(self, call: Call, asked: Asked) -> Document:
        place = self._held.of(call)
        document = _new("fdl", asked, call.region, call.account, "firewall-domain-list")
        place.firewall_lists[document["Id"]] = document | {"DomainCount": 0}
        place.firewall_domains[document["Id"]] = []
        return {"FirewallDomainList": place.firewall_lists[document["Id"]]}

    def _get_list(self, call: Call, asked: Asked) -> Document:
        return {"FirewallDomainList": self._list(call, asked)}

    def _list(self, call: Call, asked: Asked) -> Document:
        number = asked["FirewallDomainListId"]
        if number == MANAGED_LIST:
            return _managed(call.region)
        found = self._held.of(call).firewall_lists.get(number)
        if found is None:
            raise not_found(f"Firewall domain list with ID '{number}' does not exist.")
        return found

    def _update_domains(self, call: Call, asked: Asked) -> Document:
        document = self._list(call, asked)
        domains = self._held.of(call).firewall_domains[document["Id"]]
        kept = {"ADD": domains, "REPLACE": []}.get(asked["Operation"], [])
        if asked["Operation"] == "REMOVE":
            domains[:] = [one for one in domains if one not in asked["Domains"]]
        else:
            domains[:] = [*kept, *asked["Domains"]]
        document["DomainCount"] = len(domains)
        return {key: document[key] for key in ("Id", "Name", "Status", "StatusMessage")}

    def _list_domains(self, call: Call, asked: Asked) -> Document:
        document = self._list(call, asked)
        if document.get("ManagedOwnerName"):
            raise ServiceError("AccessDeniedException", "Domains of a managed domain list cannot be listed")
        domains = self._held.of(call).firewall_domains[document["Id"]]
        found, token = page(domains, asked.get("MaxResults", _PAGE), asked.get("NextToken", ""))
        return {"Domains": found, **({"NextToken": token} if token else {})}

    def _create_group(self, call: Call, asked: Asked) -> Document:
        place = self._held.of(call)
        document = _new("frg", asked, call.region, call.account, "firewall-rule-group")
        document |= {"RuleCount": 0, "OwnerId": call.account, "ShareStatus": "NOT_SHARED"}
        place.firewall_groups[document["Id"]] = document
        place.firewall_rules[document["Id"]] = []
        return {"FirewallRuleGroup": document}

    def _rules(self, call: Call, asked: Asked) -> list[Document]:
        number = asked["FirewallRuleGroupId"]
        found = self._held.of(call).firewall_rules.get(number)
        if found is None:
            raise not_found(f"Firewall rule group with ID '{number}' does not exist.")
        return found

    def _create_rule(self, call: Call, asked: Asked) -> Document:
        rules = self._rules(call, asked)
        self._list(call, asked)
        if any(rule["Priority"] == asked["Priority"] for rule in rules):
            raise invalid(f"A rule with priority {asked['Priority']} already exists in this rule group")
        rule = {key: value for key, value in asked.items() if key != "Tags"}
        rules.append(rule)
        return {"FirewallRule": rule}

    def _delete_rule(self, call: Call, asked: Asked) -> Document:
        rules = self._rules(call, asked)
        for rule in rules:
            if rule["FirewallDomainListId"] == asked["FirewallDomainListId"]:
                rules.remove(rule)
                return {"FirewallRule": rule}
        raise not_found("The rule does not exist in this rule group.")

    def _list_rules(self, call: Call, asked: Asked) -> Document:
        return listed("FirewallRules", self._rules(call, asked), asked)

    def _associate(self, call: Call, asked: Asked) -> Document:
        self._rules(call, asked)
        place = self._held.of(call)
        document = _new("frgassoc", asked, call.region, call.account, "firewall-rule-group-association")
        document |= {key: asked[key] for key in ("FirewallRuleGroupId", "VpcId", "Priority")}
        document["MutationProtection"] = asked.get("MutationProtection", "DISABLED")
        place.firewall_associations[document["Id"]] = document
        return {"FirewallRuleGroupAssociation": document}

    def _list_associations(self, call: Call, asked: Asked) -> Document:
        rows = list(self._held.of(call).firewall_associations.values())
        for member in ("VpcId", "FirewallRuleGroupId", "Status"):
            rows = [row for row in rows if member not in asked or row[member] == asked[member]]
        return listed("FirewallRuleGroupAssociations", rows, asked)


def _managed(region: str) -> Document:
    return {
        "Id": MANAGED_LIST,
        "Arn": f"arn:aws:route53resolver:{region}:aws:firewall-domain-list/{MANAGED_LIST}",
        "Name": "AWSManagedDomainsMalwareDomainList",
        "Status": "COMPLETE",
        "ManagedOwnerName": "Route 53 Resolver DNS Firewall",
    }


def _new(prefix: str, asked: Asked, region: str, account: str, kind: str) -> Document:
    number = f"rslvr-{prefix}-{mock_random.get_random_hex(17)}"
    return {
        "Id": number,
        "Arn": f"arn:aws:route53resolver:{region}:{account}:{kind}/{number}",
        "Name": asked["Name"],
        "Status": "COMPLETE",
        "StatusMessage": "",
        "CreatorRequestId": asked.get("CreatorRequestId", ""),
    }
