"""CoreDNS's image cannot be pulled.

A time-out towards a private address means that VPC endpoints (ecr.api, ecr.dkr, s3) are missing or closed; a lookup
of the registry's name that fails (`lookup REGISTRY on …`) is the node's own DNS; a missing tag and a refusal are told
apart.

In a playbook: `{rule: coredns_image_pull, severity: critical}`.
"""

from __future__ import annotations

import re

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, not_known, nothing_to_check
from bot.domain.phrases import timestamp
from bot.kubernetes.pods import STARTING
from bot.rules._faulty_objects import deployment_of

WAITING = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "RegistryUnavailable", "ErrImageNeverPull"}
)
_OWN_DNS = (
    "Look at the node's /etc/resolv.conf and the VPC's DNS attributes and DHCP options: aws ec2 describe-vpc-attribute "
    "--vpc-id VPC --attribute enableDnsSupport"
)
_LOOKED_UP = re.compile(r"\blookup \S{1,253}(?: on \S{1,80})?: ")
"""Go's words where the name itself could not be looked up: nobody has dialled the registry yet."""
_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "no such host",
        "the registry's name does not resolve on the node: its own DNS fails, not the cluster's",
        _OWN_DNS,
    ),
    (
        "not found",
        "the registry has no such image or tag",
        "aws eks describe-addon-versions --addon-name coredns --query 'addons[].addonVersions[].addonVersion'",
    ),
    (
        "manifest unknown",
        "the registry has no such image or tag",
        "aws eks describe-addon-versions --addon-name coredns --query 'addons[].addonVersions[].addonVersion'",
    ),
    (
        "i/o timeout",
        "the registry does not answer: without a NAT route the VPC needs endpoints for ecr.api, ecr.dkr and s3",
        (
            "aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values=VPC "
            "--query 'VpcEndpoints[].[ServiceName,State]'"
        ),
    ),
    (
        "client.timeout exceeded",
        "the registry does not answer: without a NAT route the VPC needs endpoints for ecr.api, ecr.dkr and s3",
        (
            "aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values=VPC "
            "--query 'VpcEndpoints[].[ServiceName,State]'"
        ),
    ),
    (
        "no basic auth credentials",
        "the node may not pull from this registry",
        "Attach AmazonEC2ContainerRegistryPullOnly to the node role; look at the image's account and region.",
    ),
    (
        "forbidden",
        "the node may not pull from this registry",
        "Attach AmazonEC2ContainerRegistryPullOnly to the node role; look at the image's account and region.",
    ),
)


def judge(case: Case) -> Judgement:
    """Conclude which CoreDNS pods wait for their image, and why."""
    found = case.need(CorednsPods)
    stuck = [pod for pod in found.pods if pod.container.waiting_reason in WAITING]
    if stuck:
        return _problem(stuck, found)
    missing = (*map(_open, filter(_may_be_pulling, found.pods)), *found.gaps, *found.nobody)
    if missing:
        return not_known("whether CoreDNS's image can be pulled", *missing)
    if found.absent:
        return nothing_to_check(found.absence)
    return healthy(f"None of {len(found.pods)} CoreDNS pods waits for its image.")


def _may_be_pulling(pod: CorednsPod) -> bool:
    """Return whether a pod that has a node has not been started there yet: a pull that hangs looks like this."""
    container = pod.container
    return bool(pod.node) and not pod.terminating and container.waiting_reason in STARTING and not container.has_run


def _open(pod: CorednsPod) -> Gap:
    reason = f"{pod.name} on {pod.node} has not been started since {timestamp(pod.created_at)}; it may be pulling"
    return Gap(what=f"pod {pod.name}", reason=reason)


def _words(pod: CorednsPod) -> str:
    pulls = (one.message for one in pod.events if one.reason == "Failed" and "pull" in one.message.lower())
    return next(pulls, "") or pod.container.waiting_message or "no reason given"


def _reason(words: str) -> tuple[str, str, str] | None:
    looked_up = _LOOKED_UP.search(words)
    if looked_up and "no such host" not in words:
        return ("lookup", "the node's own DNS does not answer for the registry's name, not the cluster's", _OWN_DNS)
    return next((row for row in _REASONS if row[0] in words), None)


def _problem(stuck: list[CorednsPod], found: CorednsPods) -> Judgement:
    known = [_reason(_words(pod).lower()) for pod in stuck]
    reasons = list(dict.fromkeys(row[1] for row in known if row))
    states = ", ".join(sorted({pod.container.waiting_reason for pod in stuck}))
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(stuck)} of {len(found.pods)} CoreDNS pods cannot pull {stuck[0].container.image} ({states}): "
        f"{'; '.join(reasons) or _words(stuck[0])}.",
        proof=tuple(f"{pod.name}: {_words(pod)}" for pod in stuck[:10]),
        details={
            "pods": [pod.name for pod in stuck],
            "images": sorted({pod.container.image for pod in stuck}),
            "reasons": reasons,
        },
        missing=found.gaps,
        reach=found.reach_of({pod.name for pod in stuck}),
        pods=tuple(pod.name for pod in stuck),
        objects=deployment_of(found),
        advice=(
            *dict.fromkeys(row[2] for row in known if row),
            f"kubectl -n {stuck[0].namespace} describe pod {stuck[0].name}",
        ),
    )


RULE = Rule(
    name="coredns_image_pull",
    title="CoreDNS's image cannot be pulled",
    check="CoreDNS's image",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods,),
    problem_refuted_by=((CorednsPods, "a container that no longer waits for its image"),),
    healthy_refuted_by=(
        (CorednsPods, "a pod that waits for its image or was never started, or no pod where one is wanted"),
    ),
)
