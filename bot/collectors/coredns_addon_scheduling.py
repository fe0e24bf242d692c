"""The EKS add-on coredns, where it owns CoreDNS's Deployment: its state, its configuration, and what it takes.

Whether its version takes what spreads or multiplies the pods says the schema of that version. The configuration is kept
as far as it holds no secret, and its digest tells whether that is all of it. Cost: `eks:ListAddons` and, where the
add-on is installed, `eks:DescribeAddon` (both shared with `eks_addons`) and `eks:DescribeAddonConfiguration`. In a
playbook: `{collector: coredns_addon_scheduling}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.collectors._configured_addon import ConfiguredAddon, find_addon
from bot.domain.evidence import Collector
from bot.domain.json_values import JsonValue, RawObject
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import NotEditable
from bot.kubernetes.addon_configuration import parsed, refusals
from bot.kubernetes.addon_members import with_member
from bot.kubernetes.members import text
from bot.kubernetes.spreading import HOSTNAME, with_anti_affinity, with_constraint

ADDON = "coredns"
"""Name of the EKS add-on."""
AUTOSCALING = "autoScaling"
"""The member under which EKS scales CoreDNS by itself (EKS User Guide, "Scale CoreDNS Pods for high DNS traffic")."""
COREFILE = "corefile"
"""The member that replaces the whole Corefile."""
_LABELS = {"k8s-app": "kube-dns"}
_TRIED: dict[str, Any] = {
    "affinity": with_anti_affinity({}, _LABELS),
    "topologySpreadConstraints": with_constraint((), _LABELS, HOSTNAME),
    "replicaCount": 3,
    "resources": {"limits": {"memory": "340Mi"}},
    AUTOSCALING: {"enabled": True, "minReplicas": 2, "maxReplicas": 10},
}
"""Members that fixes may set, each with a value of the form that they would set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMember:
    """A member that the add-on does not take."""

    member: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsAddon(ConfiguredAddon):
    """The EKS add-on coredns, which owns CoreDNS's Deployment."""

    autoscaling: bool
    """Whether the configuration lets EKS scale CoreDNS by itself."""
    refused: tuple[RefusedMember, ...] = ()

    def refuses(self, member: str) -> str:
        """Return why a member cannot be sent; empty: it can."""
        return next((one.reason for one in self.refused if one.member == member), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorednsAddonScheduling:
    """Whether CoreDNS is an EKS add-on, and how that stands."""

    addon: CorednsAddon | None
    """None: it is not; its Deployment is the cluster's owners'."""


def collect(look: View) -> CorednsAddonScheduling:
    """Read the add-on and what its version can be configured with."""
    held = find_addon(look, ADDON)
    if held is None:
        return CorednsAddonScheduling(addon=None)
    return CorednsAddonScheduling(
        addon=CorednsAddon(
            version=held.version,
            status=held.status,
            issues=held.issues,
            configuration=held.configuration,
            digest=held.digest,
            autoscaling=_scales_itself(held.configuration),
            refused=_refused(look, held.version, held.configuration),
        )
    )


def _scales_itself(configuration: str) -> bool:
    try:
        held = parsed(configuration).get(AUTOSCALING)
    except NotEditable:
        return False
    return isinstance(held, dict) and held.get("enabled") is True


def _refused(look: View, version: str, configuration: str) -> tuple[RefusedMember, ...]:
    """Return what the add-on does not take, each with the reason."""
    answer: RawObject = look.aws.read("eks", "DescribeAddonConfiguration", addonName=ADDON, addonVersion=version)
    with reading("eks:DescribeAddonConfiguration"):
        schema = text(answer, "configurationSchema")
        found = ((name, _against(configuration, name, value, schema, version)) for name, value in _TRIED.items())
        return tuple(RefusedMember(member=name, reason=reason) for name, reason in found if reason)


def _against(configuration: str, name: str, value: JsonValue, schema: str, version: str) -> str:
    try:
        wanted = with_member(configuration, name, value)
    except NotEditable as error:
        return f"its configuration has no place for it: {error}"
    against = refusals(wanted, schema)
    return f"the schema of {version} refuses it: {'; '.join(against)}" if against else ""


def summarise(found: CorednsAddonScheduling) -> str:
    """Say whether it is an add-on, and how that stands."""
    if found.addon is None:
        return f"no EKS add-on {ADDON}"
    scaled = ", scaled by EKS" if found.addon.autoscaling else ""
    return f"EKS add-on {ADDON} {found.addon.version}, {found.addon.status}{scaled}"


COLLECTOR = Collector(
    name="coredns_addon_scheduling",
    title="EKS add-on coredns and how it places and scales its pods",
    evidence=CorednsAddonScheduling,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="eks:DescribeAddon", unlocks="the configuration of the add-on that owns CoreDNS"),
        AwsPermission(
            action="eks:DescribeAddonConfiguration", unlocks="whether the add-on's version takes what spreads its pods"
        ),
        AwsPermission(action="eks:ListAddons", unlocks="whether CoreDNS is an EKS add-on"),
    ),
)
