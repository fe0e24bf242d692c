"""Which approval policy holds for a cluster, and what keeps a plan from being approvable at all."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.approvals import ApprovalPolicy
from bot.domain.cluster import ClusterTarget
from bot.domain.places import HOME
from bot.domain.plans import FixPlan, Step, WriterKind

DEFAULT = "default"


def policy_for(target: ClusterTarget, policies: Mapping[str, ApprovalPolicy]) -> ApprovalPolicy | None:
    """Return the policy named by the cluster's environment; `default` only where it names none."""
    return policies.get(target.environment or DEFAULT)


def nobody_may(target: ClusterTarget) -> ApprovalPolicy:
    """Return the policy of an environment that has none: a typo must not loosen approval."""
    return ApprovalPolicy(environment=target.environment or DEFAULT)


def not_approvable_because(plan: FixPlan, target: ClusterTarget, policies: Mapping[str, ApprovalPolicy]) -> str:
    """Return which setting is missing for this plan to be applied by us, or nothing."""
    for step in plan.steps:
        missing = _missing_writer(step, target)
        if missing:
            return f"{missing}: run the command by hand."
    policy = policy_for(target, policies)
    if policy is None or not (policy.users or policy.user_groups):
        environment = target.environment or DEFAULT
        return f"`approvals:` in dnsbot.yaml names nobody for `{environment}`: run the command by hand."
    return ""


def _missing_writer(step: Step, target: ClusterTarget) -> str:
    """Return which setting is missing for this step to be applied by us, or nothing."""
    if step.writer is WriterKind.KUBERNETES:
        if target.kubernetes_writer:
            return ""
        return f"neither `writer_role_arn` nor `writer_context` of cluster {target.name} is set in dnsbot.yaml"
    if step.writer is WriterKind.PROBE_PODS:
        return "" if target.node_probe else f"`node_probe` of cluster {target.name} is not set in dnsbot.yaml"
    if target.has_aws_writer(step.place):
        return ""
    if step.place == HOME:
        return f"`writer_role_arn` of cluster {target.name} is not set in dnsbot.yaml"
    if step.place not in target.places:
        return f"{step.place} is no longer among the `peers` of cluster {target.name} in dnsbot.yaml"
    return f"`writer_role_arn` of {step.place} of cluster {target.name} is not set in dnsbot.yaml"
