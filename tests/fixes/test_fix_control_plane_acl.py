from __future__ import annotations

from typing import Any

import pytest

from bot.domain.evidence import NoParameters
from bot.domain.plans import Advice, Planned
from bot.fixes.allow_control_plane_in_network_acl import FIX

RULE = "control_plane_blocked_by_network_acl"


def way(acl_id: str, direction: str, ports: tuple[int, int]) -> dict[str, Any]:
    """Return one closed way of the API's."""
    return {
        "acl_id": acl_id,
        "subnet_id": "subnet-1",
        "direction": direction,
        "protocol": "tcp",
        "from_port": ports[0],
        "to_port": ports[1],
        "counterpart_cidr": "10.0.1.0/24",
        "entry_number": 90,
        "share": 1.0,
    }


@pytest.fixture
def acl_id(bench: Any) -> str:
    """Return an ACL that denies tcp 443 inbound at 90 and allows the rest at 100."""
    acl_id = str(bench.ec2.create_network_acl(VpcId=bench.vpc_id)["NetworkAcl"]["NetworkAclId"])
    everybody = {"NetworkAclId": acl_id, "CidrBlock": "0.0.0.0/0"}
    bench.ec2.create_network_acl_entry(
        **everybody, RuleNumber=90, Egress=False, Protocol="6", RuleAction="deny", PortRange={"From": 443, "To": 443}
    )
    for egress in (False, True):
        bench.ec2.create_network_acl_entry(
            **everybody, RuleNumber=100, Egress=egress, Protocol="-1", RuleAction="allow"
        )
    return acl_id


def plan_for(bench: Any, *ways: dict[str, Any]) -> Planned:
    """Plan for these closed ways."""
    plan = FIX.plan(bench.case(RULE, {"blocked": list(ways)}, NoParameters(), bench.acls()))
    assert isinstance(plan, Planned)
    return plan


def test_443_is_let_in_ahead_of_the_deny_and_taken_back(bench: Any, acl_id: str) -> None:
    """The plan is exact, what is written is the plan, and the undo leaves the ACL as it was."""
    plan = plan_for(bench, way(acl_id, "ingress", (443, 443)))
    (step,) = plan.steps
    before = FIX.read(step, bench.reading())

    effects = FIX.apply(step, bench.writing())
    after = FIX.read(step, bench.reading())
    undo = FIX.inverse(step, effects)
    assert undo is not None
    FIX.apply(undo, bench.writing())

    assert step.diff[:2] == ("+ 89: allow tcp 443 10.0.1.0/24", "  90: deny tcp 443 0.0.0.0/0")
    assert before == step.before
    assert isinstance(before, list)
    assert isinstance(after, list)
    assert len(after) == len(before) + 1
    assert FIX.read(step, bench.reading()) == before
    assert "they allow calls to the Kubernetes API and its answers with the named CIDR alone" in plan.blast_radius


def test_answers_get_the_ports_that_callers_use(bench: Any, acl_id: str) -> None:
    """Call and answer are two directions of the ACL, and so two steps."""
    plan = plan_for(bench, way(acl_id, "ingress", (443, 443)), way(acl_id, "egress", (32768, 60999)))

    added = [line for step in plan.steps for line in step.diff if line.startswith("+")]
    assert added == ["+ 89: allow tcp 443 10.0.1.0/24", "+ 110: allow tcp 32768-60999 10.0.1.0/24"]


def test_an_acl_that_was_not_read_is_advice(bench: Any) -> None:
    """Nothing is planned for what is not known."""
    finding = {"blocked": [way("acl-gone", "ingress", (443, 443))]}

    plan = FIX.plan(bench.case(RULE, finding, NoParameters(), bench.acls()))

    assert isinstance(plan, Advice)
    assert "acl-gone" in plan.reason
