from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from kubernetes.client.configuration import Configuration

from bot.clients.connection import ClusterConnection
from bot.clients.eks_token import TokenMaker
from bot.clients.identities import own_identity
from bot.clients.kubernetes_login import KubernetesLogin
from bot.clients.own_names import OwnNames
from bot.clients.sources import open_sources, open_writers
from bot.domain.deadline import Deadline
from bot.domain.ports import Resource
from bot.errors import AccessDenied, SourceGarbled, SourceTimeout, Unauthenticated, WriteFailed
from tests.clients.conftest import TARGET, Act, FarEnd, Serve, kubeconfig, respond, wire

READER = "arn:aws:iam::123456789012:role/dnsbot-read"
WRITER = "arn:aws:iam::123456789012:role/dnsbot-write"
ASSUMED = "<AssumeRoleResponse>"
HALF = (
    f"{ASSUMED}<AssumeRoleResult><Credentials><AccessKeyId>k</AccessKeyId></Credentials></AssumeRoleResult>"
    "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"
)
VPCS = respond(
    "200 OK",
    "<DescribeVpcsResponse><requestId>r</requestId><vpcSet/></DescribeVpcsResponse>",
    content_type="text/xml",
)
DONE = respond(
    "200 OK",
    "<CreateTagsResponse><requestId>r</requestId><return>true</return></CreateTagsResponse>",
    content_type="text/xml",
)
DENIED = respond(
    "403 Forbidden",
    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized: sts:AssumeRole</Message></Error>"
    "<RequestId>r</RequestId></ErrorResponse>",
    content_type="text/xml",
)


EXPIRED = respond(
    "400 Bad Request",
    "<ErrorResponse><Error><Code>RequestExpired</Code><Message>Request has expired</Message></Error>"
    "<RequestId>r</RequestId></ErrorResponse>",
    content_type="text/xml",
)


def assumed(key: str) -> Act:
    """Answer AssumeRole with credentials of this access key."""
    return respond(
        "200 OK",
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>",
        content_type="text/xml",
    )


def key_of(far_end: FarEnd, at: int) -> str:
    """Return the access key that signed a request."""
    return far_end.requests[at].split(b"Credential=")[1].split(b"/")[0].decode()


def test_the_reader_role_is_assumed_once(serve: Serve, aws_at: Callable[[str], None]) -> None:
    """Reads are signed with the role's credentials; CloudTrail shows `dnsbot-read`."""
    far_end = serve(assumed("ASIAREADER"), VPCS)
    aws_at(far_end.url)

    with closing(open_sources(ClusterConnection(target=TARGET, role_arn=READER))) as sources:
        for _ in range(2):
            sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")

    assert len(far_end.requests) == 3
    assert b"RoleSessionName=dnsbot-read" in far_end.requests[0]
    assert [key_of(far_end, at) for at in (0, 1, 2)] == ["dummy", "ASIAREADER", "ASIAREADER"]


def test_a_role_that_may_not_be_assumed_names_sts(serve: Serve, aws_at: Callable[[str], None]) -> None:
    """The permission that is missing is sts:AssumeRole, not the read behind it."""
    aws_at(serve(DENIED).url)

    with (
        closing(open_sources(ClusterConnection(target=TARGET, role_arn=READER))) as sources,
        pytest.raises(AccessDenied) as raised,
    ):
        sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")

    assert raised.value.grant == f"sts:AssumeRole on {READER}"
    assert "Grant `sts:AssumeRole on" in raised.value.reason
    assert "have the role's trust policy name it" in raised.value.reason


def test_a_request_for_a_role_that_came_too_late_is_a_matter_of_credentials(
    serve: Serve, aws_at: Callable[[str], None]
) -> None:
    """A clock that is wrong, or credentials that ended: no permission is missing, and none is named."""
    aws_at(serve(EXPIRED).url)

    with (
        closing(open_sources(ClusterConnection(target=TARGET, role_arn=READER))) as sources,
        pytest.raises(Unauthenticated, match=r"Cannot call sts:AssumeRole.*RequestExpired"),
    ):
        sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")


