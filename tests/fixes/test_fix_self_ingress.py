from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.collectors.security_group_rules import SecurityGroupRules
from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.json_values import canonical
from bot.domain.plans import Advice, Planned
from bot.errors import WriteFailed
from bot.fixes.authorize_security_group_self_ingress import FIX, Parameters

RULE = "dns_blocked_by_security_group"


def details(group_id: str, *, direction: str = "ingress", shared: bool = True) -> dict[str, Any]:
    """Return the details of a finding whose both sides carry `group_id`."""
    one = {
        "client_group_ids": [group_id],
        "server_group_ids": [group_id],
        "protocol": "udp",
        "direction": direction,
    }
    return {"blocked": [one, {**one, "protocol": "tcp"}], "shared_group_id": group_id if shared else ""}


@pytest.fixture
def hardened(bench: Any) -> str:
    """Return a group that lets 443 and 10250 in from itself, and nothing else (A5)."""
    group_id = bench.group("cluster")
    pairs = [{"GroupId": group_id}]
    permissions = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": pairs} for port in (443, 10250)
    ]
    bench.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)
    return str(group_id)


def planned(bench: Any, group_id: str, scope: str = "all", *more: object, plan_id: str = "plan1") -> Planned:
    """Return the plan for this group; it must not be an advice."""
    evidence = bench.rules(group_id)
    case = bench.case(RULE, details(group_id), Parameters(scope=scope), evidence, *more, plan_id=plan_id)  # type: ignore[arg-type]  # the playbook's text
    plan = FIX.plan(case)
    assert isinstance(plan, Planned)
    return plan


def present(bench: Any, group_id: str) -> list[tuple[str, str, int]]:
    """Return id, protocol and port of the inbound rules."""
    rows = bench.rules(group_id).rules
    return [(rule.id, rule.protocol, rule.from_port) for rule in rows if rule.direction.value == "ingress"]


def test_the_plan_is_one_rule_from_the_group_itself(
    bench: Any, hardened: str, worker_nodes: Callable[..., WorkerNodes]
) -> None:
    """The diff, the command, the undo and the blast radius say what is changed, for how many."""
    plan = planned(bench, hardened, "all", worker_nodes([hardened], [hardened, "sg-x"], ["sg-x"]))

    (step,) = plan.steps
    assert step.diff == (
        "  tcp 443 from itself",
        "  tcp 10250 from itself",
        "+ all traffic from itself",
    )
    assert step.command == (
        f"aws ec2 authorize-security-group-ingress --group-id {hardened} --ip-permissions "
        f"'IpProtocol=-1,UserIdGroupPairs=[{{GroupId={hardened}}}]' --tag-specifications "
        "'ResourceType=security-group-rule,Tags=[{Key=dnsbot:plan,Value=plan1}]'"
    )
    assert step.undo == "Remove the 1 rule that this plan adds; other rules stay."
    assert "2 interfaces on 2 of 3 nodes" in plan.blast_radius


def test_scope_dns_opens_port_53_alone(bench: Any, hardened: str) -> None:
    """With scope dns the plan holds udp and tcp 53 and no more."""
    (step,) = planned(bench, hardened, "dns").steps

    assert step.diff[-2:] == ("+ udp 53 from itself", "+ tcp 53 from itself")


def test_the_same_case_gives_the_same_plan(bench: Any, hardened: str) -> None:
    """Planning twice gives equal plans, whatever the order of the rules read."""
    evidence = bench.rules(hardened)
    turned = SecurityGroupRules(group_ids=evidence.group_ids, rules=tuple(reversed(evidence.rules)))

    plans = [FIX.plan(bench.case(RULE, details(hardened), Parameters(), one)) for one in (evidence, turned)]

    assert plans[0] == plans[1]


def test_what_is_read_before_the_write_is_what_the_plan_saw(bench: Any, hardened: str) -> None:
    """With nothing changed `read` equals `before`, text for text."""
    (step,) = planned(bench, hardened).steps

    assert canonical(FIX.read(step, bench.reading())) == canonical(step.before)


def test_a_changed_group_no_longer_equals_before(bench: Any, hardened: str) -> None:
    """A rule that somebody adds after planning shows in `read`; one of the other direction does not count."""
    (step,) = planned(bench, hardened).steps
    outward = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    bench.ec2.authorize_security_group_egress(GroupId=hardened, IpPermissions=[outward])
    assert canonical(FIX.read(step, bench.reading())) == canonical(step.before)

    bench.ec2.authorize_security_group_ingress(GroupId=hardened, IpPermissions=[outward])

    assert canonical(FIX.read(step, bench.reading())) != canonical(step.before)


def test_applying_creates_tagged_rules_and_reports_their_ids(bench: Any, hardened: str) -> None:
    """The rule carries the plan's id as a tag, and the effects name it."""
    (step,) = planned(bench, hardened).steps

    effects: Any = FIX.apply(step, bench.writing())

    tagged = bench.ec2.describe_security_group_rules(Filters=[{"Name": "tag:dnsbot:plan", "Values": ["plan1"]}])
    (rule,) = tagged["SecurityGroupRules"]
    assert [one["id"] for one in effects["created"]] == [rule["SecurityGroupRuleId"]]
    assert (rule["IpProtocol"], rule["ReferencedGroupInfo"]["GroupId"]) == ("-1", hardened)


def test_applying_twice_is_applying_once(bench: Any, hardened: str) -> None:
    """The second time is a duplicate: nothing is added and the same rules are reported."""
    (step,) = planned(bench, hardened, "dns").steps
    first = FIX.apply(step, bench.writing())
    after = present(bench, hardened)

    second = FIX.apply(step, bench.writing())

    assert second == first
    assert present(bench, hardened) == after


