"""A small client of the real API server, for the lab's own hands: operator, start-up, tests."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
_SECONDS = 30.0
_CONFLICTS = 20
"""So often an object that a controller writes meanwhile is read and put again."""
_VERSIONS = {
    "": "v1",
    "apiextensions.k8s.io": "v1",
    "apps": "v1",
    "authentication.k8s.io": "v1",
    "batch": "v1",
    "discovery.k8s.io": "v1",
    "events.k8s.io": "v1",
    "flowcontrol.apiserver.k8s.io": "v1",
    "networking.k8s.io": "v1",
    "rbac.authorization.k8s.io": "v1",
    "policy": "v1",
    "vpcresources.k8s.aws": "v1beta1",
}
_WITHOUT_NAMESPACE = frozenset(
    {"nodes", "namespaces", "clusterroles", "clusterrolebindings", "priorityclasses", "customresourcedefinitions"}
)
_ENDINGS = (("y", "ies"), ("s", "ses"), ("", "s"))


class ApiRefused(Exception):
    """The API server answered with an error; `status` is HTTP's, the text is its own."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text)
        self.status = status


def collection(resource: str, namespace: str = "") -> str:
    """Return the path of a collection; `resource` as kubectl spells it: `pods`, `deployments.apps`."""
    plural, _, group = resource.partition(".")
    base = f"/apis/{group}/{_VERSIONS[group]}" if group else "/api/v1"
    inside = f"/namespaces/{namespace}" if namespace and plural not in _WITHOUT_NAMESPACE else ""
    return f"{base}{inside}/{plural}"


def resource_of(document: Mapping[str, Any]) -> str:
    """Return the resource of an object, as kubectl spells it."""
    kind = str(document["kind"]).lower()
    ending, plural = next(pair for pair in _ENDINGS if kind.endswith(pair[0]))
    group, slash, _ = str(document["apiVersion"]).partition("/")
    return f"{kind.removesuffix(ending) if ending == 'y' else kind}{plural if ending != 's' else 'es'}" + (
        f".{group}" if slash else ""
    )


def path_of(document: Mapping[str, Any]) -> str:
    """Return the path of an object."""
    metadata = document["metadata"]
    return f"{collection(resource_of(document), metadata.get('namespace', ''))}/{metadata['name']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesApi:
    """Calls the API server as one user; a connection for each call, so that any thread may use it."""

    port: int
    token: str
    context: ssl.SSLContext

    def call(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        kind: str = "application/json",
        seconds: float = _SECONDS,
    ) -> Any:  # noqa: ANN401  # JSON
        """Send one request and return the JSON answer. Raises `ApiRefused`, or OSError when nobody answers."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=seconds, context=self.context)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, "User-Agent": "kubectl/lab"}
        try:
            body = None if document is None else json.dumps(document)
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiRefused(f"{method} {path}: {answer.status} {text}", status=answer.status)
        return json.loads(text) if text.startswith(("{", "[")) else text

    def list(self, resource: str, *, namespace: str = "", query: str = "") -> list[Json]:
        """Return the objects of a collection, each with its apiVersion and kind."""
        answer = self.call("GET", collection(resource, namespace) + (f"?{query}" if query else ""))
        kind = str(answer["kind"]).removesuffix("List")
        return [{"apiVersion": answer["apiVersion"], "kind": kind, **item} for item in answer["items"]]

    def apply(self, document: Mapping[str, Any]) -> Json:
        """Create an object, or put it in place of the one that is there, whoever writes it at the same time."""
        for _ in range(_CONFLICTS):
            try:
                return self._put(document)
            except ApiRefused as refused:
                if refused.status != http.HTTPStatus.CONFLICT:
                    raise
        return self._put(document)

    def _put(self, document: Mapping[str, Any]) -> Json:
        try:
            current = self.call("GET", path_of(document))
        except ApiRefused as refused:
            if refused.status != http.HTTPStatus.NOT_FOUND:
                raise
            made: Json = self.call("POST", path_of(document).rpartition("/")[0], _fresh(document))
            return made
        version = {"resourceVersion": current["metadata"]["resourceVersion"]}
        replaced: Json = self.call(
            "PUT", path_of(document), {**document, "metadata": {**document["metadata"], **version}}
        )
        return replaced


def _fresh(document: Mapping[str, Any]) -> Json:
    """Return the object without what only an existing one has."""
    gone = {"resourceVersion", "uid", "managedFields", "creationTimestamp", "generation"}
    return {**document, "metadata": {key: value for key, value in document["metadata"].items() if key not in gone}}
