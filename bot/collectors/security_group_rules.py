"""The rules of every security group on the cluster's interfaces (A4), with the prefix lists they name.

Why it matters to DNS: 53 udp and tcp must leave the client's groups and enter the CoreDNS side's, and 443 tcp the
control plane's. Cost: one `ec2:DescribeSecurityGroupRules` per 200 groups, one `ec2:GetManagedPrefixListEntries` per
prefix list that a rule for port 53 or 443 names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable
from bot.network.answers import network, security_group_rule
from bot.network.model import PrefixList, SecurityGroupRule
from bot.network.services import EVERY_SERVICE

GROUPS_A_CALL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupRules:
    """Every rule of the groups in `group_ids`. A group in it that has no rule lets nothing through."""

    group_ids: frozenset[str]
    """Groups whose rules were read."""
    rules: tuple[SecurityGroupRule, ...]
    prefix_lists: tuple[PrefixList, ...] = ()
    """Those that a rule for port 53 or 443 names."""
    gaps: tuple[Gap, ...] = ()
    """Prefix lists that could not be read."""


def collect(look: View) -> SecurityGroupRules:
    """Read the rules of the groups on nodes' and pods' interfaces and of those that EKS gives the control plane's."""
    nodes, cluster = look.need(WorkerNodes), look.need(EksCluster)
    groups = {group for interface in nodes.interfaces for group in interface.security_group_ids}
    groups |= {cluster.cluster_security_group_id, *cluster.security_group_ids}
    asked = sorted(groups - {""})
    rules: list[SecurityGroupRule] = []
    for start in range(0, len(asked), GROUPS_A_CALL):
        rules += _rules(look, asked[start : start + GROUPS_A_CALL])
    judged = [rule for rule in rules if any(service.may_be_carried_by(rule) for service in EVERY_SERVICE)]
    named = sorted({rule.prefix_list_id for rule in judged if rule.prefix_list_id})
    read = [_prefix_list(look, name) for name in named]
    return SecurityGroupRules(
        group_ids=frozenset(asked),
        rules=tuple(sorted(rules, key=lambda rule: rule.id)),
        prefix_lists=tuple(prefix_list for prefix_list, _ in read),
        gaps=tuple(gap for _, gap in read if gap is not None),
    )


def _rules(look: View, group_ids: list[str]) -> Sequence[SecurityGroupRule]:
    filters = [{"Name": "group-id", "Values": group_ids}]
    with reading("ec2:DescribeSecurityGroupRules"):
        return look.aws.list(
            "ec2", "DescribeSecurityGroupRules", "SecurityGroupRules", security_group_rule, Filters=filters
        )


def _prefix_list(look: View, name: str) -> tuple[PrefixList, Gap | None]:
    try:
        answer = look.aws.read("ec2", "GetManagedPrefixListEntries", PrefixListId=name)
        with reading("ec2:GetManagedPrefixListEntries"):
            entries = tuple(network(entry["Cidr"]) for entry in answer["Entries"])
    except EvidenceUnavailable as error:
        return PrefixList(id=name, name=name, entries=None), Gap.of(f"entries of prefix list {name}", error)
    return PrefixList(id=name, name=name, entries=entries), None


def summarise(evidence: SecurityGroupRules) -> str:
    """Say how many rules of how many groups were read."""
    lists = f", {len(evidence.prefix_lists)} prefix lists" if evidence.prefix_lists else ""
    unread = f" ({len(evidence.gaps)} not readable)" if evidence.gaps else ""
    return f"{len(evidence.rules)} rules of {len(evidence.group_ids)} security groups{lists}{unread}"


COLLECTOR = Collector(
    name="security_group_rules",
    title="Security-group rules of the nodes and pods",
    evidence=SecurityGroupRules,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="ec2:DescribeSecurityGroupRules", unlocks="find the rule that blocks port 53"),
        AwsPermission(action="ec2:GetManagedPrefixListEntries", unlocks="follow prefix lists that rules name"),
    ),
    needs=(EksCluster, WorkerNodes),
)