@pytest.mark.parametrize(
    ("content", "content_type", "told"),
    [
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "text/html", r"has no AssumeRoleResult"),
        ("{}", "application/json", r"has no AssumeRoleResult"),
        ("", "text/xml", r"has no AssumeRoleResult"),
        (f"{ASSUMED}<ResponseMetadata/></AssumeRoleResponse>", "text/xml", r"has no AssumeRoleResult"),
        (HALF, "text/xml", r"has no SecretAccessKey"),
    ],
    ids=["HTML", "JSON", "empty", "no result", "half a credential"],
)
def test_an_answer_of_sts_that_is_none_is_garbled(
    content: str, content_type: str, told: str, serve: Serve, aws_at: Callable[[str], None]
) -> None:
    """A proxy's page says nothing of the role; the call is named, and what was looked for in its answer."""
    aws_at(serve(respond("200 OK", content, content_type=content_type)).url)

    with (
        closing(open_sources(ClusterConnection(target=TARGET, role_arn=READER))) as sources,
        pytest.raises(SourceGarbled, match=f"Cannot call sts:AssumeRole.*{told}"),
    ):
        sources.aws(Deadline.after(30)).read("ec2", "DescribeVpcs")


def test_writes_use_the_writer_role_under_the_plans_name(serve: Serve, aws_at: Callable[[str], None]) -> None:
    """Only the writer role is assumed, and CloudTrail shows the plan."""
    far_end = serve(assumed("ASIAWRITER"), DONE)
    aws_at(far_end.url)
    connection = ClusterConnection(target=TARGET, role_arn=READER, writer_role_arn=WRITER)

    with closing(open_writers(connection, plan_id="plan/7")) as writers:
        writers.aws(Deadline.after(30)).write("ec2", "CreateTags", Resources=["sg-1"], Tags=[])

    assert b"dnsbot-write" in far_end.requests[0]
    assert b"RoleSessionName=dnsbot-plan-7" in far_end.requests[0]
    assert READER.encode() not in b"".join(far_end.requests)
    assert key_of(far_end, 1) == "ASIAWRITER"


def test_a_writer_role_that_may_not_be_assumed_changes_nothing(serve: Serve, aws_at: Callable[[str], None]) -> None:
    """The text begins with AWS' code, and nothing is ambiguous."""
    far_end = serve(DENIED)
    aws_at(far_end.url)

    with (
        closing(open_writers(ClusterConnection(target=TARGET, writer_role_arn=WRITER))) as writers,
        pytest.raises(WriteFailed, match=r"^AccessDenied: .*Nothing was changed") as raised,
    ):
        writers.aws(Deadline.after(30)).write("ec2", "CreateTags", Resources=["sg-1"], Tags=[])

    assert not raised.value.ambiguous
    assert len(far_end.requests) == 1


def test_writers_that_are_not_configured_say_what_to_set() -> None:
    """No writer: no write, and the setting's name."""
    writers = open_writers(ClusterConnection(target=TARGET, kubeconfig="k.yaml"))

    with pytest.raises(WriteFailed, match="Set `writer_role_arn`"):
        writers.aws(Deadline.after(1))
    with pytest.raises(WriteFailed, match="Set `writer_context`"):
        writers.cluster(Deadline.after(1))


def test_the_writing_context_is_used_for_writes_alone(tmp_path: Path, serve: Serve) -> None:
    """The patch carries the writer's token."""
    far_end = serve(respond("200 OK", '{"kind":"Deployment","metadata":{"name":"web"}}'))
    path = kubeconfig(tmp_path / "k.json", far_end.url)
    connection = ClusterConnection(target=TARGET, kubeconfig=path, context="reader", writer_context="writer")

    with closing(open_writers(connection)) as writers:
        writers.cluster(Deadline.after(30)).patch(
            Resource(group="apps", plural="deployments"), "web", {"spec": {}}, namespace="shop"
        )

    assert b"Bearer writer-token" in far_end.requests[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "context", id="empty"),
        pytest.param("{unclosed", "context", id="no YAML"),
        pytest.param(
            '{"apiVersion": "v1", "contexts": [], "clusters": [], "users": []}', "absent", id="no such context"
        ),
    ],
)
def test_a_bad_kubeconfig_is_the_operators(text: str, told: str, tmp_path: Path, aws_at: Callable[[str], None]) -> None:
    """The message names the file and what to correct."""
    aws_at("http://127.0.0.1:1")
    path = tmp_path / "kubeconfig.yaml"
    path.write_text(text)
    connection = ClusterConnection(target=TARGET, kubeconfig=str(path), context="absent")

    with closing(open_sources(connection)) as sources, pytest.raises(Unauthenticated, match=told) as raised:
        sources.cluster(Deadline.after(30)).list(Resource(plural="pods"), dict)

    assert str(path) in raised.value.reason


