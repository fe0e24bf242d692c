from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors.vpc_cni import VpcCni
from bot.collectors.vpc_cni_addon import CniAddon, VpcCniAddon
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.evidence import Gap
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import digest_of_text
from bot.domain.plans import Advice, PlanCase, Planned, Step, WriterKind
from bot.domain.settling import Progressing
from bot.errors import AccessDenied, EvidenceUnavailable, NotFound
from bot.fixes.set_pod_security_group_enforcing_mode import FIX, Parameters
from bot.kubernetes.vpc_cni import AwsNode, AwsNodePod
from tests.fixes.far_ends import NOW, TARGET, BothEnds

CONFIGURATION = '{"env":{"ENABLE_POD_ENI":"true"}}'
WANTED = f'{{"env":{{"{ENFORCING_MODE}":"standard","ENABLE_POD_ENI":"true"}}}}'
AWS_NODE = AwsNode(uid="uid-1", image="cni:v1.19.2-eksbuild.1", mode="", external_snat=False, manager="")
ADDON = CniAddon(
    version="v1.19.2-eksbuild.1",
    status="ACTIVE",
    issues=(),
    configuration=CONFIGURATION,
    digest=digest_of_text(CONFIGURATION),
)
_ROLLED = {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1}
POD = AwsNodePod(node="a", name="aws-node-a", created_at=NOW, mode=EnforcingMode.STRICT)


def case(addon: CniAddon | None = None, *, gap: Gap | None = None, **aws_node: Any) -> PlanCase:
    """Return what is planned from: an aws-node in strict mode on one node, and who owns it."""
    judgement = Judgement(verdict=Verdict.PROBLEM, summary="")
    finding = Finding(
        rule="nodelocal_pod_security_groups_strict",
        title="",
        kind=Kind.CAUSE,
        playbook="pod-security-groups",
        severity=Severity.CRITICAL,
        judgement=judgement,
    )
    cni = VpcCni(aws_node=replace(AWS_NODE, **aws_node), pods=(POD,))
    owner = gap or VpcCniAddon(addon=addon)
    return PlanCase(
        plan_id="plan1",
        target=TARGET,
        finding=finding,
        parameters=Parameters(),
        evidence={VpcCni: cni, VpcCniAddon: owner},
    )


def planned(*arguments: Any, **named: Any) -> Step:
    """Return the one step of the plan."""
    found = FIX.plan(case(*arguments, **named))
    assert isinstance(found, Planned)
    (step,) = found.steps
    return step


