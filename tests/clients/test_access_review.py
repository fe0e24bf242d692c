from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.clients.connection import ClusterConnection
from bot.clients.sources import open_sources
from bot.domain.deadline import Deadline
from bot.domain.permissions import KubernetesPermission
from bot.errors import EvidenceUnavailable, SourceGarbled, SourceTimeout
from tests.clients.conftest import TARGET, Act, Serve, hang, kubeconfig, respond


def review(*, allowed: object) -> Act:
    """Answer a review as the API server does."""
    return respond("201 Created", json.dumps({"kind": "SelfSubjectAccessReview", "status": {"allowed": allowed}}))


def ask(url: str, folder: Path, permission: KubernetesPermission, seconds: float = 5.0) -> bool:
    """Ask the far end about one permission."""
    sources = open_sources(
        ClusterConnection(target=TARGET, kubeconfig=kubeconfig(folder / "k.json", url), context="reader")
    )
    try:
        return sources.may(permission, Deadline.after(seconds))
    finally:
        sources.close()


def test_subresource_group_and_namespace_are_asked_for(serve: Serve, tmp_path: Path) -> None:
    """`pods/log` is resource pods with subresource log, as RBAC has it."""
    far_end = serve(review(allowed=True))

    granted = ask(far_end.url, tmp_path, KubernetesPermission(verb="get", resource="pods/log", namespace="kube-system"))

    asked = json.loads(far_end.requests[0].split(b"\r\n\r\n")[1])["spec"]["resourceAttributes"]
    assert granted
    assert asked == {"verb": "get", "resource": "pods", "subresource": "log", "namespace": "kube-system"}


def test_a_path_is_asked_for_as_such(serve: Serve, tmp_path: Path) -> None:
    """`/openapi/v3/*` is no resource and is in no namespace."""
    far_end = serve(review(allowed=True))

    ask(far_end.url, tmp_path, KubernetesPermission(verb="get", resource="/openapi/v3/*"))

    asked = json.loads(far_end.requests[0].split(b"\r\n\r\n")[1])["spec"]
    assert asked == {"nonResourceAttributes": {"verb": "get", "path": "/openapi/v3/*"}}


def test_every_named_object_must_be_granted(serve: Serve, tmp_path: Path) -> None:
    """Two names, one of them refused: not granted."""
    far_end = serve(review(allowed=True), review(allowed=False))

    granted = ask(
        far_end.url, tmp_path, KubernetesPermission(verb="get", resource="configmaps", names=("coredns", "kube-proxy"))
    )

    names = [json.loads(one.split(b"\r\n\r\n")[1])["spec"]["resourceAttributes"]["name"] for one in far_end.requests]
    assert not granted
    assert names == ["coredns", "kube-proxy"]


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (review(allowed="yes"), SourceGarbled),
        (respond("200 OK", "<html>"), SourceGarbled),
        (respond("500 Internal Server Error", "{}"), EvidenceUnavailable),
        (hang, SourceTimeout),
    ],
    ids=["not a boolean", "html", "500", "hang"],
)
def test_no_answer_is_not_a_yes(serve: Serve, tmp_path: Path, act: Act, error: type[Exception]) -> None:
    """What is not an answer raises; it never reads as granted or as refused."""
    far_end = serve(act)

    with pytest.raises(error):
        ask(far_end.url, tmp_path, KubernetesPermission(verb="list", resource="nodes"), seconds=2)
