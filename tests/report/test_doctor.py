from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.eks_addons import EksAddons
from bot.doctor.checks import Check, CheckState, doctor_text, exit_code
from bot.doctor.cluster import check_cluster
from bot.doctor.dry_runs import Rehearse
from bot.doctor.endings import check_endings
from bot.doctor.peers import Enter
from bot.doctor.scopes import check_scopes
from bot.domain.cluster import ClusterTarget, NodeProbe, Question
from bot.domain.deadline import Deadline
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.findings import Finding, Kind, Severity, healthy, unknown
from bot.domain.history import LateEnding
from bot.domain.permissions import AwsPermission, KubernetesPermission, Permission, Use
from bot.domain.places import Peer, Place, PlaceKind
from bot.domain.plans import Fix, Rehearsal
from bot.errors import (
    AccessDenied,
    ClusterMismatch,
    DnsBotError,
    DryRunIgnored,
    EvidenceUnavailable,
    NotFound,
    SourceTimeout,
)
from bot.report.permissions import Need
from tests.report.test_reports import CLOSED, ENTERED, LATE, NOON, REFUSED, SHARED, with_peers

TARGET = ClusterTarget(
    name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", workload_selector="app=shop", aws_writer=True,
    kubernetes_writer=True,
)  # fmt: skip
EXEC = KubernetesPermission(verb="create", resource="pods/exec")
PATCH = KubernetesPermission(verb="patch", resource="deployments", group="apps")


def need(permission: Permission, use: Use, *disables: str) -> Need:
    """Return a need that one unit declares."""
    return Need(permission=permission, use=use, units=("unit",), disables=disables, gathers=use is not Use.CHANGE)


READ_ADDONS = AwsPermission(action="eks:DescribeAddon", unlocks="say who owns coredns")
READ_EVENTS = KubernetesPermission(verb="list", resource="events")
CREATE_TAGS = AwsPermission(action="ec2:CreateTags")
NEEDS = (
    need(READ_ADDONS, Use.READ),
    need(READ_EVENTS, Use.READ),
    need(EXEC, Use.LOOK_UP, "dns_lookups_fail"),
    need(PATCH, Use.CHANGE, "recreate_pods"),
    need(CREATE_TAGS, Use.CHANGE, "recreate_pods"),
)


def collected(*, calls: tuple[str, ...] = (), gap: Gap | None = None, parts: tuple[Gap, ...] = ()) -> Collected:
    """Return evidence about the add-ons that made these calls: none of it was read, or all but these parts."""
    return Collected(
        id="eks_addons", collector="eks_addons", parameters={}, gap=gap, summary="s", collected_at=NOON, took_ms=1,
        value=None if gap else EksAddons(cluster="cluster-prod", addons=(), gaps=parts),
        calls=tuple(SourceCall(name=name) for name in calls),
    )  # fmt: skip


WHOLE = collected(calls=("eks:DescribeAddon",))


def diagnosis(*gaps: Gap, evidence: Collected = WHOLE) -> Diagnosis:
    """Return a diagnosis with one healthy rule and one UNKNOWN rule for each gap."""
    judgements = [healthy("All well."), *(unknown("Could not be checked.", gap) for gap in gaps)]
    return Diagnosis(
        id="d", question=Question(cluster="cluster-prod"), target=TARGET, asked_by=None, started_at=NOON, took_ms=1,
        evidence=(evidence,), binding=Binding(account="1", cluster_arn="a", kube_system_uid="u"),
        findings=tuple(
            Finding(rule=f"rule_{index}", title="t", kind=Kind.CAUSE, playbook="p", severity=Severity.CRITICAL,
                    judgement=judgement)
            for index, judgement in enumerate(judgements)
        ),
    )  # fmt: skip


def check(
    target: ClusterTarget = TARGET,
    *,
    seen: Diagnosis | None = None,
    may: Callable[[KubernetesPermission, Deadline], bool] = lambda *_: True,
    fixes: tuple[Fix, ...] = (),
    rehearse: Rehearse | None = None,
    found: tuple[Need, ...] = NEEDS,
    enter: Enter | None = None,
) -> list[Check]:
    """Examine a cluster whose diagnosis, access reviews and dry runs are given."""
    reviews = {Use.READ: may, Use.LOOK_UP: may, Use.CHANGE: may}
    reviews |= {Use.NODE: may} if target.node_probe else {}
    return list(check_cluster(target, lambda _: seen or diagnosis(), found, reviews, fixes, rehearse, enter))


