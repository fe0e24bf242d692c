from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling, RefusedMember
from bot.collectors.coredns_placement import CorednsPlacement
from bot.domain.json_values import digest_of_text
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.domain.settling import Progressing
from bot.fixes.scale_coredns import FIX, Parameters
from tests.fixes.test_fix_spread_coredns_pods import ADDON, DEPLOYMENT, VALUES, Far
from tests.fixes.test_fix_spread_coredns_pods import case as spread_case

NO_SCALING = (RefusedMember(member="autoScaling", reason="no"),)


def case(addon: CorednsAddon | None = None, *, nodes: int = 5, replicas: int = 2, **deployment: Any) -> PlanCase:
    """Return what is planned from: so many pods wanted, and so many nodes that take one."""
    found = spread_case(addon)
    one = replace(DEPLOYMENT, replicas=replicas, **deployment)
    placement = replace(found.need(CorednsPlacement), nodes=nodes, deployments=(one,))
    evidence = {CorednsPlacement: placement, CorednsAddonScheduling: found.need(CorednsAddonScheduling)}
    return replace(found, parameters=Parameters(), evidence=evidence)


def planned(*arguments: Any, **named: Any) -> Step:
    """Return the one step of the plan."""
    found = FIX.plan(case(*arguments, **named))
    assert isinstance(found, Planned)
    (step,) = found.steps
    return step


@pytest.mark.parametrize(("replicas", "nodes", "wanted"), [(2, 5, 4), (2, 3, 3), (0, 5, 2), (0, 1, 2), (15, 40, 20)])
def test_there_are_twice_as_many_pods_and_no_more_than_nodes(replicas: int, nodes: int, wanted: int) -> None:
    """Two at least, and twenty at most."""
    step = planned(replicas=replicas, nodes=nodes)

    assert (step.parameters["replicas"], step.before) == (wanted, {"uid": "u-1", "replicas": replicas})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (case(nodes=2), "more pods would share interfaces"),
        (case(replace(ADDON, status="DEGRADED")), "is DEGRADED"),
        (case(replace(ADDON, configuration="")), "holds text that the bot does not store"),
        (case(replace(ADDON, configuration="- x", digest=digest_of_text("- x"))), "cannot be edited"),
        (
            case(replace(ADDON, refused=(*NO_SCALING, RefusedMember(member="replicaCount", reason="neither")))),
            "does not take replicaCount: neither",
        ),
    ],
)
def test_what_cannot_be_changed_is_refused_with_what_to_do(found: PlanCase, reason: str) -> None:
    """No node to spare; an add-on that takes no update, or neither member."""
    advice = FIX.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text


@pytest.mark.parametrize(
    ("addon", "member"),
    [
        (ADDON, {"autoScaling": {"enabled": True, "minReplicas": 4, "maxReplicas": 10}}),
        (replace(ADDON, refused=NO_SCALING), {"replicaCount": 4}),
    ],
)
def test_the_add_on_scales_by_itself_where_it_can(addon: CorednsAddon, member: dict[str, Any]) -> None:
    """All else of its configuration is kept, and given back by the undo."""
    far, step = Far(), planned(addon)
    assert FIX.read(step, far.reading()) == step.before

    FIX.apply(step, far.writing())

    assert json.loads(far.sent[0][1]["configurationValues"]) == {**json.loads(VALUES), **member}
    assert FIX.settled(step, {}, far.reading()).text == "coredns wants 2 of 4 pods"
    back = FIX.inverse(step, {})
    assert back is not None
    assert back.parameters["configuration"] == VALUES
    assert FIX.settled(back, {}, far.reading()).progress is Progressing.DONE


def test_the_deployment_is_scaled_and_scaled_back() -> None:
    """Held to its uid; complete when all pods are Ready."""
    far, step = Far(), planned(nodes=2, replicas=1)
    assert FIX.read(step, far.reading()) == {"uid": "u-1", "replicas": 2}

    FIX.apply(step, far.writing())

    assert far.sent == [("kube-system", {"metadata": {"uid": "u-1"}, "spec": {"replicas": 2}})]
    assert FIX.settled(step, {}, far.reading()).progress is Progressing.DONE
    assert FIX.settled(step, {}, Far(ready=1).reading()).text == "coredns: 1 of 2 pods are Ready"
    back = FIX.inverse(step, {})
    assert back is not None
    assert (back.parameters["replicas"], back.before) == (1, {"uid": "u-1", "replicas": 2})
    assert FIX.read(step, Far(gone=True).reading()) != step.before


def test_who_else_manages_it_is_said() -> None:
    """GitOps and Helm would take it back."""
    found = FIX.plan(case(manager="Helm release coredns"))

    assert isinstance(found, Planned)
    assert "2 CoreDNS pods more of kube-system/coredns will be made; 5 nodes would take one" in found.blast_radius
    assert "Helm release coredns manages the Deployment" in found.blast_radius


@pytest.mark.parametrize(
    ("values", "through_addon"), [("{}", False), ('{"replicaCount": 0}', True)], ids=["by hand", "by its configuration"]
)
def test_none_at_all_is_taken_back_where_it_was_written(values: str, through_addon: bool) -> None:  # noqa: FBT001  # a table
    """A Deployment that somebody scaled to 0 is scaled again, the add-on's own or not."""
    step = planned(replace(ADDON, configuration=values, digest=digest_of_text(values)), replicas=0)

    assert ("configuration" in step.parameters) is through_addon
    assert step.parameters["replicas"] == 2


def test_more_pods_are_no_help_where_those_that_are_wanted_do_not_serve() -> None:
    """The DNS service has no endpoint for another reason."""
    found = case()
    judgement = replace(found.finding.judgement, details={"desired_replicas": 2})

    advice = FIX.plan(replace(found, finding=replace(found.finding, judgement=judgement)))

    assert isinstance(advice, Advice)
    assert "2 CoreDNS pods are wanted, and none serves" in advice.reason
