from __future__ import annotations

from bot.sandbox.scenarios import node_group_split
from tests.field_reports.field import Field
from tests.field_reports.report import Report

LOOP = (
    '[FATAL] plugin/loop: Loop (127.0.0.1:34614 -> :53) detected for zone ".", see '
    'https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."'
)


def arrange(field: Field) -> None:
    """The first pod loops; the other one stands in a node group that the second may not pass to."""
    node_group_split.SCENARIO.acts(field.world, field.operator)
    field.crash(field.coredns()[0], LOOP)


REPORT = Report(
    name="f41",
    source="two causes at once (variant)",
    happened="One CoreDNS pod loops, and the other is behind a group that the second node may not pass.",
    right="coredns_forwarding_loop and dns_blocked_by_security_group",
    before="coredns_forwarding_loop, dns_blocked_by_security_group (problem, lookups fail)",
    arrange=arrange,
    causes=("coredns_forwarding_loop", "dns_blocked_by_security_group"),
    verdict="problem",
)