def fix(*rehearsals: Rehearsal) -> Fix:
    """Return a fix that rehearses these writes once the add-ons were read."""

    def unused(*_: object) -> Any:
        raise AssertionError("the doctor plans and applies nothing")

    return Fix(
        name="unit", title="t", does="d", plan=unused, read=unused, apply=unused, inverse=unused,
        permissions=(CREATE_TAGS,),
        rehearse=lambda evidence: rehearsals if EksAddons in evidence else (),
    )  # fmt: skip


TAGGED = Rehearsal(
    operation="AuthorizeSecurityGroupIngress", parameters={"GroupId": "sg-1"}, target="security group sg-1",
    judges=("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"),
)  # fmt: skip


def test_all_in_place_is_exit_0() -> None:
    """Nothing missing, nothing unseen."""
    checks = check()

    assert exit_code(checks) == 0
    assert "2 of 2 checks can run" in doctor_text(checks)


AWAY = replace(TARGET, peers=(Peer(place=SHARED, aws_writer=True),))
VPCS_AT_PEERS = need(AwsPermission(action="ec2:DescribeVpcs", place=PlaceKind.PEER), Use.READ)


def enters(place: Place, deadline: Deadline) -> None:
    """Become the writer at the only place that has one but home."""
    del deadline
    assert place == SHARED


def about_peers(checks: list[Check]) -> list[Check]:
    """Return the lines about the peer."""
    return [check for check in checks if check.subject.startswith(f"cluster-prod, {SHARED}")]


def test_a_peer_that_can_be_entered_is_said_to_be() -> None:
    """To read and, where a writer is set, to change."""
    checks = about_peers(check(AWAY, seen=with_peers(ENTERED), enter=enters))

    assert [(one.state, one.text) for one in checks] == [
        (CheckState.OK, "can be looked at, in account 222233334444"),
        (CheckState.OK, "the writer role can be assumed"),
    ]


@pytest.mark.parametrize(
    ("evidence", "state"), [(CLOSED, CheckState.MISSING), (LATE, CheckState.UNKNOWN)], ids=["refused", "late"]
)
def test_a_peer_that_cannot_be_looked_at_is_named_once(evidence: Collected, state: CheckState) -> None:
    """A refusal is something to grant; a time-out says nothing of that."""
    checks = check(AWAY, seen=with_peers(evidence))

    (told,) = about_peers(checks)
    assert told.state is state
    assert sum(one.state is state for one in checks) == 1


def test_a_peer_without_a_writer_is_told_where_some_fix_would_need_one() -> None:
    """Nothing is missing: such a plan is shown with the command."""
    there = need(AwsPermission(action="route53resolver:CreateResolverRule", place=PlaceKind.PEER), Use.CHANGE)
    target = replace(TARGET, peers=(Peer(place=SHARED),))

    with_fix, without = (about_peers(check(target, seen=with_peers(ENTERED), found=one)) for one in ((there,), ()))

    assert [(one.state, one.disables) for one in with_fix] == [(CheckState.OK, ()), (CheckState.NOTE, ("unit",))]
    assert [one.state for one in without] == [CheckState.OK]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (AccessDenied("may not assume", grant=REFUSED.grant), CheckState.MISSING),
        (SourceTimeout("late"), CheckState.UNKNOWN),
    ],
    ids=["refused", "late"],
)
def test_a_writer_that_cannot_be_assumed_at_a_peer_is_named(error: DnsBotError, state: CheckState) -> None:
    """Before a fix needs it."""

    def refused(*_: object) -> None:
        raise error

    told = about_peers(check(AWAY, seen=with_peers(ENTERED), enter=refused))[-1]

    assert (told.state, told.text) == (state, str(error))
    assert told.subject.endswith("to change")


@pytest.mark.parametrize(("target", "lines"), [(TARGET, 0), (AWAY, 1)], ids=["no peers", "a peer"])
def test_a_right_for_peers_that_nothing_called_for_is_told_where_there_are_peers(
    target: ClusterTarget, lines: int
) -> None:
    """A cluster without peers needs no rights there."""
    checks = check(target, seen=with_peers(CLOSED), found=(VPCS_AT_PEERS,))

    assert doctor_text(checks).count("not tried, since nothing here called for it: ec2:DescribeVpcs at peers") == lines


def test_a_right_that_was_used_at_a_peer_is_not_told_as_untried() -> None:
    """Used at home it says nothing of the peers."""
    used = replace(ENTERED, calls=(SourceCall(name="ec2:DescribeVpcs", place="shared"),))
    at_home = replace(ENTERED, calls=(SourceCall(name="ec2:DescribeVpcs"),))

    told = [doctor_text(check(AWAY, seen=with_peers(one), found=(VPCS_AT_PEERS,))) for one in (used, at_home)]

    assert [text.count("not tried") for text in told] == [0, 1]


