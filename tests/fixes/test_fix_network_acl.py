from __future__ import annotations

from typing import Any

import pytest

from bot.domain.evidence import NoParameters
from bot.domain.json_values import canonical
from bot.domain.plans import Advice, Planned, Step
from bot.errors import WorldChanged, WriteFailed
from bot.fixes.allow_dns_in_network_acl import FIX

RULE = "dns_blocked_by_network_acl"
FIRST, SECOND = "10.0.0.0/24", "10.0.1.0/24"


def way(acl_id: str, direction: str, ports: tuple[int, int], cidr: str, protocol: str = "udp") -> dict[str, Any]:
    """Return one closed way."""
    return {
        "acl_id": acl_id,
        "subnet_id": "subnet-1",
        "direction": direction,
        "protocol": protocol,
        "from_port": ports[0],
        "to_port": ports[1],
        "counterpart_cidr": cidr,
        "entry_number": 100,
        "share": 1.0,
    }


QUERY, RETURN = (53, 53), (32768, 60999)


@pytest.fixture
def acl_id(bench: Any) -> str:
    """Return an ACL that denies udp and tcp 53 inbound at 90 and allows the rest at 100."""
    acl_id = str(bench.ec2.create_network_acl(VpcId=bench.vpc_id)["NetworkAcl"]["NetworkAclId"])
    for number, protocol in ((90, "17"), (91, "6")):
        create(bench, acl_id, number, protocol=protocol, action="deny")
    create(bench, acl_id, 100, protocol="-1", ports=None)
    create(bench, acl_id, 100, protocol="-1", ports=None, egress=True)
    return acl_id


def create(
    bench: Any,
    acl_id: str,
    number: int,
    *,
    protocol: str = "17",
    action: str = "allow",
    ports: tuple[int, int] | None = QUERY,
    egress: bool = False,
) -> None:
    """Create an entry as an operator would."""
    ranges = {"PortRange": {"From": ports[0], "To": ports[1]}} if ports else {}
    bench.ec2.create_network_acl_entry(
        NetworkAclId=acl_id,
        RuleNumber=number,
        Egress=egress,
        Protocol=protocol,
        RuleAction=action,
        CidrBlock="0.0.0.0/0",
        **ranges,
    )


def plan_for(bench: Any, *ways: dict[str, Any]) -> Planned | Advice:
    """Plan for these closed ways."""
    return FIX.plan(bench.case(RULE, {"blocked": list(ways)}, NoParameters(), bench.acls()))


def one_step(bench: Any, *ways: dict[str, Any]) -> Step:
    """Return the only step of the plan."""
    plan = plan_for(bench, *ways)
    assert isinstance(plan, Planned)
    (step,) = plan.steps
    return step


def inbound(bench: Any, acl_id: str) -> list[tuple[int, str, str, str]]:
    """Return number, action, protocol and CIDR of the inbound entries."""
    (acl,) = [acl for acl in bench.acls().acls if acl.id == acl_id]
    return [
        (entry.number, "allow" if entry.allow else "deny", entry.protocol, str(entry.cidr))
        for entry in acl.entries
        if not entry.egress
    ]


def test_entries_go_ahead_of_the_deny_for_the_counterpart_alone(bench: Any, acl_id: str) -> None:
    """Udp and tcp get the highest free numbers below their denies, for the other subnet's CIDR."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND), way(acl_id, "ingress", QUERY, SECOND, "tcp"))

    assert step.diff == (
        "+ 88: allow tcp 53 10.0.1.0/24",
        "+ 89: allow udp 53 10.0.1.0/24",
        "  90: deny udp 53 0.0.0.0/0",
        "  91: deny tcp 53 0.0.0.0/0",
        "  100: allow all protocols 0.0.0.0/0",
        "  32767: deny all protocols 0.0.0.0/0",
    )


def test_each_acl_and_direction_is_a_step(bench: Any, acl_id: str) -> None:
    """Query and answer, on both ACLs: four steps, no two of which read the same entries."""
    other = str(bench.ec2.create_network_acl(VpcId=bench.vpc_id)["NetworkAcl"]["NetworkAclId"])
    plan = plan_for(
        bench,
        way(acl_id, "ingress", QUERY, SECOND),
        way(acl_id, "egress", RETURN, SECOND),
        way(other, "egress", QUERY, FIRST),
        way(other, "ingress", RETURN, FIRST),
    )

    assert isinstance(plan, Planned)
    places = {(step.parameters["network_acl_id"], step.parameters["egress"]) for step in plan.steps}
    assert places == {(acl_id, False), (acl_id, True), (other, True), (other, False)}


def test_the_answer_gets_exactly_the_clients_ports(bench: Any) -> None:
    """The return leg opens 32768 to 60999, and follows the last entry where only the closing deny stands behind."""
    acl_id = str(bench.ec2.create_network_acl(VpcId=bench.vpc_id)["NetworkAcl"]["NetworkAclId"])
    create(bench, acl_id, 100, egress=True)

    step = one_step(bench, way(acl_id, "egress", RETURN, SECOND))

    assert [line for line in step.diff if line.startswith("+")] == ["+ 110: allow udp 32768-60999 10.0.1.0/24"]
    assert "--egress --rule-number 110 --protocol 17 --rule-action allow --cidr-block 10.0.1.0/24" in step.command


def test_a_deny_of_other_traffic_does_not_push_the_number_down(bench: Any) -> None:
    """Only entries about the same protocol, ports and addresses decide how far ahead the new one must go."""
    acl_id = str(bench.ec2.create_network_acl(VpcId=bench.vpc_id)["NetworkAcl"]["NetworkAclId"])
    create(bench, acl_id, 40, protocol="6", action="deny")
    create(bench, acl_id, 50, action="deny", ports=(1000, 2000))
    create(bench, acl_id, 60, action="deny", egress=True)
    create(bench, acl_id, 90, action="deny")

    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND))

    assert [line for line in step.diff if line.startswith("+")] == ["+ 89: allow udp 53 10.0.1.0/24"]


def test_planning_twice_gives_the_same(bench: Any, acl_id: str) -> None:
    """The order of the closed ways does not matter."""
    ways = [way(acl_id, "ingress", QUERY, cidr, protocol) for cidr in (FIRST, SECOND) for protocol in ("udp", "tcp")]

    assert plan_for(bench, *ways) == plan_for(bench, *reversed(ways))


def test_apply_then_undo_leaves_the_acl_as_it_was(bench: Any, acl_id: str) -> None:
    """What is read again equals before; the created numbers are deleted and nothing else."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND), way(acl_id, "ingress", QUERY, SECOND, "tcp"))
    before = inbound(bench, acl_id)
    assert canonical(FIX.read(step, bench.reading())) == canonical(step.before)

    effects = FIX.apply(step, bench.writing())
    allowed = [entry for entry in inbound(bench, acl_id) if entry not in before]
    back = FIX.inverse(step, effects)
    assert back is not None
    assert canonical(FIX.read(back, bench.reading())) == canonical(back.before)
    FIX.apply(back, bench.writing("plan2"))

    assert sorted((action, protocol, cidr) for _, action, protocol, cidr in allowed) == [
        ("allow", "17", SECOND),
        ("allow", "6", SECOND),
    ]
    assert inbound(bench, acl_id) == before


