"""The cluster that is looked at, and what was asked about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PodName:
    """A pod by namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return `namespace/name`, as kubectl prints it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTarget:
    """One entry of `clusters:` in dnsbot.yaml, as the workflow needs it (contract page)."""

    name: str
    eks_name: str
    region: str
    environment: str = ""
    """Empty: the `default` approval policy applies."""
    channel: str = ""
    workload_selector: str = ""
    """Label selector of application pods; empty: look-ups from inside are UNKNOWN."""
    on_premises_cidrs: tuple[str, ...] = ()
    aws_writer: bool = False
    """A writer role is configured: fixes that change AWS may be approved."""
    kubernetes_writer: bool = False
    """A writer role or context is configured: fixes that change Kubernetes may be approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person asked: which cluster, which playbooks, and which pod or names to look from and at."""

    cluster: str
    playbooks: tuple[str, ...] = ()
    """Empty: all playbooks of the command `diagnose`."""
    pod: PodName | None = None
    names: tuple[str, ...] = ()
    """Host names, already validated as DNS names."""
