from __future__ import annotations

import json
from typing import Any

import pytest

from bot.collectors import coredns_addon_scheduling
from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling
from bot.errors import AccessDenied, EvidenceUnavailable, SourceTimeout
from tests.collectors_aws.conftest import CannedAws
from tests.looking import Ends, as_stored, collect_through

MEMBERS: dict[str, dict[str, Any]] = {
    "affinity": {},
    "topologySpreadConstraints": {},
    "replicaCount": {},
    "resources": {},
    "autoScaling": {},
}
OLD = {name: what for name, what in MEMBERS.items() if name != "topologySpreadConstraints"}
LISTED = {"eks:ListAddons": {"addons": ["coredns"]}}


def described(members: dict[str, Any] | None = None, **addon: Any) -> dict[str, Any]:
    """Return what EKS answers about an add-on whose schema has these members alone."""
    schema = {"type": "object", "additionalProperties": False, "properties": MEMBERS if members is None else members}
    return {
        **LISTED,
        "eks:DescribeAddon": {"addon": {"addonVersion": "v1.11.4-eksbuild.2", "status": "ACTIVE", **addon}},
        "eks:DescribeAddonConfiguration": {"configurationSchema": json.dumps(schema)},
    }


def stored(answers: dict[str, Any]) -> CorednsAddon:
    """Return the add-on as it is stored."""
    found, _ = collect_through(coredns_addon_scheduling.COLLECTOR, Ends(aws_reader=CannedAws(answers)))
    kept: CorednsAddonScheduling = as_stored(found)
    assert kept.addon is not None
    return kept.addon


def test_the_add_on_has_its_configuration_as_it_is() -> None:
    """Its version would take all members; that costs three calls."""
    values = '{"autoScaling":{"enabled":true}}'
    answers = described(configurationValues=values)
    found, calls = collect_through(coredns_addon_scheduling.COLLECTOR, Ends(aws_reader=CannedAws(answers)))

    addon = stored(answers)
    assert (addon.configuration, addon.whole, addon.autoscaling, addon.refused) == (values, True, True, ())
    assert coredns_addon_scheduling.COLLECTOR.summarise(found) == (
        "EKS add-on coredns v1.11.4-eksbuild.2, ACTIVE, scaled by EKS"
    )
    assert calls == ("eks:ListAddons", "eks:DescribeAddon", "eks:DescribeAddonConfiguration")


def test_members_that_a_version_does_not_take_are_named() -> None:
    """The schema says so; a configuration that cannot be edited takes none."""
    old, odd = stored(described(OLD)), stored(described(configurationValues="- a list"))

    assert "topologySpreadConstraints" in old.refuses("topologySpreadConstraints")
    assert old.refuses("affinity") == ""
    assert "no place for it" in odd.refuses("affinity")
    assert not odd.autoscaling


@pytest.mark.parametrize(
    "answers",
    [
        {"eks:ListAddons": AccessDenied("refused", grant="eks:ListAddons")},
        LISTED | {"eks:DescribeAddon": SourceTimeout("no answer")},
        described() | {"eks:DescribeAddonConfiguration": {"configurationSchema": "no schema"}},
        described(status=None),
    ],
)
def test_an_add_on_that_could_not_be_read_is_not_taken_for_absent(answers: dict[str, Any]) -> None:
    """Nothing is said of it."""
    with pytest.raises(EvidenceUnavailable):
        collect_through(coredns_addon_scheduling.COLLECTOR, Ends(aws_reader=CannedAws(answers)))


def test_without_the_add_on_the_deployment_is_its_owners() -> None:
    """That is no gap."""
    answers = {"eks:ListAddons": {"addons": ["vpc-cni"]}}

    found, _ = collect_through(coredns_addon_scheduling.COLLECTOR, Ends(aws_reader=CannedAws(answers)))

    assert found == CorednsAddonScheduling(addon=None)
    assert coredns_addon_scheduling.COLLECTOR.summarise(found) == "no EKS add-on coredns"
