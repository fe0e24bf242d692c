"""How to reach one cluster: which account, role, kubeconfig and contexts (docs/configuration.md, `clusters:`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.cluster import ClusterTarget
from bot.domain.places import HOME, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The ARNs of the roles that are assumed at one place; empty: none."""

    reader: str = ""
    writer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConnection:
    """One entry of `clusters:` in dnsbot.yaml, as the clients need it."""

    target: ClusterTarget
    role_arn: str = ""
    """Assumed for reading; empty: the process's own AWS credentials."""
    writer_role_arn: str = ""
    """Assumed only to apply an approved plan; empty: nothing in AWS can be changed."""
    kubeconfig: str = ""
    """Path of a kubeconfig file; empty: the EKS endpoint, with a token made from the AWS credentials."""
    context: str = ""
    """Context for reading and looking up; empty: the kubeconfig's current one."""
    writer_context: str = ""
    """Context used only to apply an approved plan; empty: none."""
    profile: str = ""
    """Of AWS's files, for the process's own credentials; empty: as its variables and files say."""
    peer_roles: Mapping[Place, Roles] = field(default_factory=dict)
    """The roles of each peer of the target."""

    @property
    def reading_roles(self) -> Mapping[Place, str]:
        """The role that reads at each place; empty: the process's own identity.

        What reads the cluster also reads at a peer that has no role of its own.
        """
        return {HOME: self.role_arn} | {
            place: roles.reader or self.role_arn for place, roles in self.peer_roles.items()
        }

    @property
    def writing_roles(self) -> Mapping[Place, str]:
        """The role that changes things at each place that has one."""
        written = {HOME: self.writer_role_arn} | {place: roles.writer for place, roles in self.peer_roles.items()}
        return {place: role for place, role in written.items() if role}
