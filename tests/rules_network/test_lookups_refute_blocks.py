"""A way that is called blocked, and lookups that were made on it or on another: which of them contradict."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.findings import Rule, Verdict
from bot.domain.lookups import Answer
from bot.rules.dns_blocked_by_network_acl import RULE as ACL
from bot.rules.dns_blocked_by_security_group import RULE as GROUP

FAR, SERVICE = "10.0.2.103", "172.20.0.10"
"""CoreDNS in subnet-b, which is closed, and the DNS service."""


def closed(parts: Any, rule: Rule, *lookups: Any, ports: tuple[int, int] = (53, 53), way: str = "in") -> Any:
    """Return a world whose CoreDNS in subnet-b is closed, by this rule's kind of fault, to udp from subnet-a."""
    if rule is ACL:
        entries = (parts.entry(90, way, "deny", "17", ports), *parts.open_entries)
        return parts.world(entries={"subnet-a": parts.open_entries, "subnet-b": entries}, lookups=lookups)
    out = parts.rule("sgr-out", "sg-cluster", "egress", "cidr", "0.0.0.0/0")
    tcp = parts.rule("sgr-tcp", "sg-cluster", "ingress", "group", "sg-cluster", protocol="tcp", port=53)
    return parts.world(rules=(out, tcp), lookups=lookups)


@pytest.mark.parametrize("rule", [ACL, GROUP], ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    ("lookup", "verdict"),
    [
        (("node-2", FAR), Verdict.UNKNOWN),
        (("node-2", FAR, Answer.NXDOMAIN), Verdict.UNKNOWN),
        (("node-2", FAR, Answer.TIMED_OUT), Verdict.PROBLEM),
        (("node-2", FAR, Answer.NOT_ASKED), Verdict.PROBLEM),
        (("node-3", FAR), Verdict.PROBLEM),
        (None, Verdict.PROBLEM),
    ],
    ids=["answered", "denied by CoreDNS", "timed out", "not asked", "another way", "none made"],
)
def test_an_answer_on_the_way_that_is_called_blocked_refutes_it(
    parts: Any, rule: Rule, lookup: Any, verdict: Verdict
) -> None:
    """Then what was read is not what the packets meet: open, with both named. Nothing else contradicts."""
    judgement = closed(parts, rule, *((parts.looked(*lookup),) if lookup else ())).judge(rule)

    assert judgement.verdict is verdict, judgement.summary
    if verdict is Verdict.UNKNOWN:
        assert "was answered in this diagnosis" in judgement.summary
        assert "udp/53" in judgement.summary


@pytest.mark.parametrize("rule", [ACL, GROUP], ids=lambda rule: rule.name)
@pytest.mark.parametrize("more", [{"transport": "tcp"}, {"through_service": True}], ids=str)
def test_an_answer_over_another_transport_or_by_the_service_refutes_nothing(
    parts: Any, rule: Rule, more: dict[str, Any]
) -> None:
    """Tcp is open, and the service may have led the query to the other pod."""
    server = SERVICE if "through_service" in more else FAR

    judgement = closed(parts, rule, parts.looked("node-2", server, **more)).judge(rule)

    assert judgement.verdict is Verdict.PROBLEM


def test_one_answer_says_nothing_of_ports_that_it_did_not_use(parts: Any) -> None:
    """Half of the source ports is closed for answers: half of the lookups is answered."""
    world = closed(parts, ACL, parts.looked("node-2", FAR), ports=(46884, 65535), way="out")

    assert world.judge(ACL).verdict is Verdict.PROBLEM
