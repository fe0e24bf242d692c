"""A real 429: a priority level of the API server that one held request fills, so that every other one is shed."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

from lab.contract.far_end import READER, Json, Wire, eventually

_NAME = "contract-full"
_API = "flowcontrol.apiserver.k8s.io/v1"
_REVIEWS = "selfsubjectaccessreviews"
_LIMITS = {
    "nominalConcurrencyShares": 0,
    "lendablePercent": 0,
    "borrowingLimitPercent": 0,
    "limitResponse": {"type": "Reject"},
}
_FLOW = "x-kubernetes-pf-flowschema-uid"
_HELD_SECONDS = 60.0
"""So long the API server waits for a body."""


@contextmanager
def shedding(wire: Wire, *, reader: str, resource: str) -> Iterator[None]:
    """Let the server shed what the reader asks of a resource of the core group and without a namespace.

    Priority and fairness judges before authorization does. A level without seats still takes one request at a time,
    so one is held open in it: an access review of the reader's whose body never comes. Both objects are gone
    afterwards, and the server judges without them.
    """
    schema = _object("FlowSchema", _schema(reader, resource))

    def flow() -> str:
        return wire.ask("GET", f"/api/v1/{resource}", token=READER).headers[_FLOW]

    level = {"type": "Limited", "limited": _LIMITS}
    with _made(wire, "prioritylevelconfigurations", _object("PriorityLevelConfiguration", level)):
        with _made(wire, "flowschemas", schema) as uid:
            eventually(flow, lambda found: found == uid)
            with _held(wire):
                yield
        eventually(flow, lambda found: found != uid)


def _object(kind: str, spec: Json) -> Json:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": _NAME}, "spec": spec}


def _schema(reader: str, resource: str) -> Json:
    reached = {"verbs": ["*"], "apiGroups": ["*"], "resources": [resource, _REVIEWS], "clusterScope": True}
    return {
        "matchingPrecedence": 2,  # 1 is for `exempt` alone
        "priorityLevelConfiguration": {"name": _NAME},
        "rules": [{"subjects": [{"kind": "User", "user": {"name": reader}}], "resourceRules": [reached]}],
    }


@contextmanager
def _made(wire: Wire, plural: str, document: Json) -> Iterator[str]:
    """Create an object and delete it at the end; yields its uid."""
    answer = wire.ask("POST", f"/apis/{_API}/{plural}", document)
    assert answer.status == HTTPStatus.CREATED, answer
    try:
        yield answer.json["metadata"]["uid"]
    finally:
        gone = wire.ask("DELETE", f"/apis/{_API}/{plural}/{_NAME}")
    assert gone.status == HTTPStatus.OK, gone


@contextmanager
def _held(wire: Wire) -> Iterator[None]:
    """Keep the level busy with a request that is never whole."""
    place = urlsplit(wire.url)
    opened = http.client.HTTPSConnection(
        place.hostname or "", place.port or 443, timeout=_HELD_SECONDS, context=wire.tls
    )
    with closing(opened) as connection:
        connection.putrequest("POST", f"/apis/authorization.k8s.io/v1/{_REVIEWS}")
        connection.putheader("Authorization", f"Bearer {READER}")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "1000")
        connection.endheaders()
        executing = "/debug/api_priority_and_fairness/dump_requests"
        eventually(lambda: wire.ask("GET", executing).text, lambda text: _NAME in text)
        yield