def test_applying_twice_is_applying_once(bench: Any, acl_id: str) -> None:
    """Entries that are there already, exactly as planned, are no error."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND))
    first = FIX.apply(step, bench.writing())
    after = inbound(bench, acl_id)

    assert FIX.apply(step, bench.writing()) == first
    assert inbound(bench, acl_id) == after


def test_a_lost_answer_is_looked_after(bench: Any, acl_id: str) -> None:
    """AWS created the entry and the answer was lost: reading again shows it."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND))
    bench.aws.lose.add("CreateNetworkAclEntry")

    effects: Any = FIX.apply(step, bench.writing())

    assert len(effects["created"]) == 1


def test_a_number_taken_meanwhile_is_refused_and_the_half_is_taken_back(bench: Any, acl_id: str) -> None:
    """The second entry fails: the first is deleted again, the stranger's stays, and the failure says so."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, FIRST), way(acl_id, "ingress", QUERY, SECOND))
    entries: Any = step.parameters["entries"]
    create(bench, acl_id, entries[1]["number"], protocol="6")
    before = inbound(bench, acl_id)
    assert canonical(FIX.read(step, bench.reading())) != canonical(step.before)

    with pytest.raises(WriteFailed, match=r"^NetworkAclEntryAlreadyExists.*created before it were deleted again"):
        FIX.apply(step, bench.writing())

    assert inbound(bench, acl_id) == before


def test_undo_leaves_an_entry_that_somebody_replaced(bench: Any, acl_id: str) -> None:
    """The number now holds something else: nothing is deleted, and that is said."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND))
    effects: Any = FIX.apply(step, bench.writing())
    back = FIX.inverse(step, effects)
    assert back is not None
    number = effects["created"][0]["number"]
    bench.ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=number, Egress=False)
    create(bench, acl_id, number, protocol="6")
    before = inbound(bench, acl_id)

    assert canonical(FIX.read(back, bench.reading())) != canonical(back.before)
    with pytest.raises(WorldChanged, match="is no longer what this plan created"):
        FIX.apply(back, bench.writing("plan2"))
    assert inbound(bench, acl_id) == before


def test_no_number_ahead_of_the_deny_is_advice(bench: Any) -> None:
    """A deny at 1 leaves no place before it."""
    acl_id = str(bench.ec2.create_network_acl(VpcId=bench.vpc_id)["NetworkAcl"]["NetworkAclId"])
    create(bench, acl_id, 1, action="deny")

    plan = plan_for(bench, way(acl_id, "ingress", QUERY, SECOND))

    assert isinstance(plan, Advice)
    assert "no free inbound number ahead of the deny at 1" in plan.reason


def test_a_full_acl_is_advice(bench: Any, acl_id: str) -> None:
    """Twenty entries are the quota; the closing deny does not count."""
    for number in range(200, 217):
        create(bench, acl_id, number)

    plan = plan_for(bench, way(acl_id, "ingress", QUERY, SECOND))

    assert isinstance(plan, Advice)
    assert "20 inbound entries" in plan.reason


def test_replace_is_never_called(bench: Any, acl_id: str) -> None:
    """Only create and delete reach AWS."""
    step = one_step(bench, way(acl_id, "ingress", QUERY, SECOND))
    bench.far_end.control("DELETE", "calls")
    back = FIX.inverse(step, FIX.apply(step, bench.writing()))
    assert back is not None
    FIX.apply(back, bench.writing("plan2"))

    writes = [call for call in bench.far_end.calls() if not call.startswith("ec2:Describe")]
    assert writes == ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"]
