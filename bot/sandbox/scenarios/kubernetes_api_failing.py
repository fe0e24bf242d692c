"""The API server sheds CoreDNS's calls with 429: it starts and never becomes ready."""

from __future__ import annotations

from typing import Any

from bot.sandbox.world.scenario import ByHand, Operator, Scenario
from bot.sandbox.world.world import World

START_SECONDS = 30
"""client-go asks ten times, a second apart, before it says that a list failed."""
_GROUP = "flowcontrol.apiserver.k8s.io/v1"
_NAME = "tame-noisy-accounts"


def _level(shares: int) -> dict[str, Any]:
    limited = {
        "nominalConcurrencyShares": shares,
        "lendablePercent": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    return {
        "apiVersion": _GROUP,
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": _NAME},
        "spec": {"type": "Limited", "limited": limited},
    }


def _schema(accounts: tuple[str, ...]) -> dict[str, Any]:
    subjects = [
        {"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": name}} for name in accounts
    ]
    resources = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    return {
        "apiVersion": _GROUP,
        "kind": "FlowSchema",
        "metadata": {"name": _NAME},
        "spec": {
            "matchingPrecedence": 100,
            "priorityLevelConfiguration": {"name": _NAME},
            "rules": [{"subjects": subjects, "resourceRules": [resources]}],
        },
    }


def _tame(operator: Operator, *accounts: str) -> None:
    operator.apply(_level(shares=0), _schema(accounts))
    operator.time_passes(3)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    operator.time_passes(START_SECONDS)


def _acts(_world: World, operator: Operator) -> None:
    _tame(operator, "backup-agent", "coredns")


def _harmless(_world: World, operator: Operator) -> None:
    _tame(operator, "coredns")


def _heal(_world: World, operator: Operator) -> None:
    operator.apply(_level(shares=30))
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")


SCENARIO = Scenario(
    name="kubernetes-api-failing",
    title="The API server sheds CoreDNS's calls with 429",
    story=(
        "An operator gave a noisy ServiceAccount a priority level without shares, which serves one call at a time, and "
        "named coredns in its FlowSchema, too. When the CoreDNS pods were deleted, the new ones got 429 and were never "
        "ready."
    ),
    root_cause="kubernetes_api_failing",
    not_in_lab="nothing in the lab keeps a priority level busy",
    explains=("dns_lookups_fail", "kube_dns_no_endpoints"),
    healed_by=ByHand(acts=_heal),
    not_to_blame=("coredns_api_forbidden", "coredns_api_unauthorized", "coredns_api_unreachable"),
    acts=_acts,
)
LOOK_ALIKE = Scenario(
    name="kubernetes-api-failing-look-alike",
    title="CoreDNS has a priority level without shares to itself",
    story=(
        "An operator gave the ServiceAccount coredns a priority level without shares, and deleted the CoreDNS pods. "
        "Such a level serves one call at a time, and nobody else's are in it."
    ),
    root_cause="",
    not_to_blame=("kubernetes_api_failing", "coredns_api_unreachable"),
    acts=_harmless,
)
