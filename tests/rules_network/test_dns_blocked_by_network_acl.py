"""The network-ACL rule on worlds that differ in one thing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.collectors.kube_dns import KubeDns
from bot.collectors.network_acls import NetworkAcls
from bot.collectors.subnets import Subnets
from bot.collectors.worker_nodes import WorkerNodes
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.evidence import Gap
from bot.domain.findings import Verdict
from bot.errors import EvidenceUnavailable
from bot.network.model import Route
from bot.rules.dns_blocked_by_network_acl import RULE
from bot.rules.dns_blocked_by_security_group import RULE as GROUP_RULE


def denying(parts: Any, subnet: str, *entries: Any, **more: Any) -> Any:
    """Return the world in which these entries stand before the open ones on one subnet."""
    opened = {"subnet-a": parts.open_entries, "subnet-b": parts.open_entries}
    return parts.world(entries={**opened, subnet: (*entries, *parts.open_entries)}, **more)


def test_open_acls_are_healthy(parts: Any) -> None:
    """With open ACLs all pairs pass, and the summary says how many cross subnets."""
    judgement = parts.world().judge(RULE)

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.summary == (
        "The network ACLs let DNS and its answers through in all 6 pairs of node and CoreDNS address "
        "(3 of them cross subnets)."
    )


def test_entry_that_denies_53_is_named(parts: Any) -> None:
    """The denying entry, its ACL, subnet and direction, and the counterpart's CIDR stand in the finding (A8)."""
    judgement = denying(parts, "subnet-b", parts.entry(90, "in", "deny", "17", (53, 53))).judge(RULE)

    assert judgement.verdict is Verdict.PROBLEM
    assert judgement.summary == (
        "Network ACL acl-subnet-b blocks udp/53 or their answers in 2 of 6 pairs of node and CoreDNS address: "
        "acl-subnet-b (subnet-b) lets no udp/53 in from 10.0.1.0/24: entry 90 denies it; "
        "every lookup that takes this way fails."
    )
    assert judgement.details == {
        "blocked": [
            {
                "acl_id": "acl-subnet-b",
                "subnet_id": "subnet-b",
                "direction": "ingress",
                "protocol": "udp",
                "from_port": 53,
                "to_port": 53,
                "counterpart_cidr": "10.0.1.0/24",
                "entry_number": 90,
                "share": 1.0,
            }
        ],
        "network_acl_id": "acl-subnet-b",
    }
    assert [(sorted(item.nodes), sorted(item.servers)) for item in judgement.reach] == [
        (["node-1", "node-2"], ["10.0.2.103"])
    ]


def test_closed_ephemeral_ports_fail_a_share(parts: Any) -> None:
    """Half of the clients' ports closed for answers is half of the lookups lost, over that protocol."""
    world = denying(parts, "subnet-b", parts.entry(90, "out", "deny", "17", (46884, 65535)))

    judgement = world.judge(RULE)

    (blocked,) = judgement.details["blocked"]
    assert (blocked["from_port"], blocked["to_port"], blocked["share"]) == (32768, 60999, 0.5)
    assert (blocked["direction"], blocked["entry_number"]) == ("egress", 90)
    assert "about 50.0% of their lookups fail" in judgement.summary


def test_implicit_deny_closes_both_directions_it_leaves_out(parts: Any) -> None:
    """An ACL that only admits HTTPS blocks queries and answers on its subnet; each way stands once."""
    https = (parts.entry(100, "in", "allow", "6", (443, 443)), parts.entry(100, "out", "allow", "6", (443, 443)))
    world = parts.world(entries={"subnet-a": parts.open_entries, "subnet-b": https})

    blocked = world.judge(RULE).details["blocked"]

    ways = [(item["direction"], item["protocol"], item["from_port"], item["entry_number"]) for item in blocked]
    assert sorted(ways) == [
        ("egress", "tcp", 53, 32767),
        ("egress", "tcp", 32768, 32767),
        ("egress", "udp", 53, 32767),
        ("egress", "udp", 32768, 32767),
        ("ingress", "tcp", 53, 32767),
        ("ingress", "tcp", 32768, 32767),
        ("ingress", "udp", 53, 32767),
        ("ingress", "udp", 32768, 32767),
    ]