def test_a_slow_credential_plugin_is_named_by_all_who_wait_for_it(
    tmp_path: Path, serve: Serve, aws_at: Callable[[str], None]
) -> None:
    """Who called first gets the plugin's token when it comes; everybody else gives up in time and says why."""
    far_end = serve(respond("200 OK", '{"kind":"PodList","metadata":{},"items":[]}'))
    aws_at(far_end.url)
    begun, gate, plugin = (tmp_path / name for name in ("begun", "gate", "plugin"))
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "mine"},
    }
    waiting = f"for _ in $(seq 400); do [ -e {gate} ] && break; sleep 0.05; done"
    plugin.write_text(f"#!/bin/sh\ntouch {begun}\n{waiting}\necho '{json.dumps(credential)}'\n")
    plugin.chmod(0o700)
    path = Path(kubeconfig(tmp_path / "kubeconfig.json", far_end.url))
    document = json.loads(path.read_text())
    document["users"][0]["user"] = {
        "exec": {"apiVersion": credential["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}
    }
    path.write_text(json.dumps(document))

    with (
        closing(open_sources(ClusterConnection(target=TARGET, kubeconfig=str(path)))) as sources,
        ThreadPoolExecutor(1) as beside,
    ):
        first = beside.submit(sources.cluster(Deadline.after(20)).list, Resource(plural="pods"), dict)
        while not begun.exists():
            time.sleep(0.02)
        with pytest.raises(SourceTimeout, match=f"waiting for the credential plugin of the kubeconfig {path}"):
            sources.cluster(Deadline.after(0.3)).list(Resource(plural="pods"), dict)
        gate.touch()
        found = first.result(20)

    assert found == []
    assert b"authorization: bearer mine" in far_end.requests[0].lower()


def test_a_credential_that_was_looked_at_a_moment_ago_is_not_looked_at_again() -> None:
    """A diagnosis makes hundreds of calls a second. A kubeconfig's hook puts itself back each time it is called."""
    looked: list[object] = []

    def renew(configuration: Configuration) -> None:
        looked.append(configuration)
        configuration.refresh_api_key_hook = renew  # type: ignore[assignment]

    def configure() -> Configuration:
        configuration = Configuration(host="http://127.0.0.1:9", api_key={"BearerToken": "t"})
        configuration.refresh_api_key_hook = renew  # type: ignore[assignment]
        return configuration

    with closing(KubernetesLogin(configure, waits_for="nothing", names=OwnNames(), pool_size=1)) as login:
        for _ in range(3):
            login.serialised(method="GET", resource_path="/version")

    assert len(looked) == 1


def test_without_kubeconfig_the_eks_endpoint_is_used_with_a_token(serve: Serve, aws_at: Callable[[str], None]) -> None:
    """Endpoint from eks:DescribeCluster, once; token from STS, signed for the cluster's name."""
    pods = respond("200 OK", '{"kind":"PodList","metadata":{},"items":[]}')
    api_server = serve(pods)
    certificate = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n").decode()
    cluster = {"name": "cluster-prod", "endpoint": api_server.url, "certificateAuthority": {"data": certificate}}
    aws = serve(respond("200 OK", json.dumps({"cluster": cluster}), "x-amzn-RequestId: r"))
    aws_at(aws.url)

    with closing(open_sources(ClusterConnection(target=TARGET))) as sources:
        for _ in range(2):
            sources.cluster(Deadline.after(30)).list(Resource(plural="pods"), dict)

    assert aws.paths() == ["/clusters/cluster-prod"]
    token = api_server.requests[0].split(b"Bearer k8s-aws-v1.")[1].split(b"\r\n")[0]
    url = base64.urlsafe_b64decode(token + b"==").decode()
    assert url.startswith(f"{aws.url}/?Action=GetCallerIdentity&Version=2011-06-15")
    assert "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id" in url
    assert "X-Amz-Expires=60" in url


@pytest.fixture
def clock() -> Iterator[SimpleNamespace]:
    """Return a clock that a test sets."""
    return SimpleNamespace(now=0.0)


def test_a_token_is_made_again_before_it_ends(clock: SimpleNamespace, aws_at: Callable[[str], None]) -> None:
    """Kept for ten minutes of its fifteen."""
    aws_at("http://127.0.0.1:1")
    identity = own_identity(retries=False, wire=wire())
    made: list[str] = []

    def sts() -> object:
        made.append("sts")
        return identity.client("sts")

    maker = TokenMaker("cluster-prod", "eu-west-1", sts, lambda: cast("float", clock.now))
    first = maker.token()
    clock.now = 599.0
    assert maker.token() == first
    clock.now = 601.0
    maker.token()

    assert len(made) == 2