@dataclass
class Far(BothEnds):
    """Both far ends: the DaemonSet's variables and rollout, the add-on, and what was written."""

    variables: list[dict[str, Any]] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=lambda: dict(_ROLLED))
    addon: dict[str, Any] = field(default_factory=lambda: {"addonVersion": ADDON.version, "status": "ACTIVE"})
    update: dict[str, Any] = field(default_factory=lambda: {"status": "Successful"})
    gone: bool = False
    sent: list[Any] = field(default_factory=list)

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return the DaemonSet."""
        assert (resource.plural, name, namespace) == ("daemonsets", "aws-node", "kube-system")
        if self.gone:
            raise NotFound("there is none")
        containers = [{"name": "aws-node", "image": AWS_NODE.image, "env": self.variables}]
        template = {"spec": {"containers": containers}}
        return {"metadata": {"uid": "uid-1", "generation": 2}, "spec": {"template": template}, "status": self.status}

    def read(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the add-on, or its update; without one the right to see it is missing."""
        if operation == "DescribeUpdate":
            assert parameters == {"name": "cluster-prod", "addonName": "vpc-cni", "updateId": "up-1"}
            if not self.update:
                raise AccessDenied("eks:DescribeUpdate was refused")
            return {"update": self.update}
        assert (service, operation) == ("eks", "DescribeAddon")
        assert parameters == {"clusterName": "cluster-prod", "addonName": "vpc-cni"}
        if self.gone:
            raise NotFound("there is none")
        return {"addon": self.addon}

    def patch(self, _resource: Any, name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Note a patch."""
        self.sent.append((f"{namespace}/{name}", body))
        return {"metadata": {"generation": 2}}

    def write(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Note an update."""
        self.sent.append((f"{service}:{operation}", parameters))
        return {"update": {"id": "up-1"}}


STANDARD = {"name": ENFORCING_MODE, "value": "standard"}


@pytest.mark.parametrize(
    ("addon", "aws_node", "reason"),
    [
        (None, {"image": "cni:v1.10.4"}, "VPC CNI 1.10.4 does not know"),
        (ADDON, {"image": "cni:v1.9.0"}, "VPC CNI 1.9.0 does not know"),
        (None, {"image": "cni:ours"}, "names no version"),
        (None, {"mode_from": "configMapKeyRef"}, "comes from a configMapKeyRef"),
        (replace(ADDON, status="CREATING"), {}, "is CREATING, and takes no update until that has ended"),
        (replace(ADDON, status="DEGRADED", issues=("AccessDenied: role",)), {}, "is DEGRADED"),
        (replace(ADDON, status="UPDATE_FAILED", issues=("ConfigurationConflict: x",)), {}, "ConfigurationConflict: x"),
        (replace(ADDON, refused="the schema of v1.19.2 refuses it: $.env"), {}, "the schema of v1.19.2 refuses it"),
        (replace(ADDON, configuration='{"env":{"TOKEN":"[redacted]"}}'), {}, "holds text that the bot does not store"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_what_to_do(
    addon: CniAddon | None, aws_node: dict[str, Any], reason: str
) -> None:
    """A VPC CNI that knows no modes, an add-on that is not ACTIVE, a schema that takes no such variable, a secret."""
    advice = FIX.plan(case(addon, **aws_node))

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text


def test_without_knowing_who_owns_it_nothing_is_planned() -> None:
    """Where the add-on could not be read, the DaemonSet may be EKS's."""
    with pytest.raises(EvidenceUnavailable, match="eks:ListAddons was refused"):
        FIX.plan(case(gap=Gap(what="add-on", reason="eks:ListAddons was refused")))


def test_a_mode_that_is_standard_already_leaves_the_pods_to_be_rolled() -> None:
    """There is no step of its own, and what follows is to be done all the same."""
    found = FIX.plan(case(ADDON, mode="standard"))

    assert isinstance(found, Planned)
    assert (found.steps, found.only_followed) == ((), True)


@pytest.mark.parametrize(
    ("external_snat", "outside"),
    [
        (False, "out of the VPC those of the node's primary interface alone, and leaves with the node's address"),
        (True, "out of the VPC as before the branch interface's (AWS_VPC_K8S_CNI_EXTERNALSNAT is true)"),
    ],
)
def test_what_standard_mode_changes_stands_on_the_plan(*, external_snat: bool, outside: str) -> None:
    """Within the node no group, in the VPC as before, and out of the VPC as the VPC CNI translates."""
    found = FIX.plan(case(external_snat=external_snat, manager="Helm release cni"))

    assert isinstance(found, Planned)
    assert "aws-node restarts on 1 node" in found.blast_radius
    assert "traffic within the node (the kubelet, the node's cache, other pods) passes no security group" in (
        found.blast_radius
    )
    assert outside in found.blast_radius
    assert "Helm release cni manages the DaemonSet and sets it back at its next run" in found.blast_radius
    assert found.steps[0].owner == "Helm release cni"


@pytest.mark.parametrize("former", ["", "strict"])
def test_the_daemon_set_s_variable_is_set_and_given_back(former: str) -> None:
    """A strategic merge of one variable, held to the uid; the undo gives back what was there, or takes it away."""
    far = Far(variables=[{"name": ENFORCING_MODE, "value": former}] if former else [])
    step = planned(mode=former)
    assert (step.writer, FIX.read(step, far.reading())) == (WriterKind.KUBERNETES, step.before)

    effects = FIX.apply(step, far.writing())

    variable = {"name": ENFORCING_MODE, "value": "standard"}
    assert far.sent[-1] == ("kube-system/aws-node", _patch(variable))
    far.variables = [variable]
    assert FIX.settled(step, effects, far.reading()).progress is Progressing.DONE
    back = FIX.inverse(step, effects)
    assert back is not None
    assert FIX.read(back, far.reading()) == back.before
    FIX.apply(back, far.writing())
    wanted = {"name": ENFORCING_MODE, **({"value": former} if former else {"$patch": "delete"})}
    assert far.sent[-1] == ("kube-system/aws-node", _patch(wanted))


def _patch(variable: dict[str, str]) -> dict[str, Any]:
    containers = [{"name": "aws-node", "env": [variable]}]
    return {"metadata": {"uid": "uid-1"}, "spec": {"template": {"spec": {"containers": containers}}}}


@pytest.mark.parametrize(
    ("far", "waits_for"),
    [
        (Far(), "the variables of aws-node do not say so yet"),
        (Far(variables=[STANDARD], status={**_ROLLED, "updatedNumberScheduled": 0}), "0 of 1 pods are new"),
        (Far(variables=[STANDARD], status={**_ROLLED, "numberReady": 0}), "0 of 1 pods are Ready"),
    ],
)
def test_it_is_complete_when_aws_node_runs_with_it_everywhere(far: Far, waits_for: str) -> None:
    """Pods that are made before that are still made as before; through either owner."""
    for step, effects in ((planned(), {"generation": 2}), (planned(ADDON), {"update_id": "up-1"})):
        seen = FIX.settled(step, effects, far.reading())

        assert seen.progress is Progressing.WAITING
        assert waits_for in seen.text


def test_the_add_on_s_whole_configuration_is_sent_with_one_key_more() -> None:
    """With resolveConflicts NONE; the undo sends the former text, byte for byte."""
    far = Far()
    far.addon["configurationValues"] = CONFIGURATION
    step = planned(ADDON)
    assert (step.writer, step.owner) == (WriterKind.AWS, "the EKS add-on vpc-cni")
    assert FIX.read(step, far.reading()) == step.before

    effects = FIX.apply(step, far.writing())

    assert effects == {"update_id": "up-1"}
    assert far.sent == [
        (
            "eks:UpdateAddon",
            {
                "clusterName": "cluster-prod",
                "addonName": "vpc-cni",
                "configurationValues": WANTED,
                "resolveConflicts": "NONE",
                "clientRequestToken": "plan1",
            },
        )
    ]
    back = FIX.inverse(step, effects)
    assert back is not None
    assert back.parameters["configuration"] == CONFIGURATION


@pytest.mark.parametrize(
    ("status", "issue", "progress", "said"),
    [
        ("UPDATING", "", Progressing.WAITING, "vpc-cni is UPDATING"),
        ("DEGRADED", "AccessDenied: role", Progressing.FAILED, "vpc-cni is DEGRADED. AccessDenied: role."),
        ("UPDATE_FAILED", "", Progressing.FAILED, "vpc-cni is UPDATE_FAILED."),
        (
            "UPDATE_FAILED",
            "ConfigurationConflict: Conflicts:\nDaemonSet.apps aws-node",
            Progressing.FAILED,
            "ConfigurationConflict: Conflicts: DaemonSet.apps aws-node. Nothing was overwritten",
        ),
        ("ACTIVE", "ConfigurationConflict: x", Progressing.FAILED, "Nothing was overwritten"),
        ("ACTIVE", "", Progressing.DONE, ""),
    ],
)
def test_an_update_is_waited_for_until_it_is_in_force_or_has_failed(
    status: str, issue: str, progress: Progressing, said: str
) -> None:
    """A conflict is told with its fields, and that nothing was overwritten."""
    far = Far(variables=[STANDARD])
    code, _, message = issue.partition(": ")
    far.addon |= {"status": status, "health": {"issues": [{"code": code, "message": message}] if issue else []}}

    seen = FIX.settled(planned(ADDON), {"update_id": "up-1"}, far.reading())

    assert seen.progress is progress
    assert said in seen.text


def test_the_fields_of_a_conflict_are_told_from_the_update_s_errors_as_well() -> None:
    """Whatever the add-on's health says by then, and once where both say the same."""
    conflict = "Conflicts:\nDaemonSet.apps aws-node - .spec.template"
    far = Far(variables=[STANDARD])
    far.update = {"status": "Failed", "errors": [{"errorCode": "ConfigurationConflict", "errorMessage": conflict}]}

    for status, issues in (("ACTIVE", []), ("UPDATE_FAILED", [{"code": "ConfigurationConflict", "message": conflict}])):
        far.addon |= {"status": status, "health": {"issues": issues}}
        seen = FIX.settled(planned(ADDON), {"update_id": "up-1"}, far.reading())

        assert seen.progress is Progressing.FAILED
        assert seen.text.count("ConfigurationConflict: Conflicts: DaemonSet.apps aws-node - .spec.template") == 1
        assert "Nothing was overwritten" in seen.text


def test_an_update_that_failed_without_a_reason_is_not_taken_for_done() -> None:
    """The add-on is ACTIVE as it was, and its configuration as well."""
    far = Far(variables=[STANDARD], update={"status": "Cancelled"})

    seen = FIX.settled(planned(ADDON), {"update_id": "up-1"}, far.reading())

    assert seen.progress is Progressing.FAILED
    assert "its update up-1 is Cancelled without a reason" in seen.text


@pytest.mark.parametrize("effects", [{}, {"update_id": "up-1"}])
def test_where_the_update_may_not_be_seen_the_add_on_s_state_decides(effects: dict[str, Any]) -> None:
    """Its id may be lost with the process that sent it, or the right to see it be missing."""
    far = Far(variables=[STANDARD], update={})

    assert FIX.settled(planned(ADDON), effects, far.reading()).progress is Progressing.DONE


def test_an_update_that_is_under_way_is_waited_for_before_the_own_one() -> None:
    """As a step of its own, bounded, that sends nothing and has nothing to take back."""
    far = Far(addon={"addonVersion": ADDON.version, "status": "UPDATING", "configurationValues": CONFIGURATION})
    found = FIX.plan(case(replace(ADDON, status="UPDATING")))
    assert isinstance(found, Planned)
    wait, update = found.steps
    assert "vpc-cni is UPDATING: wait until it is ACTIVE, 10 minutes at most." in wait.diff[0]
    assert (FIX.read(wait, far.reading()), FIX.read(update, far.reading())) == (wait.before, update.before)

    effects = FIX.apply(wait, far.writing())

    assert (effects, far.sent, FIX.inverse(wait, effects)) == ({}, [], None)
    assert FIX.settled(wait, effects, far.reading()).progress is Progressing.WAITING
    far.addon["status"] = "ACTIVE"
    assert FIX.settled(wait, effects, far.reading()).progress is Progressing.DONE
    assert FIX.read(update, far.reading()) == update.before


def test_an_update_under_way_that_ends_badly_stops_the_plan() -> None:
    """With the add-on's health issues; nothing was sent."""
    found = FIX.plan(case(replace(ADDON, status="UPDATING")))
    assert isinstance(found, Planned)
    issue = {"code": "AccessDenied", "message": "role", "resourceIds": ["aws-node"]}
    far = Far(addon={"addonVersion": ADDON.version, "status": "DEGRADED", "health": {"issues": [issue]}})

    seen = FIX.settled(found.steps[0], {}, far.reading())

    assert seen.progress is Progressing.FAILED
    assert "did not end well: vpc-cni is DEGRADED. AccessDenied: role (aws-node)" in seen.text


@pytest.mark.parametrize(("addon", "rights"), [(None, []), (ADDON, ["eks:UpdateAddon"])])
def test_the_right_to_update_the_add_on_is_named_as_one_that_nobody_can_try(
    addon: CniAddon | None, rights: list[str]
) -> None:
    """EKS knows no dry run; without the add-on the right is not needed here."""
    tried = FIX.rehearse(case(addon).evidence)

    assert [right for one in tried for right in one.judges] == rights
    assert all(one.no_dry_run for one in tried)


@pytest.mark.parametrize("addon", [None, ADDON])
def test_what_is_gone_is_no_longer_as_it_was(addon: CniAddon | None) -> None:
    """Whoever deleted it since meant it."""
    step = planned(addon)

    assert FIX.read(step, Far(gone=True).reading()) != step.before