def test_ports_outside_the_linux_range_are_a_note(parts: Any) -> None:
    """Closing 1024 to 32767 fails no query of a Linux client: healthy, with a line that says so."""
    judgement = denying(parts, "subnet-a", parts.entry(90, "in", "deny", "17", (1024, 32767))).judge(RULE)

    assert judgement.verdict is Verdict.HEALTHY
    assert judgement.proof == (
        (
            "no fault: acl-subnet-a (subnet-a) closes udp/1024-32767 in from 10.0.2.0/24; "
            "these clients use 32768-60999 only."
        ),
    )


def test_pairs_within_one_subnet_skip_the_acl(parts: Any) -> None:
    """With CoreDNS in the clients' subnet alone, only the node in the other subnet is affected."""
    world = parts.world(entries={"subnet-a": (), "subnet-b": parts.open_entries}, coredns=(("10.0.1.101", "node-1"),))

    judgement = world.judge(RULE)

    assert "in 1 of 3 pairs" in judgement.summary
    assert [sorted(item.nodes) for item in judgement.reach] == [["node-3"]]


def test_security_group_is_not_this_rules_business(parts: Any) -> None:
    """A group without rules leaves the ACLs healthy."""
    world = parts.world(rules=())

    assert world.judge(RULE).verdict is Verdict.HEALTHY
    assert world.judge(GROUP_RULE).verdict is Verdict.PROBLEM


@pytest.mark.parametrize("needed", [WorkerNodes, KubeDns], ids=lambda item: item.__name__)
def test_nothing_is_said_without_nodes_or_addresses(parts: Any, needed: type) -> None:
    """Without them the rule raises what was missing, which makes it UNKNOWN."""
    with pytest.raises(EvidenceUnavailable, match="refused"):
        parts.world(unread={needed: Gap(what=needed.__name__, reason="refused")}).judge(RULE)


@pytest.mark.parametrize("needed", [NetworkAcls, Subnets, WorkloadPods], ids=lambda item: item.__name__)
def test_less_evidence_is_never_healthy(parts: Any, needed: type) -> None:
    """With ACLs, routes or pods unread the rule is UNKNOWN and names the grant."""
    gap = Gap(what=needed.__name__, reason="refused", grant="ec2:DescribeThings")

    judgement = parts.world(unread={needed: gap}).judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.missing == (gap,)


def test_proven_block_stands_while_routes_are_unread(parts: Any) -> None:
    """The ACL proves the problem; what is missing is named beside it, and the far end stands as an address."""
    gap = Gap(what="subnets", reason="refused", grant="ec2:DescribeSubnets")
    world = denying(parts, "subnet-b", parts.entry(90, "in", "deny"), unread={Subnets: gap})

    judgement = world.judge(RULE)

    assert judgement.verdict is Verdict.PROBLEM
    assert gap in judgement.missing
    assert {item["counterpart_cidr"] for item in judgement.details["blocked"]} == {"10.0.1.11/32", "10.0.1.101/32"}


def test_firewall_between_the_subnets_is_unknown(parts: Any) -> None:
    """Behind a middlebox its own rules decide, which nobody read."""
    routes = (
        Route(destination="10.0.0.0/16", target="local", active=True),
        Route(destination="10.0.2.0/24", target="eni-firewall", active=True),
    )

    judgement = parts.world(routes=routes).judge(RULE)

    assert judgement.verdict is Verdict.UNKNOWN
    assert any("eni-firewall" in gap.reason for gap in judgement.missing)


def test_no_coredns_address_is_unknown(parts: Any) -> None:
    """Without an endpoint there is no pair to judge."""
    assert parts.world(coredns=()).judge(RULE).verdict is Verdict.UNKNOWN
