from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from bot.clients.aws_writing import BotocoreWriter
from bot.clients.connection import ClusterConnection
from bot.clients.sources import ClusterWriters, open_writers
from bot.domain.deadline import Deadline
from bot.domain.json_values import JsonObject
from bot.domain.ports import Resource
from bot.errors import WriteFailed
from tests.clients.conftest import TARGET, Act, Serve, Shared, drip_body, hang, kubeconfig, reset, respond, truncate

DEPLOYMENTS = Resource(group="apps", plural="deployments")
PODS = Resource(plural="pods")
PATCH: JsonObject = {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 2}}


def status(code: int, reason: str, message: str) -> Act:
    """Answer with a Status object."""
    body = json.dumps({"kind": "Status", "message": message, "reason": reason, "code": code})
    return respond(f"{code} {HTTPStatus(code).phrase}", body)


Open = Callable[[str], ClusterWriters]


@pytest.fixture
def writers_at(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens the Kubernetes writer of a far end."""
    opened: list[ClusterWriters] = []

    def open_one(url: str) -> ClusterWriters:
        path = kubeconfig(tmp_path / "kubeconfig.json", url)
        opened.append(open_writers(ClusterConnection(target=TARGET, kubeconfig=path, writer_context="writer")))
        return opened[-1]

    yield open_one
    for writers in opened:
        writers.close()


def test_a_patch_is_strategic_merge_and_carries_its_precondition(serve: Serve, writers_at: Open) -> None:
    """Content type, path and body as the API documents them."""
    far_end = serve(respond("200 OK", '{"kind":"Deployment","metadata":{"name":"web","generation":3}}'))

    changed = writers_at(far_end.url).cluster(Deadline.after(30)).patch(DEPLOYMENTS, "web", PATCH, namespace="shop")

    request = far_end.requests[0]
    assert request.startswith(b"PATCH /apis/apps/v1/namespaces/shop/deployments/web HTTP/1.1")
    assert b"Content-Type: application/strategic-merge-patch+json" in request
    assert json.loads(request.split(b"\r\n\r\n")[1]) == PATCH
    assert changed["metadata"]["generation"] == 3


def test_a_delete_names_the_uid(serve: Serve, writers_at: Open) -> None:
    """Another object of the same name is left alone by the API server."""
    far_end = serve(respond("200 OK", '{"kind":"Status","status":"Success"}'))

    writers_at(far_end.url).cluster(Deadline.after(30)).delete(PODS, "web-1", namespace="shop", uid="u-1")

    request = far_end.requests[0]
    assert request.startswith(b"DELETE /api/v1/namespaces/shop/pods/web-1 HTTP/1.1")
    assert json.loads(request.split(b"\r\n\r\n")[1])["preconditions"] == {"uid": "u-1"}


@pytest.mark.parametrize(("dry_run", "query"), [(False, b""), (True, b"&dryRun=All")], ids=["for good", "dry run"])
def test_an_object_is_created_with_unknown_fields_refused(
    serve: Serve,
    writers_at: Open,
    dry_run: bool,  # noqa: FBT001  # a table
    query: bytes,
) -> None:
    """A POST to the collection; a dry run asks the API to keep nothing."""
    far_end = serve(respond("201 Created", '{"kind":"ServiceAccount","metadata":{"name":"cache","uid":"u-1"}}'))
    body: JsonObject = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cache"}}
    writer = writers_at(far_end.url).cluster(Deadline.after(30))

    made = writer.create(Resource(plural="serviceaccounts"), body, namespace="kube-system", dry_run=dry_run)

    request = far_end.requests[0]
    path = b"/api/v1/namespaces/kube-system/serviceaccounts?fieldValidation=Strict" + query
    assert request.startswith(b"POST " + path + b" HTTP/1.1")
    assert json.loads(request.split(b"\r\n\r\n")[1]) == body
    assert made["metadata"]["uid"] == "u-1"


def test_what_exists_is_not_created_again(serve: Serve, writers_at: Open) -> None:
    """Somebody has been faster: nothing was changed, and that is certain."""
    far_end = serve(status(409, "AlreadyExists", 'serviceaccounts "cache" already exists'))
    writer = writers_at(far_end.url).cluster(Deadline.after(30))

    with pytest.raises(WriteFailed, match=r"^Conflict: .*already exists") as raised:
        writer.create(Resource(plural="serviceaccounts"), {"metadata": {"name": "cache"}}, namespace="kube-system")

    assert not raised.value.ambiguous


@pytest.mark.parametrize(
    ("act", "text", "ambiguous"),
    [
        pytest.param(status(409, "Conflict", "the object has been modified"), "Conflict: ", False, id="conflict"),
        pytest.param(status(403, "Forbidden", "no"), "403: .*deployments.apps: patch", False, id="forbidden"),
        pytest.param(status(422, "Invalid", "spec.replicas: Invalid value"), "422: ", False, id="invalid"),
        pytest.param(status(429, "TooManyRequests", "wait"), "429: ", False, id="throttled"),
        pytest.param(status(500, "InternalError", "timeout"), "500: ", True, id="server error"),
        pytest.param(hang, "NoAnswer: .*may have been made", True, id="hang"),
        pytest.param(drip_body, "NoAnswer: .*may have been made", True, id="drip"),
        pytest.param(reset, "NoAnswer: .*may have been made", True, id="reset"),
        pytest.param(truncate, "NoAnswer: .*may have been made", True, id="truncated"),
        pytest.param(respond("200 OK", "<html>", content_type="text/html"), "Garbled: ", True, id="HTML"),
        pytest.param(respond("200 OK", ""), "Garbled: ", True, id="empty"),
    ],
)
def test_a_failed_patch_is_sent_once_and_says_whether_it_may_have_happened(
    act: Act,
    text: str,
    ambiguous: bool,  # noqa: FBT001  # a table
    serve: Serve,
    writers_at: Open,
    took: Callable[[], float],
) -> None:
    """No second attempt, whatever comes back."""
    far_end = serve(act)
    writer = writers_at(far_end.url).cluster(Deadline.after(2))

    with pytest.raises(WriteFailed, match=f"^{text}") as raised:
        writer.patch(DEPLOYMENTS, "web", PATCH, namespace="shop")

    assert raised.value.ambiguous is ambiguous
    assert len(far_end.requests) == 1
    assert took() < 10


def test_nobody_listening_is_not_ambiguous(writers_at: Open) -> None:
    """What was never sent cannot have happened."""
    writer = writers_at("http://127.0.0.1:1").cluster(Deadline.after(10))

    with pytest.raises(WriteFailed, match=r"Nothing was changed") as raised:
        writer.delete(PODS, "web-1", namespace="shop", uid="u-1")

    assert not raised.value.ambiguous


def aws(code: str, status_code: int) -> Act:
    """Refuse as EC2 does."""
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors></Response>"
    return respond(f"{status_code} {HTTPStatus(status_code).phrase}", body, content_type="text/xml")


@pytest.mark.parametrize(
    ("act", "text", "ambiguous"),
    [
        pytest.param(aws("InvalidPermission.Duplicate", 400), "InvalidPermission.Duplicate: ", False, id="duplicate"),
        pytest.param(aws("UnauthorizedOperation", 403), "UnauthorizedOperation: ", False, id="denied"),
        pytest.param(aws("RequestLimitExceeded", 503), "RequestLimitExceeded: .*Nothing was", False, id="throttled"),
        pytest.param(aws("InternalError", 500), "InternalError: .*may have been made", True, id="server error"),
        pytest.param(hang, "NoAnswer: .*may have been made", True, id="hang"),
        pytest.param(reset, "NoAnswer: .*may have been made", True, id="reset"),
        pytest.param(truncate, "NoAnswer: .*may have been made", True, id="truncated"),
        pytest.param(respond("200 OK", "", content_type=""), "NoAnswer: .*may have been made", True, id="empty"),
    ],
)
def test_a_failed_aws_write_is_sent_once_and_begins_with_the_code(
    act: Act,
    text: str,
    ambiguous: bool,  # noqa: FBT001  # a table
    shared: Shared,
) -> None:
    """The fix reads the code; nobody retries behind its back."""
    far_end = shared.play(act)

    with pytest.raises(WriteFailed, match=f"^{text}") as raised:
        BotocoreWriter(shared.writing, Deadline.after(2)).write(
            "ec2", "AuthorizeSecurityGroupIngress", GroupId="sg-1", IpPermissions=[]
        )

    assert raised.value.ambiguous is ambiguous
    assert len(far_end.requests) == 1
