from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from types import SimpleNamespace

import botocore.exceptions
import botocore.parsers
import pytest
import urllib3.exceptions
from kubernetes.client import exceptions as kubernetes_exceptions
from kubernetes.config import ConfigException
from pydantic import TypeAdapter, ValidationError

from bot.clients.aws_errors import AWS_ERRORS, aws_error
from bot.clients.kubernetes_api import kubernetes_error
from bot.clients.kubernetes_errors import KubernetesCall
from bot.clients.wire_errors import wire_error
from bot.errors import EvidenceUnavailable, SourceTimeout, SourceUnreachable, Unauthenticated, UnitError

CALL = KubernetesCall(verb="list", resource="pods", namespace="shop")


def classes_of(module: object, *roots: type[Exception]) -> list[type[Exception]]:
    """Return the error classes of a vendor's module."""
    found = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, roots)]
    return sorted(set(found), key=lambda kind: kind.__name__)


def bare(kind: type[Exception]) -> Exception:
    """Return an instance, without running the vendor's constructor where that wants arguments."""
    try:
        return kind()
    except (TypeError, KeyError):
        error = kind.__new__(kind)
        Exception.__init__(error, "told nothing")
        vars(error).update(partial=0, expected=1, length=b"x", response=SimpleNamespace(tell=lambda: 0))
        return error


BOTOCORE = classes_of(botocore.exceptions, botocore.exceptions.BotoCoreError)
URLLIB3 = classes_of(urllib3.exceptions, urllib3.exceptions.HTTPError)
KUBERNETES = classes_of(kubernetes_exceptions, kubernetes_exceptions.OpenApiException)


@pytest.mark.parametrize("kind", BOTOCORE, ids=lambda kind: kind.__name__)
def test_every_botocore_error_is_caught_and_becomes_ours(kind: type[Exception]) -> None:
    """A class that a newer botocore adds is one of ours too."""
    ours = aws_error("ec2", "DescribeVpcs", bare(kind))

    assert issubclass(kind, AWS_ERRORS)
    assert isinstance(ours, EvidenceUnavailable | UnitError)


@pytest.mark.parametrize("kind", URLLIB3, ids=lambda kind: kind.__name__)
def test_every_urllib3_error_becomes_ours(kind: type[Exception]) -> None:
    """The wire's errors, under both protocols."""
    assert type(wire_error("list pods", "api", bare(kind))) is not EvidenceUnavailable
    assert isinstance(kubernetes_error(CALL, "api", bare(kind)), EvidenceUnavailable)


@pytest.mark.parametrize("kind", KUBERNETES, ids=lambda kind: kind.__name__)
def test_every_kubernetes_error_becomes_ours(kind: type[Exception]) -> None:
    """Of the official client."""
    assert isinstance(kubernetes_error(CALL, "api", bare(kind)), EvidenceUnavailable)


def test_the_walk_reaches_the_vendors() -> None:
    """The tables above are not empty by a rename."""
    assert len(BOTOCORE) > 50
    assert len(URLLIB3) > 20
    assert len(KUBERNETES) > 7


def others() -> Iterator[tuple[Exception, type[EvidenceUnavailable]]]:
    """Yield errors of further libraries, with what they become."""
    yield ConfigException("no token"), Unauthenticated
    yield ssl.SSLCertVerificationError("self-signed certificate"), SourceUnreachable
    yield socket.gaierror(-2, "Name or service not known"), SourceUnreachable
    yield TimeoutError("timed out"), SourceTimeout
    yield ConnectionResetError(104, "reset"), SourceUnreachable
    yield kubernetes_exceptions.ApiException(status=0, reason="SSLError"), SourceUnreachable


@pytest.mark.parametrize(("error", "expected"), list(others()), ids=lambda value: type(value).__name__)
def test_errors_of_other_libraries(error: Exception, expected: type[EvidenceUnavailable]) -> None:
    """Sockets, TLS, the kubeconfig reader."""
    assert type(kubernetes_error(CALL, "https://api", error)) is expected


def test_a_schema_error_is_garbled() -> None:
    """pydantic, under the official client's models."""
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python("x")

    assert "does not fit its schema" in kubernetes_error(CALL, "https://api", raised.value).reason


def test_a_parser_error_is_caught() -> None:
    """Botocore's ResponseParserError is neither a ClientError nor a BotoCoreError."""
    error = botocore.parsers.ResponseParserError("no element found")

    assert isinstance(error, AWS_ERRORS)
    assert "not whole" in str(aws_error("ec2", "DescribeVpcs", error))
