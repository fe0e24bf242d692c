"""CoreDNS's image cannot be pulled.

A time-out towards a private address means that VPC endpoints (ecr.api, ecr.dkr, s3) are missing or closed;
`no such host` means that the node's own DNS fails; a missing tag and a refusal are told apart.

In a playbook: `{rule: coredns_image_pull, severity: critical}`.
"""

from __future__ import annotations

from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, unknown

WAITING = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "RegistryUnavailable", "ErrImageNeverPull"}
)
_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "no such host",
        "the registry's name does not resolve on the node: its own DNS fails, not the cluster's",
        (
            "Look at the VPC's DNS attributes and DHCP options: aws ec2 describe-vpc-attribute --vpc-id VPC "
            "--attribute enableDnsSupport"
        ),
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
    stuck = [pod for pod in found.pods if pod.container and pod.container.waiting_reason in WAITING]
    if stuck:
        return _problem(stuck, found)
    if found.gaps:
        return unknown(f"Whether CoreDNS's image can be pulled is open: {found.gaps[0].reason}.", *found.gaps)
    return healthy(f"None of {len(found.pods)} CoreDNS pods waits for its image.")


def _words(pod: CorednsPod) -> str:
    pulls = (one.message for one in pod.events if one.reason == "Failed" and "pull" in one.message.lower())
    return next(pulls, "") or (pod.container.waiting_message if pod.container else "") or "no reason given"


def _problem(stuck: list[CorednsPod], found: CorednsPods) -> Judgement:
    known = [next((row for row in _REASONS if row[0] in _words(pod).lower()), None) for pod in stuck]
    reasons = list(dict.fromkeys(row[1] for row in known if row))
    states = ", ".join(sorted({pod.container.waiting_reason for pod in stuck if pod.container}))
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=f"{len(stuck)} of {len(found.pods)} CoreDNS pods cannot pull {stuck[0].image} ({states}): "
        f"{'; '.join(reasons) or _words(stuck[0])}.",
        proof=tuple(f"{pod.name}: {_words(pod)}" for pod in stuck[:10]),
        details={
            "pods": [pod.name for pod in stuck],
            "images": sorted({pod.image for pod in stuck}),
            "reasons": reasons,
        },
        missing=found.gaps,
        reach=found.reach_of({pod.name for pod in stuck}),
        advice=(
            *dict.fromkeys(row[2] for row in known if row),
            f"kubectl -n kube-system describe pod {stuck[0].name}",
        ),
    )


RULE = Rule(
    name="coredns_image_pull",
    title="CoreDNS's image cannot be pulled",
    kind=Kind.CAUSE,
    judge=judge,
    needs=(CorednsPods,),
)
