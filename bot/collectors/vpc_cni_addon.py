"""The EKS add-on vpc-cni, where it owns aws-node: its state, its configuration, and whether that takes another mode.

Whether it would take the standard enforcing mode says the schema of its version. The configuration is kept as far as it
holds no secret, and its digest tells whether that is all of it. Cost: `eks:ListAddons` and, where the add-on is
installed, `eks:DescribeAddon` (both shared with `eks_addons`) and, where a pod may hold a branch interface,
`eks:DescribeAddonConfiguration`. In a playbook: `{collector: vpc_cni_addon}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.collectors._configured_addon import ConfiguredAddon, find_addon
from bot.collectors.branch_pods import BranchPods
from bot.domain.enforcing_mode import ENFORCING_MODE, EnforcingMode
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import NotEditable
from bot.kubernetes.addon_configuration import refusals, with_variable
from bot.kubernetes.members import text

ADDON = "vpc-cni"
"""Name of the EKS add-on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CniAddon(ConfiguredAddon):
    """The EKS add-on vpc-cni, which owns aws-node's DaemonSet."""

    refused: str = ""
    """Why the configuration with the other mode cannot be sent: what the schema has against it, or that it has no
    place for it; empty: it can, or no pod holds a branch interface, so that no mode is in question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcCniAddon:
    """Whether the VPC CNI is an EKS add-on, and how that stands."""

    addon: CniAddon | None
    """None: it is not; its DaemonSet is the cluster's owners'."""


def collect(look: View) -> VpcCniAddon:
    """Read the add-on and what its version can be configured with."""
    held = find_addon(look, ADDON)
    if held is None:
        return VpcCniAddon(addon=None)
    return VpcCniAddon(
        addon=CniAddon(
            version=held.version,
            status=held.status,
            issues=held.issues,
            configuration=held.configuration,
            digest=held.digest,
            refused=_refused(look, held) if _is_in_question(look) else "",
        )
    )


def _is_in_question(look: View) -> bool:
    branch = look.find(BranchPods)
    return branch is None or bool(branch.pods or branch.gaps)


def _refused(look: View, addon: ConfiguredAddon) -> str:
    """Return why the configuration with the standard mode cannot be sent; empty: it can."""
    try:
        wanted = with_variable(addon.configuration, ENFORCING_MODE, EnforcingMode.STANDARD.value)
    except NotEditable as error:
        return f"its configuration has no place for it: {error}"
    answer: RawObject = look.aws.read("eks", "DescribeAddonConfiguration", addonName=ADDON, addonVersion=addon.version)
    with reading("eks:DescribeAddonConfiguration"):
        against = refusals(wanted, text(answer, "configurationSchema"))
    return f"the schema of {addon.version} refuses it: {'; '.join(against)}" if against else ""


def summarise(found: VpcCniAddon) -> str:
    """Say whether it is an add-on, and how that stands."""
    return (
        f"EKS add-on {ADDON} {found.addon.version}, {found.addon.status}" if found.addon else f"no EKS add-on {ADDON}"
    )


COLLECTOR = Collector(
    name="vpc_cni_addon",
    title="EKS add-on vpc-cni",
    evidence=VpcCniAddon,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="eks:DescribeAddon", unlocks="the configuration of the add-on that owns aws-node"),
        AwsPermission(
            action="eks:DescribeAddonConfiguration", unlocks="whether the add-on's version takes the other mode"
        ),
        AwsPermission(action="eks:ListAddons", unlocks="whether the VPC CNI is an EKS add-on"),
    ),
    wants=(BranchPods,),
)
