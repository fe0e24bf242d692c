"""An EKS add-on with its configuration, as EKS has it. No collector itself.

Cost: `eks:ListAddons` and, where the add-on is installed, `eks:DescribeAddon`, both shared with `eks_addons`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.json_values import digest_of_text
from bot.domain.reading import reading
from bot.domain.views import View
from bot.kubernetes.members import optional_text, part, parts, text


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredAddon:
    """What every add-on has."""

    version: str
    """`v1.19.2-eksbuild.1`."""
    status: str
    """ACTIVE, UPDATING, DEGRADED, UPDATE_FAILED, …"""
    issues: tuple[str, ...]
    """Its health issues: `ConfigurationConflict: …`."""
    configuration: str
    """`configurationValues`, JSON or YAML; empty: none."""
    digest: str
    """SHA-256 of the configuration as EKS has it: what is kept of it here may lack secrets, or its end."""

    @property
    def whole(self) -> bool:
        """Whether the configuration here is the whole of it, as EKS has it."""
        return digest_of_text(self.configuration) == self.digest


def find_addon(look: View, name: str) -> ConfiguredAddon | None:
    """Return the add-on; None: it is not installed. Raises `EvidenceUnavailable`."""
    cluster = look.target.eks_name
    listed = look.aws.read("eks", "ListAddons", clusterName=cluster)
    with reading("eks:ListAddons"):
        if name not in listed["addons"]:
            return None
    answer = look.aws.read("eks", "DescribeAddon", clusterName=cluster, addonName=name)
    with reading("eks:DescribeAddon"):
        addon = answer["addon"]
        issues = parts(part(addon, "health"), "issues")
        configuration = optional_text(addon, "configurationValues")
        return ConfiguredAddon(
            version=text(addon, "addonVersion"),
            status=text(addon, "status"),
            issues=tuple(f"{optional_text(one, 'code')}: {optional_text(one, 'message')}" for one in issues),
            configuration=configuration,
            digest=digest_of_text(configuration),
        )
