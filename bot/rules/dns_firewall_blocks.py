"""A DNS Firewall rule group blocks the private endpoint's name for a peer.

DNS Firewall comes before Resolver rules and private zones: the first rule whose list has the name decides. Lists that
AWS keeps cannot be read, so that a name which only they may block is UNKNOWN.

In a playbook: `{rule: dns_firewall_blocks, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.dns_firewall import DnsFirewall
from bot.domain.findings import Case, Judgement, Kind, Rule
from bot.network.name_hops import End, HopKind
from bot.rules._name_ways import NEEDS
from bot.rules._stopped_ways import StoppedWay, judge_stopped


def judge(case: Case) -> Judgement:
    """Conclude from the rule groups that peers' lookups meet."""
    return judge_stopped(
        case,
        HopKind.FIREWALL,
        End.BLOCKED,
        well="DNS Firewall blocks nothing",
        why="DNS Firewall answers before any rule or zone",
        advice=_advice,
    )


def _advice(found: StoppedWay) -> str:
    return (
        f"Put a rule with action ALLOW for the endpoint's name before it in {found.hop.id}, with a priority of lower "
        f"number, or take {found.hop.vpc_id} out of its associations."
    )


RULE = Rule(
    name="dns_firewall_blocks",
    title="DNS Firewall blocks the private endpoint's name",
    check="DNS Firewall on the private endpoint's name",
    kind=Kind.CAUSE,
    judge=judge,
    needs=NEEDS,
    problem_refuted_by=((DnsFirewall, "an earlier rule that allows the name"),),
    healthy_refuted_by=((DnsFirewall, "a rule with action BLOCK whose list has the name"),),
)