def test_missing_grant_is_named_with_what_it_costs() -> None:
    """A check that was refused names the permission once and the rules that are blind without it."""
    checks = check(seen=diagnosis(Gap(what="x", reason="403 Forbidden.", grant="pods: list in all namespaces")))

    text = doctor_text(checks)
    assert exit_code(checks) == 2
    assert "403 Forbidden. Grant pods: list in all namespaces to the reading identity." in text
    assert "it may cost: rule_1" in text


def test_source_that_did_not_answer_is_not_a_missing_permission() -> None:
    """Could not look is exit 3, not 2 and not 0."""
    assert exit_code(check(seen=diagnosis(Gap(what="x", reason="no answer within 20 s")))) == 3


def test_missing_grant_that_no_check_rests_on_is_told_all_the_same() -> None:
    """All checks ran, but a part of the evidence was refused: reports lack it, so doctor names the permission."""
    refused = collected(
        calls=("eks:DescribeAddon",), parts=(Gap(what="add-on coredns", reason="refused.", grant="eks:DescribeAddon"),)
    )

    checks = check(seen=diagnosis(evidence=refused))

    assert exit_code(checks) == 2
    assert "refused. Grant eks:DescribeAddon to the reading identity." in doctor_text(checks)
    assert "it may cost: what reports show of add-on coredns" in doctor_text(checks)


def test_source_that_no_check_rests_on_and_that_did_not_answer_is_not_in_place() -> None:
    """Could not look is exit 3 there as well."""
    silent = collected(calls=("eks:DescribeAddon",), gap=Gap(what="eks_addons", reason="no answer within 20 s"))

    checks = check(seen=diagnosis(evidence=silent))

    assert exit_code(checks) == 3
    assert "no answer within 20 s" in doctor_text(checks)


def test_kubernetes_right_that_no_check_rests_on_is_told_once() -> None:
    """The access review tells it; the refused part of the evidence does not tell it again."""
    refused = collected(calls=("eks:DescribeAddon",), parts=(Gap(what="x", reason="403.", grant=READ_EVENTS.text),))

    checks = check(seen=diagnosis(evidence=refused), may=lambda permission, _: permission is not READ_EVENTS)

    assert [one.text for one in checks if one.state is CheckState.MISSING] == [f"{READ_EVENTS.text} is not granted"]


def test_aws_right_that_nothing_called_for_is_not_said_to_be_in_place() -> None:
    """AWS has no access review: what was not called is a note with the permission, and no fault."""
    checks = check(seen=diagnosis(evidence=collected()))

    assert exit_code(checks) == 0
    assert "not tried, since nothing here called for it: eks:DescribeAddon (say who owns coredns)" in doctor_text(
        checks
    )
    assert "not tried, since nothing here" not in doctor_text(check())


def test_right_that_the_cluster_denies_is_told_before_it_is_needed() -> None:
    """The access review says no to exec: named, with the rule that it costs."""
    checks = check(may=lambda permission, _: permission is not EXEC)

    assert exit_code(checks) == 2
    assert [one.disables for one in checks if one.state is CheckState.MISSING] == [("dns_lookups_fail",)]


def test_review_without_an_answer_is_not_a_yes() -> None:
    """When the API server does not answer the review, nothing is called granted."""

    def silent(*_: object) -> bool:
        raise SourceTimeout("no answer")

    checks = check(may=silent)

    assert exit_code(checks) == 3
    assert not [one for one in checks if "rights are granted" in one.text]


def test_write_that_aws_would_take_is_told_with_what_it_was_tried_on() -> None:
    """Each write is tried once, however many fixes would send it."""
    sent = []

    checks = check(fixes=(fix(TAGGED), fix(replace(TAGGED))), rehearse=lambda *call: sent.append(call[:2]))

    assert sent == [(TAGGED.operation, TAGGED.parameters)]
    assert "2 AWS rights are granted, as dry runs on security group sg-1 show" in doctor_text(checks)
    assert "not judged" not in doctor_text(checks)
    assert exit_code(checks) == 0


