"""List answers: selectors, pages that stay consistent, item shape."""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from dataclasses import dataclass

from bot.sandbox.kubernetes.refusals import bad_request, expired
from bot.sandbox.kubernetes.resources import Json, ResourceType
from bot.sandbox.kubernetes.selectors import field_matcher, label_matcher
from bot.sandbox.kubernetes.store import Store

_KEPT_SNAPSHOTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What a list call asks for. `limit` 0: everything."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""
    limit: int = 0
    continue_token: str = ""


class Lister:
    """Lists objects; a page after the first shows the same moment as the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: OrderedDict[str, tuple[str, list[Json]]] = OrderedDict()
        self._made = 0

    def forget(self) -> None:
        """Let every token that was given be too old."""
        self._snapshots.clear()

    def page(self, kind: ResourceType, request: ListRequest) -> Json:
        """Return the list object of one page."""
        revision, rest, key, start = self._find(kind, request)
        end = start + request.limit if request.limit else len(rest)
        metadata: Json = {"resourceVersion": revision}
        if end < len(rest):
            metadata["continue"] = self._keep(key, revision, rest, end)
            if not (request.labels or request.fields):
                metadata["remainingItemCount"] = len(rest) - end
        return {
            "kind": f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": metadata,
            "items": [_item(document) for document in rest[start:end]],
        }

    def _find(self, kind: ResourceType, request: ListRequest) -> tuple[str, list[Json], str, int]:
        by_label = label_matcher(request.labels)
        by_field = field_matcher(request.fields, kind)
        if request.continue_token:
            return self._resume(request.continue_token)
        found = [item for item in self._store.all(kind, request.namespace) if by_label(item) and by_field(item)]
        return str(self._store.revision), found, "", 0

    def _keep(self, key: str, revision: str, rest: list[Json], end: int) -> str:
        if not key:
            self._made += 1
            key = str(self._made)
        self._snapshots[key] = (revision, rest)
        while len(self._snapshots) > _KEPT_SNAPSHOTS:
            self._snapshots.popitem(last=False)
        token = json.dumps({"v": "sandbox", "rv": revision, "snapshot": key, "start": end})
        return base64.urlsafe_b64encode(token.encode()).decode()

    def _resume(self, token: str) -> tuple[str, list[Json], str, int]:
        try:
            said = json.loads(base64.urlsafe_b64decode(token.encode()))
            key, start = str(said["snapshot"]), int(said["start"])
        except (ValueError, KeyError, TypeError):
            raise bad_request(f"invalid continue token: continue key is not valid: {token!r}") from None
        if key not in self._snapshots:
            raise expired()
        revision, rest = self._snapshots[key]
        return revision, rest, key, start


def _item(document: Json) -> Json:
    return {key: value for key, value in document.items() if key not in {"kind", "apiVersion"}}
