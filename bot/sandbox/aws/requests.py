"""What an HTTP request asks of which AWS service."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import get_account_id_from

from bot.sandbox.aws.api_models import Protocol, protocol_of, rest_operation
from bot.sandbox.world.access_keys import account_of

_READS = ("Describe", "Get", "List", "Search", "Lookup", "AssumeRole")
_OTHERWISE_IN_IAM = {"lambda:Invoke": "lambda:InvokeFunction"}
"""Calls that policies name otherwise (Service Authorization Reference, Lambda)."""
_SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")

_PREFIXES: Mapping[str, str] = {"monitoring": "cloudwatch"}
"""IAM's prefix of services that sign requests by another name (Service Authorization Reference)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call."""

    service: str
    """IAM's prefix, which the credential scope names but for `_PREFIXES`: `ec2`."""
    operation: str
    """As IAM spells it: `DescribeVpcs`; empty when the path says nothing known."""
    region: str
    access_key: str
    account: str
    """The account that the key belongs to."""
    parameters: Mapping[str, str]
    """Of the query string and a form; without the members of lists."""
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    dry_run: bool
    tags: bool
    """Whether it tags what it creates."""

    @property
    def action(self) -> str:
        """Return `ec2:DescribeVpcs`."""
        return f"{self.service}:{self.operation or f'{self.method} {self.path}'}"

    @property
    def protocol(self) -> Protocol:
        """How the service writes."""
        return protocol_of(self.service)

    @property
    def only_reads(self) -> bool:
        """Whether nothing changes by it, going by its name."""
        return self.dry_run or self.operation.startswith(_READS)

    @property
    def judged(self) -> tuple[str, ...]:
        """Return the actions that policies must allow: tagging on creation takes one more (EC2 User Guide)."""
        action = _OTHERWISE_IN_IAM.get(self.action, self.action)
        return (action, "ec2:CreateTags") if self.tags else (action,)


def read_call(environ: dict[str, Any]) -> Call | None:
    """Return the call in this WSGI environment, or None when the request is not signed for any service.

    The body is read and put back. A presigned URL (an EKS token) gets the Authorization header it stands for.
    """
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    credential = query.get("X-Amz-Credential", "")
    if credential and "HTTP_AUTHORIZATION" not in environ:
        signed = query.get("X-Amz-SignedHeaders", "host")
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature=0"
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return None
    service = _PREFIXES.get(scope["service"], scope["service"])
    form = {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
    return Call(
        service=service,
        operation=_operation(service, environ, {**query, **form}),
        region=scope["region"],
        access_key=scope["key"],
        account=account_of(scope["key"]) or get_account_id_from(scope["key"]),
        parameters={**query, **form},
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "/"),
        query=query,
        body=body,
        tags=service == "ec2" and any(key.startswith("TagSpecification.") for key in form),
        dry_run=service == "ec2" and form.get("DryRun", "").lower() == "true",
    )


def _operation(service: str, environ: dict[str, Any], form: dict[str, str]) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    named = target.rpartition(".")[2] if target else form.get("Action", "")
    return named or rest_operation(service, environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
