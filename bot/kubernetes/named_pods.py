"""Pods that a finding names: a rule writes them into its details, and a fix that recreates pods reads them there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bot.domain.encoding import decode, encode
from bot.domain.json_values import JsonValue
from bot.errors import UnitError
from bot.kubernetes.owners import Owner
from bot.kubernetes.pods import Pod

PODS = "pods"
"""The key of a finding's details under which they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPod:
    """What has to be known of a pod to recreate it."""

    namespace: str
    name: str
    uid: str
    owner: Owner
    """Seen through its ReplicaSet, as far as that was read."""
    created_at: datetime
    restarted_at: str
    """As `Pod.restarted_at`."""

    @classmethod
    def of(cls, pod: Pod) -> Self:
        """Return what is kept of a pod."""
        return cls(
            namespace=pod.namespace,
            name=pod.name,
            uid=pod.uid,
            owner=pod.owner,
            created_at=pod.created_at,
            restarted_at=pod.restarted_at,
        )


def in_details(pods: Iterable[Pod]) -> Sequence[JsonValue]:
    """Return what a rule writes under `PODS` so that these pods can be recreated."""
    return [encode(NamedPod.of(pod)) for pod in pods]


def of_details(details: Mapping[str, Any], rule: str) -> tuple[NamedPod, ...]:
    """Return the pods that a finding names; none where it names none. Raises `UnitError` for what no rule may write."""
    try:
        return tuple(decode(NamedPod, one) for one in details.get(PODS, ()))
    except (TypeError, ValueError) as error:
        raise UnitError(f"Rule {rule} names pods in a form that nobody can read: {error}") from error