NO_TAGS = AccessDenied("UnauthorizedOperation. Grant `ec2:CreateTags`.", grant="ec2:CreateTags")


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [(NO_TAGS, CheckState.MISSING, 2), (SourceTimeout("no answer in time"), CheckState.UNKNOWN, 3)],
    ids=["refused", "no answer"],
)
def test_write_that_aws_would_not_take_is_told_once_with_what_it_costs(
    error: EvidenceUnavailable, state: CheckState, code: int
) -> None:
    """A refusal is a missing right, silence is not; the same reason twice is one line; nothing is called granted."""

    def fail(*_: object) -> None:
        raise error

    checks = check(fixes=(fix(TAGGED, replace(TAGGED, operation="AuthorizeSecurityGroupEgress")),), rehearse=fail)

    told = [one for one in checks if one.text.startswith("a dry run on security group sg-1: ")]
    assert [(one.state, one.disables) for one in told] == [(state, ("unit",))]
    assert str(error) in told[0].text
    assert "AWS rights are granted" not in doctor_text(checks)
    assert exit_code(checks) == code


def test_right_that_one_dry_run_shows_and_another_lacks_is_missing() -> None:
    """Tags may be granted for one kind of rule and not for the other: it is not counted as granted."""

    def fail(operation: str, *_: object) -> None:
        if operation != TAGGED.operation:
            raise NO_TAGS

    checks = check(fixes=(fix(TAGGED, replace(TAGGED, operation="AuthorizeSecurityGroupEgress")),), rehearse=fail)

    assert [one.text for one in checks if "AWS rights" in one.text] == [
        "1 AWS rights are granted, as dry runs on security group sg-1 show"
    ]
    assert exit_code(checks) == 2


def test_rights_behind_one_that_is_refused_are_said_not_to_be_judged() -> None:
    """AWS names one right at a time; the others of the same call are not called granted."""
    further = need(AwsPermission(action=TAGGED.judges[0]), Use.CHANGE, "unit")

    def fail(*_: object) -> None:
        raise NO_TAGS

    checks = check(fixes=(fix(TAGGED),), rehearse=fail, found=(*NEEDS, further))

    told = "not judged, since AWS refused another right first: the writer role needs ec2:AuthorizeSecurityGroupIngress"
    assert told in doctor_text(checks)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DryRunIgnored("it was done"), CheckState.MISSING),
        (AccessDenied("may not assume", grant="sts:AssumeRole"), CheckState.MISSING),
        (SourceTimeout("no answer"), CheckState.UNKNOWN),
    ],
    ids=["carried out", "no role", "no answer"],
)
def test_nothing_is_sent_after_what_is_no_verdict_on_the_write(error: DnsBotError, state: CheckState) -> None:
    """What creates goes first; where dry runs are carried out, or nobody answers, nothing follows."""
    sent = []

    def fail(operation: str, *_: object) -> None:
        sent.append(operation)
        raise error

    revoke = replace(TAGGED, operation="RevokeSecurityGroupIngress", judges=("ec2:RevokeSecurityGroupIngress",))
    checks = check(fixes=(fix(revoke, TAGGED),), rehearse=fail)

    assert sent == [TAGGED.operation]
    assert [one.state for one in checks if one.text == f"a dry run on security group sg-1: {error}"] == [state]


def test_group_that_is_gone_does_not_end_the_dry_runs() -> None:
    """It is about that object alone."""
    sent = []

    def fail(operation: str, *_: object) -> None:
        sent.append(operation)
        raise NotFound("InvalidGroup.NotFound")

    check(fixes=(fix(TAGGED, replace(TAGGED, operation="AuthorizeSecurityGroupEgress")),), rehearse=fail)

    assert len(sent) == 2


def test_write_that_could_not_be_tried_is_not_called_granted() -> None:
    """The evidence holds nothing to try it on: a note with the permission, and no fault."""
    unread = collected(gap=Gap(what="x", reason="r"))

    checks = check(seen=diagnosis(evidence=unread), fixes=(fix(TAGGED),), rehearse=print)

    told = [one for one in checks if one.text.startswith("not judged, since nothing to try it on was read: ")]
    assert [(one.state, one.disables) for one in told] == [(CheckState.NOTE, ("unit",))]
    assert told[0].text.endswith("the writer role needs ec2:CreateTags")


def test_write_of_which_aws_knows_no_dry_run_is_never_sent_and_said_to_be_unjudged() -> None:
    """Sent, it would be carried out: a note with the permission and the reason, and no fault."""
    attribute = replace(
        TAGGED, operation="ModifyVpcAttribute", judges=("ec2:ModifyVpcAttribute",), no_dry_run="it takes no DryRun"
    )
    needed = need(AwsPermission(action="ec2:ModifyVpcAttribute"), Use.CHANGE)
    sent = []

    checks = check(fixes=(fix(attribute, TAGGED),), rehearse=lambda *call: sent.append(call[0]), found=(*NEEDS, needed))

    told = [one for one in checks if "ec2:ModifyVpcAttribute" in one.text]
    assert sent == [TAGGED.operation]
    assert [(one.state, one.disables) for one in told] == [(CheckState.NOTE, ("unit",))]
    assert told[0].text.startswith("cannot be judged beforehand, since it takes no DryRun: the writer role needs")
    assert exit_code(checks) == 0


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (replace(TARGET, aws_writer=False), "no writer_role_arn is set"),
        (replace(TARGET, kubernetes_writer=False), "no writer for Kubernetes is set"),
        (replace(TARGET, workload_selector=""), "no workload_selector is set"),
    ],
    ids=["aws writer", "kubernetes writer", "selector"],
)
def test_what_is_not_configured_is_a_note(target: ClusterTarget, words: str) -> None:
    """Reading without a writer is a choice, not a fault."""
    checks = check(target)

    assert words in doctor_text(checks)
    assert exit_code(checks) == 0


