"""Why a call to the Kubernetes API did not work, as client-go words it in CoreDNS's and kube-proxy's logs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class ApiFailureKind(StrEnum):
    """What came back, or did not. Each says something else about where to look."""

    FORBIDDEN = "forbidden"
    """403: known, and not allowed."""
    UNAUTHORIZED = "unauthorized"
    """401: the token is not accepted."""
    X509 = "x509"
    """The server's certificate is not trusted: the CA or the certificate was replaced."""
    FAILING = "answered with an error"
    """5xx, 429, or a time-out of its own store behind it: the API server answers, and cannot do it."""
    TIMEOUT = "timeout"
    """No answer from the address that was dialled: packets are dropped."""
    TLS_TIMEOUT = "TLS handshake timeout"
    """The address took the connection, so packets are not dropped on the way; the handshake did not end in time."""
    REFUSED = "connection refused"
    """The address answers, nothing listens."""
    NO_ROUTE = "no route to host"
    UNREACHABLE = "network is unreachable"
    NO_SUCH_HOST = "no such host"
    """The client's own name lookup failed."""
    LOST = "connection lost"
    OTHER = "no reason given"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFailure:
    """One failed call."""

    kind: ApiFailureKind
    verb: str = ""
    """get, list or watch; empty where the line does not say."""
    resource: str = ""
    """Plural without group: `endpointslices`; empty where the line does not say."""
    subject: str = ""
    """Who was refused: `system:serviceaccount:kube-system:coredns`."""
    target: str = ""
    """host:port that was called, where the line says."""
    host: str = ""
    """Host in the URL that was called, lower case; empty where the line shows none."""


_REASONS: tuple[tuple[ApiFailureKind, tuple[str, ...]], ...] = (
    (ApiFailureKind.FORBIDDEN, ("forbidden", " cannot list ", " cannot watch ", " cannot get ")),
    (ApiFailureKind.UNAUTHORIZED, ("unauthorized", "asked for the client to provide credentials")),
    (ApiFailureKind.X509, ("x509:", "tls: failed to verify certificate", "tls: bad certificate")),
    (
        ApiFailureKind.FAILING,
        (
            "too large resource version",
            "etcdserver: ",
            "an error on the server",
            "internal error occurred",
            "the server is currently unable to handle the request",
            "unable to return a response in the time allotted",
            "has received too many requests",
            "the server was unable to respond",
            "too many requests",
            "storage is (re)initializing",
            "apiserver not ready",
            "the server has asked for the client to retry",
            "timeout: request did not complete within",
        ),
    ),
    (ApiFailureKind.NO_SUCH_HOST, ("no such host", "server misbehaving")),
    (ApiFailureKind.REFUSED, ("connection refused",)),
    (ApiFailureKind.NO_ROUTE, ("no route to host",)),
    (ApiFailureKind.UNREACHABLE, ("network is unreachable",)),
    (ApiFailureKind.TLS_TIMEOUT, ("tls handshake timeout",)),
    (ApiFailureKind.TIMEOUT, ("timeout", "timed out", "context deadline exceeded")),
    (ApiFailureKind.LOST, ("connection reset", "connection lost", "broken pipe", ": eof", "unexpected eof")),
)
_ABOUT_THE_API = re.compile(
    r"failed to (?:list|watch)(?= \*|[\":]|\s*$)|\bget \"?https://|failed to retrieve node info|"
    r"\bcannot (?:list|watch|get) |\bis forbidden: user ",
    re.IGNORECASE,
)
_REFUSED_WRITE = re.compile(r"\bcannot (?:create|patch|update) ", re.IGNORECASE)
_KIND = re.compile(r"\*v\w+\.([A-Z]\w+)")
_REFUSED_VERB = re.compile(r'\bcannot (get|list|watch)\s+(?:resource\s+)?"?([a-z]+)')
_FORBIDDEN_RESOURCE = re.compile(r'(?<![a-z0-9.])([a-z]{1,63})(?:\.[a-z0-9.]{1,253})? (?:"[^"]{0,253}" )?is forbidden')
_URL_RESOURCE = re.compile(r"https://[^\s/\"]{1,300}/(?:api/v\w+|apis/[\w.]+/v\w+)/(?:namespaces/[\w-]+/)?([a-z]+)")
_URL_HOST = re.compile(r"https://([^\s/\"]{1,300})/")
_UNKNOWN_RESOURCE = re.compile(r"unknown \((get|list|watch) ([a-z]+)")
_DIALLED = re.compile(r"dial tcp (\S{1,300}:\d+)(?=[:\s])")
_READ_FROM = re.compile(r"read tcp \S{1,300}->(\S{1,300}:\d+)(?=[:\s])")
_SUBJECT = re.compile(r'\bUser "([\w:.@/-]{1,300})"')
_URL = re.compile(r"https?://[^\s\"]+")
_VERB = re.compile(r"failed to (list|watch)(?= \*|[\":]|\s*$)", re.IGNORECASE)
"""client-go's words; kube-proxy also fails to list chains, sets and conntrack entries."""


def api_failure(text: str) -> ApiFailure | None:
    """Return the failed API call that a line reports, or None when it reports none. Total over all text.

    A refused write is none: kube-proxy writes events alone, and CoreDNS nothing that lookups need.
    Newer client-go lines hold the error as a quoted value (`err="…"`): its quotes are read as bare ones.
    """
    text = text.replace('\\"', '"')
    if not _ABOUT_THE_API.search(text) or _REFUSED_WRITE.search(text):
        return None
    lowered = _URL.sub("", text).lower()  # a watch's URL holds `timeoutSeconds`
    kind = next(
        (kind for kind, words in _REASONS if any(word in lowered for word in words)),
        ApiFailureKind.OTHER,
    )
    url = _URL_HOST.search(text)
    dialled = _DIALLED.search(text) or _READ_FROM.search(text) or url
    if kind is ApiFailureKind.TIMEOUT and dialled is None:
        kind = ApiFailureKind.OTHER  # whose patience ended is open: nothing says that an address did not answer
    if kind is ApiFailureKind.OTHER and not _VERB.search(text):
        return None  # an https URL in passing, for example in a deprecation notice
    verb, resource = _verb_and_resource(text)
    subject = _SUBJECT.search(text)
    return ApiFailure(
        kind=kind,
        verb=verb,
        resource=resource,
        subject=subject.group(1) if subject else "",
        target=dialled.group(1) if dialled else "",
        host=_host(url.group(1)) if url else "",
    )


def _verb_and_resource(text: str) -> tuple[str, str]:
    refused = _REFUSED_VERB.search(text) or _UNKNOWN_RESOURCE.search(text)
    if refused:
        return refused.group(1), refused.group(2)
    said = _VERB.findall(text)
    verb = said[-1].lower() if said else ""
    kind = _KIND.search(text)
    if kind:
        name = kind.group(1).lower()
        return verb, name if name.endswith("s") else f"{name}s"
    found = _FORBIDDEN_RESOURCE.search(text) or _URL_RESOURCE.search(text)
    if found:
        return verb, found.group(1)
    return ("get", "nodes") if "node info" in text.lower() else (verb, "")


def _host(authority: str) -> str:
    """Return the host of `host`, `host:port` or `[IPv6]:port`."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()
