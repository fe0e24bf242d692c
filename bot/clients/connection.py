"""How to reach one cluster: which account, role, kubeconfig and contexts (contract page, `clusters:`)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.cluster import ClusterTarget


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