def test_another_cluster_behind_the_credentials_costs_every_check() -> None:
    """A mismatch is said as such."""

    def mismatch(_: Question) -> Diagnosis:
        raise ClusterMismatch("lead to another cluster")

    checks = list(check_cluster(TARGET, mismatch, NEEDS, {}))

    assert (checks[0].state, checks[0].disables) == (CheckState.MISSING, ("every check",))


SEE_NODES = need(EXEC, Use.NODE, "nodes_misrouted")


def test_what_is_not_seen_of_nodes_is_told_where_it_is_off() -> None:
    """It is the operator's choice: a note, with what it costs."""
    (note,) = [one for one in check(found=(*NEEDS, SEE_NODES)) if "node_probe" in one.text]

    assert (note.state, note.disables) == (CheckState.NOTE, ("nodes_misrouted",))


def test_the_pods_that_a_diagnosis_makes_are_told() -> None:
    """Whoever runs a diagnosis that only reads may want to know that it makes something."""
    target = replace(TARGET, node_probe=NodeProbe(image="r/p:1", namespace="dns-probes"))

    (note,) = [one for one in check(target, found=(*NEEDS, SEE_NODES)) if "short-lived" in one.text]

    assert note.state is CheckState.NOTE
    assert "pods of r/p:1 in dns-probes" in note.text


def test_rights_on_nodes_are_asked_for_in_the_namespace_of_the_probe() -> None:
    """In no other namespace are they needed, or granted."""
    asked: list[KubernetesPermission] = []

    def may(permission: KubernetesPermission, _: Deadline) -> bool:
        asked.append(permission)
        return permission.namespace != "dns-probes"

    target = replace(TARGET, node_probe=NodeProbe(image="r/p", namespace="dns-probes"))
    checks = check(target, may=may, found=(*NEEDS, SEE_NODES))

    assert replace(EXEC, namespace="dns-probes") in asked
    (missing,) = [one for one in checks if one.state is CheckState.MISSING]
    assert missing.subject == "cluster-prod, to see nodes"
    assert missing.text == "pods/exec: create in namespace dns-probes is not granted"
    assert missing.disables == ("nodes_misrouted",)


@pytest.mark.parametrize("probe", [None, NodeProbe(image="r/p", namespace="kube-system")], ids=["off", "on"])
def test_nothing_is_said_of_nodes_while_no_check_sees_them(probe: NodeProbe | None) -> None:
    """A switch that nothing needs costs nothing."""
    assert not [one for one in check(replace(TARGET, node_probe=probe)) if "node" in one.text + one.subject]


def test_a_change_that_stands_longer_than_approved_is_named_with_the_reason() -> None:
    """Nothing is missing for it: a person has to look."""
    late = LateEnding(proposal_id="p-1", cluster="cluster-prod", index=1, note="sg-1 could not be read: 503")

    checks = list(check_endings([late]))

    assert exit_code(checks) == 0
    assert (
        "changes: step 2 of plan p-1 on cluster-prod was approved for a time that is over, and is not taken back yet: "
        "sg-1 could not be read: 503"
    ) in doctor_text(checks)


def test_a_slack_that_names_no_scopes_leaves_open_whether_the_token_has_them() -> None:
    """A proxy may drop the header; that is not "has all of them", and not "lacks all of them"."""
    (check,) = check_scopes((), {"chat:write": "every message"})

    assert (check.state, check.disables) == (CheckState.UNKNOWN, ())
    assert "names no scopes" in check.text


def test_each_scope_that_the_token_lacks_is_named_with_what_it_unlocks() -> None:
    """And none that it has."""
    (check,) = check_scopes({"chat:write"}, {"chat:write": "every message", "commands": "/dns-diagnose"})

    assert (check.state, check.disables) == (CheckState.MISSING, ("/dns-diagnose",))
    assert "lacks the scope commands" in check.text
