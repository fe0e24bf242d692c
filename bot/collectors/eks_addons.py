"""Who manages coredns, kube-proxy and vpc-cni: an EKS add-on or nobody, and what EKS says of their health.

Why it matters to DNS: a change to an object that an add-on owns is overwritten by its next update. Cost: one
`eks:ListAddons` and one `eks:DescribeAddon` for each of the three that is installed; the latter alone with `only`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.evidence import Collector, Gap
from bot.domain.permissions import AwsPermission
from bot.domain.reading import reading
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotFound

WATCHED = ("coredns", "kube-proxy", "vpc-cni")
ACTIVE, UPDATING = "ACTIVE", "UPDATING"
UNDER_WAY = frozenset({"CREATING", UPDATING, "DELETING"})
"""States in which EKS is at work on an add-on; it takes no update then."""
CONFLICT = "ConfigurationConflict"
"""The issue of an add-on that was not applied since others had set the same fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonIssue:
    """One health issue as EKS words it: `ConfigurationConflict`, `InsufficientNumberOfReplicas`."""

    code: str
    message: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EksAddon:
    """One installed add-on."""

    name: str
    owner: str
    """`EKS add-on` and the publisher where EKS names one."""
    status: str
    """ACTIVE, DEGRADED, UPDATE_FAILED, …; empty: it is installed but could not be described."""
    version: str
    issues: tuple[AddonIssue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EksAddons:
    """The add-ons among coredns, kube-proxy and vpc-cni. One that is not here is managed by the cluster's owners."""

    cluster: str
    addons: tuple[EksAddon, ...]
    gaps: tuple[Gap, ...] = ()
    """Installed add-ons that could not be described."""

    def owner(self, name: str) -> str:
        """Return who manages `name`: the add-on, or an empty string where no add-on does."""
        return next((addon.owner for addon in self.addons if addon.name == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EksAddonsParameters:
    """Which are asked about."""

    only: str = ""
    """The name of one of the three; empty: all."""


def collect(look: View) -> EksAddons:
    """List the add-ons and describe the three that DNS rests on."""
    cluster, only = look.target.eks_name, look.parameters.only
    if only:
        return EksAddons(cluster=cluster, addons=tuple(_if_installed(look, cluster, only)))
    listed = look.aws.read("eks", "ListAddons", clusterName=cluster)
    with reading("eks:ListAddons"):
        installed = set(listed["addons"])
    addons: list[EksAddon] = []
    gaps: list[Gap] = []
    for name in WATCHED:
        if name in installed:
            try:
                addons.append(_describe(look, cluster, name))
            except EvidenceUnavailable as error:
                addons.append(EksAddon(name=name, owner="EKS add-on", status="", version=""))
                gaps.append(Gap.of(f"add-on {name}", error))
    return EksAddons(cluster=cluster, addons=tuple(addons), gaps=tuple(gaps))


def _if_installed(look: View, cluster: str, name: str) -> Iterator[EksAddon]:
    try:
        yield _describe(look, cluster, name)
    except NotFound:
        return


def _describe(look: View, cluster: str, name: str) -> EksAddon:
    answer = look.aws.read("eks", "DescribeAddon", clusterName=cluster, addonName=name)
    with reading("eks:DescribeAddon"):
        addon = answer["addon"]
        publisher = addon.get("publisher") or addon.get("owner") or ""
        return EksAddon(
            name=addon["addonName"],
            owner=f"EKS add-on ({publisher})" if publisher else "EKS add-on",
            status=addon["status"],
            version=addon.get("addonVersion") or "",
            issues=tuple(
                AddonIssue(
                    code=issue.get("code") or "",
                    message=issue.get("message") or "",
                    resources=tuple(issue.get("resourceIds") or ()),
                )
                for issue in (addon.get("health") or {}).get("issues") or ()
            ),
        )


def summarise(evidence: EksAddons) -> str:
    """Say which add-ons are installed, their version and status, and how many issues EKS reports."""
    if not evidence.addons:
        return "none of coredns, kube-proxy and vpc-cni is an EKS add-on"
    words = [f"{addon.name} {addon.version} {addon.status or 'not readable'}" for addon in evidence.addons]
    issues = sum(len(addon.issues) for addon in evidence.addons)
    return f"{len(words)} EKS add-ons: {', '.join(words)}; {issues} health issues"


COLLECTOR = Collector(
    name="eks_addons",
    title="EKS add-ons coredns, kube-proxy and vpc-cni",
    evidence=EksAddons,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        AwsPermission(action="eks:DescribeAddon", unlocks="say who owns coredns and kube-proxy, and their health"),
        AwsPermission(action="eks:ListAddons", unlocks="see which add-ons are installed"),
    ),
    parameters=EksAddonsParameters,
)
