from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling, RefusedMember
from bot.collectors.coredns_placement import CorednsPlacement
from bot.domain.json_values import digest_of_text
from bot.domain.plans import Advice, PlanCase, Planned, Step
from bot.domain.settling import Progressing
from bot.fixes.raise_coredns_memory import FIX, Parameters
from tests.fixes.test_fix_spread_coredns_pods import ADDON, DEPLOYMENT
from tests.fixes.test_fix_spread_coredns_pods import Far as Coredns
from tests.fixes.test_fix_spread_coredns_pods import case as spread_case

LIMITED = '{"resources": {"limits": {"memory": "256Mi", "cpu": "1"}, "requests": {"memory": "70Mi"}}}'
OWN = replace(ADDON, configuration=LIMITED, digest=digest_of_text(LIMITED))


def case(addon: CorednsAddon | None = None, limit: str = "170Mi", **deployment: Any) -> PlanCase:
    """Return what is planned from: CoreDNS's Deployment with this limit."""
    found = spread_case(addon)
    one = replace(DEPLOYMENT, container="coredns", memory_limit=limit, **deployment)
    placement = replace(found.need(CorednsPlacement), deployments=(one,))
    evidence = {CorednsPlacement: placement, CorednsAddonScheduling: found.need(CorednsAddonScheduling)}
    return replace(found, parameters=Parameters(), evidence=evidence)


def planned(*arguments: Any, **named: Any) -> tuple[Step, str]:
    """Return the one step of the plan, and what else it touches."""
    found = FIX.plan(case(*arguments, **named))
    assert isinstance(found, Planned), found
    (step,) = found.steps
    return step, found.blast_radius


@dataclass
class Far(Coredns):
    """CoreDNS's Deployment with one container whose limit a patch changes."""

    limit: str = "170Mi"

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return the Deployment."""
        found = super().get(resource, name, namespace=namespace)
        container = {"name": "coredns", "resources": {"limits": {"memory": self.limit}}}
        found["spec"]["template"] = {"spec": {"containers": [container]}}
        return found


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [("170Mi", "340Mi"), ("7Mi", "170Mi"), ("1500Mi", "2048Mi"), ("1Gi", "2048Mi"), ("100M", "191Mi")],
)
def test_the_limit_is_doubled_within_bounds(limit: str, wanted: str) -> None:
    """No less than EKS gives, and no more than the playbook allows; whole mebibytes."""
    step, _ = planned(limit=limit)

    assert (step.parameters["limit"], step.before) == (wanted, {"uid": "u-1", "limit": limit})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (case(limit=""), "sets no memory limit"),
        (case(limit="2Gi"), "The limit is 2Gi already"),
        (case(replace(ADDON, status="DEGRADED")), "is DEGRADED"),
        (
            case(replace(ADDON, refused=(RefusedMember(member="resources", reason="no"),))),
            "does not take resources: no",
        ),
        (case(replace(ADDON, configuration="")), "holds text that the bot does not store"),
        (case(replace(ADDON, configuration="- x", digest=digest_of_text("- x"))), "cannot be edited"),
    ],
)
def test_what_cannot_be_raised_is_refused_with_what_to_do(found: PlanCase, reason: str) -> None:
    """No limit, the highest that is given, an add-on that takes no update."""
    advice = FIX.plan(found)

    assert isinstance(advice, Advice)
    assert reason in advice.reason
    assert advice.text


def test_the_add_on_gets_the_limit_that_it_set_and_keeps_the_rest() -> None:
    """Other limits and requests of its configuration stay, and the undo gives all of it back."""
    far = Far(values=LIMITED, limit="512Mi")
    step, _ = planned(OWN, limit="256Mi")

    FIX.apply(step, far.writing())

    (sent,) = far.sent
    assert json.loads(sent[1]["configurationValues"]) == {
        "resources": {"limits": {"memory": "512Mi", "cpu": "1"}, "requests": {"memory": "70Mi"}}
    }
    assert FIX.settled(step, {}, far.reading()).progress is Progressing.DONE
    assert FIX.settled(step, {}, Far(limit="256Mi").reading()).text == "coredns says 256Mi, not 512Mi yet"
    back = FIX.inverse(step, {})
    assert back is not None
    assert back.parameters["configuration"] == LIMITED
    assert FIX.settled(back, {}, far.reading()).progress is Progressing.DONE


def test_a_limit_set_by_hand_is_raised_where_it_stands() -> None:
    """EKS would call the add-on's own value a conflict; that it may set it back is said."""
    step, radius = planned(ADDON, limit="64Mi")

    assert step.action == "limit_memory"
    assert "EKS add-on coredns may set it back at its next update" in radius


def test_the_deployment_gets_the_limit_and_loses_it_again() -> None:
    """Held to its uid; complete when all pods are new and Ready."""
    far = Far()
    step, radius = planned(manager="Helm release coredns")
    assert FIX.read(step, far.reading()) == step.before
    assert "2 CoreDNS pods of kube-system/coredns are replaced" in radius
    assert "Helm release coredns may set it back" in radius

    FIX.apply(step, far.writing())

    limits = {"name": "coredns", "resources": {"limits": {"memory": "340Mi"}}}
    body = {"metadata": {"uid": "u-1"}, "spec": {"template": {"spec": {"containers": [limits]}}}}
    assert far.sent == [("kube-system", body)]
    assert FIX.settled(step, {}, Far(limit="340Mi").reading()).progress is Progressing.DONE
    assert FIX.settled(step, {}, Far(limit="340Mi", ready=1).reading()).text == "coredns: 1 of 2 pods are Ready"
    back = FIX.inverse(step, {})
    assert back is not None
    assert (back.parameters["limit"], back.before) == ("170Mi", {"uid": "u-1", "limit": "340Mi"})
    assert FIX.read(step, Far(gone=True).reading()) != step.before


def test_an_update_of_the_add_on_that_is_under_way_is_waited_for() -> None:
    """EKS takes no second one; the first step sends nothing."""
    far, found = Far(), FIX.plan(case(replace(OWN, status="UPDATING"), limit="256Mi"))

    assert isinstance(found, Planned)
    waits, raises = found.steps
    assert waits.target == "EKS add-on coredns of cluster cluster-prod, the update that is under way"
    assert (FIX.apply(waits, far.writing()), far.sent) == ({}, [])
    assert raises.parameters["limit"] == "512Mi"
