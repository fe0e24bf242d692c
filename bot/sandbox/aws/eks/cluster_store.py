"""All clusters and what belongs to them, by account and region, with what is the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox.aws.eks.kinds import Document
from bot.sandbox.aws.life_cycle import Changes, Phase
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.service import ServiceError

_MOVING = frozenset({"CREATING", "UPDATING", "DELETING"})


class ClusterStore:
    """What EKS holds."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._clusters: dict[tuple[str, str], dict[str, Document]] = {}
        self._items: dict[tuple[str, str, str, str], dict[str, Document]] = {}

    def clusters(self, account: str, region: str) -> dict[str, Document]:
        """Return the clusters of an account in a region by name; what is put in stays."""
        return self._clusters.setdefault((account, region), {})

    def cluster(self, account: str, region: str, name: str) -> Document:
        """Return a cluster, or refuse."""
        try:
            return self.clusters(account, region)[name]
        except KeyError:
            raise missing(f"No cluster found for name: {name}.") from None

    def items(self, account: str, region: str, cluster: str, kind: str) -> dict[str, Document]:
        """Return what a cluster has of a kind by name; what is put in stays. Refuses for an unknown cluster."""
        self.cluster(account, region, cluster)
        return self._items.setdefault((account, region, cluster, kind), {})

    def forget(self, account: str, region: str, cluster: str) -> None:
        """Remove a cluster with all that belongs to it."""
        self.clusters(account, region).pop(cluster)
        for key in [key for key in self._items if key[:3] == (account, region, cluster)]:
            del self._items[key]

    def change(
        self,
        call: Call,
        phase: Phase,
        changed: Document,
        *,
        done: Callable[[], object] = lambda: None,
        told: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """Let a cluster or what belongs to it go through a change. `told` hears each status, and why it failed."""
        was = changed.get("status", "ACTIVE")

        def become(status: str, message: str) -> None:
            changed["status"] = status
            if message:
                changed["health"] = {"issues": [{"code": "InternalFailure", "message": message, "resourceIds": []}]}
            elif status == "ACTIVE" != was:
                changed["health"] = {"issues": []}
            told(status, message)

        self._changes.begin(call.action, phase, become, done)


def missing(what: str) -> ServiceError:
    """Return the refusal of something that is not there."""
    return ServiceError("ResourceNotFoundException", what, 404)


def taken(what: str) -> ServiceError:
    """Return the refusal of something that is there, or busy."""
    return ServiceError("ResourceInUseException", what, 409)


def refuse_moving(document: Document, name: str, act: str) -> None:
    """Refuse to change what is being changed."""
    if document["status"] in _MOVING:
        raise taken(f"{name} cannot be {act} as it is currently in {document['status']} state")


def merge(document: Document, members: dict[str, Any]) -> Document:
    """Set members of a description; those that hold members are merged one level deep."""
    for key, value in members.items():
        both = isinstance(value, dict) and isinstance(document.get(key), dict)
        document[key] = {**document[key], **value} if both else value
    return document