def test_a_duplicate_makes_it_authorise_only_what_is_missing(bench: Any, hardened: str) -> None:
    """Somebody allowed udp meanwhile: tcp alone is created, and only tcp is reported as ours."""
    (step,) = planned(bench, hardened, "dns").steps
    udp = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": hardened}]}
    bench.ec2.authorize_security_group_ingress(GroupId=hardened, IpPermissions=[udp])

    effects: Any = FIX.apply(step, bench.writing())

    assert [one["protocol"] for one in effects["created"]] == ["tcp"]
    assert sorted(protocol for _, protocol, port in present(bench, hardened) if port == 53) == ["tcp", "udp"]


def test_a_lost_answer_is_looked_after(bench: Any, hardened: str) -> None:
    """AWS carried it out and the answer was lost: the rules are found again by their tag."""
    (step,) = planned(bench, hardened, "dns").steps
    bench.aws.lose.add("AuthorizeSecurityGroupIngress")

    effects: Any = FIX.apply(step, bench.writing())

    assert sorted(one["protocol"] for one in effects["created"]) == ["tcp", "udp"]


def test_a_refused_write_is_a_failure_and_changes_nothing(bench: Any, hardened: str) -> None:
    """Without the permission the write fails with AWS's code in front."""
    (step,) = planned(bench, hardened).steps
    before = present(bench, hardened)
    bench.far_end.control("POST", "deny", {"actions": ["ec2:Authorize*"]})

    with pytest.raises(WriteFailed, match=r"^UnauthorizedOperation: "):
        FIX.apply(step, bench.writing())

    assert present(bench, hardened) == before


def test_undo_revokes_what_the_plan_created_and_nothing_else(bench: Any, hardened: str) -> None:
    """A rule that looks the same but is somebody else's, on another group, and another plan's rules stay."""
    other = bench.group("other")
    (step,) = planned(bench, hardened, "dns").steps
    udp = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": hardened}]}
    bench.ec2.authorize_security_group_ingress(GroupId=hardened, IpPermissions=[udp])
    bench.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[udp])
    before = present(bench, hardened)
    effects = FIX.apply(step, bench.writing())

    back = FIX.inverse(step, effects)
    assert back is not None
    assert canonical(FIX.read(back, bench.reading())) == canonical(back.before)
    undone: Any = FIX.apply(back, bench.writing("plan2"))

    assert [one["protocol"] for one in undone["revoked"]] == ["tcp"]
    assert present(bench, hardened) == before
    assert len(present(bench, other)) == 1


def test_undo_twice_is_undo_once(bench: Any, hardened: str) -> None:
    """A rule that is gone already is no error."""
    (step,) = planned(bench, hardened).steps
    back = FIX.inverse(step, FIX.apply(step, bench.writing()))
    assert back is not None
    FIX.apply(back, bench.writing("plan2"))

    assert FIX.apply(back, bench.writing("plan2")) == {"revoked": []}


def test_a_rule_that_somebody_changed_is_not_ours_to_revoke(bench: Any, hardened: str) -> None:
    """After a change by hand `read` differs from `before`, and even `apply` leaves the rule alone."""
    (step,) = planned(bench, hardened, "dns").steps
    effects: Any = FIX.apply(step, bench.writing())
    back = FIX.inverse(step, effects)
    assert back is not None
    first, second = (one["id"] for one in effects["created"])
    theirs = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "ReferencedGroupId": hardened}
    bench.ec2.modify_security_group_rules(
        GroupId=hardened, SecurityGroupRules=[{"SecurityGroupRuleId": first, "SecurityGroupRule": theirs}]
    )

    assert canonical(FIX.read(back, bench.reading())) != canonical(back.before)
    undone: Any = FIX.apply(back, bench.writing("plan2"))
    assert [one["id"] for one in undone["revoked"]] == [second]
    assert first in {rule_id for rule_id, _, _ in present(bench, hardened)}


def test_nothing_created_means_nothing_to_undo(bench: Any, hardened: str) -> None:
    """A plan whose rules were all there already has no inverse."""
    (step,) = planned(bench, hardened).steps

    assert FIX.inverse(step, {"created": []}) is None


@pytest.mark.parametrize(
    ("direction", "shared", "said"),
    [("ingress", False, "No security group is carried by both sides"), ("egress", True, "Outbound rules block")],
    ids=["no-shared-group", "outbound-blocks-too"],
)
def test_where_it_would_not_help_the_other_fix_is_named(
    bench: Any, hardened: str, *, direction: str, shared: bool, said: str
) -> None:
    """An inbound rule of one group opens nothing there, so that no plan is made."""
    found = details(hardened, direction=direction, shared=shared)

    plan = FIX.plan(bench.case(RULE, found, Parameters(), bench.rules(hardened)))

    assert isinstance(plan, Advice)
    assert said in plan.reason
    assert "“Allow DNS between the security groups”" in plan.text[0]


def test_a_full_group_gives_advice(bench: Any, hardened: str) -> None:
    """With 60 inbound rules there is no room, and that is said before anybody approves."""
    ranges = [{"CidrIp": f"10.{index}.0.0/16"} for index in range(58)]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ranges}
    bench.ec2.authorize_security_group_ingress(GroupId=hardened, IpPermissions=[permission])

    plan = FIX.plan(bench.case(RULE, details(hardened), Parameters(), bench.rules(hardened)))

    assert isinstance(plan, Advice)
    assert "60 inbound rules" in plan.reason
