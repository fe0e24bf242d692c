"""What went wrong on the wire, in our words: urllib3, sockets, TLS and our own name lookups.

The innermost known error decides: urllib3 wraps what a socket raised, sometimes twice.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import urllib3.exceptions as urllib3_errors

from bot.errors import EvidenceUnavailable, SourceGarbled, SourceTimeout, SourceUnreachable

WIRE_ERRORS: tuple[type[Exception], ...] = (urllib3_errors.HTTPError, http.client.HTTPException, OSError)
"""All that a connection may raise; `ssl.SSLError`, `TimeoutError` and `gaierror` are OSErrors."""

_TIMED_OUT = (urllib3_errors.TimeoutError, TimeoutError)
_REFUSED = urllib3_errors.NewConnectionError
"""For urllib3 a kind of time-out."""

_CUT = (
    http.client.IncompleteRead,
    urllib3_errors.IncompleteRead,
    urllib3_errors.InvalidChunkLength,
    urllib3_errors.DecodeError,
    urllib3_errors.ResponseNotChunked,
    urllib3_errors.BodyNotHttplibCompatible,
    urllib3_errors.InvalidHeader,
    urllib3_errors.HeaderParsingError,
    http.client.LineTooLong,
    http.client.UnknownProtocol,
)
_NEVER_SENT = (
    urllib3_errors.NewConnectionError,
    urllib3_errors.ConnectTimeoutError,
    socket.gaierror,
    ssl.SSLCertVerificationError,
    ConnectionRefusedError,
)


def wire_error(what: str, host: str, error: BaseException) -> EvidenceUnavailable:
    """Return our error for one that a connection raised while doing `what` ("list pods") at `host`."""
    causes = tuple(_causes(error))
    if _any(causes, (socket.gaierror, urllib3_errors.NameResolutionError)):
        return SourceUnreachable(
            f"Cannot {what}: the bot's own name lookup of {host} failed ({_innermost(causes)}). "
            "The bot must not depend on the cluster's DNS: run it with dnsPolicy Default; check its node's resolver."
        )
    if _any(causes, (ssl.SSLCertVerificationError,)):
        return SourceUnreachable(
            f"Cannot {what}: the certificate of {host} is not trusted ({_innermost(causes)}). Check the CA configured."
        )
    if any(isinstance(cause, _TIMED_OUT) and not isinstance(cause, _REFUSED) for cause in causes):
        return SourceTimeout(
            f"Cannot {what}: {host} gave no whole answer in time. Check the route to it, then ask again."
        )
    if _any(causes, _CUT) or _bad_status_line(causes):
        return SourceGarbled(f"Cannot {what}: the answer of {host} was cut or is not HTTP ({_innermost(causes)}).")
    return SourceUnreachable(
        f"Cannot {what}: no connection to {host} that holds ({_innermost(causes)}). Check its address and the route."
    )


def never_sent(error: BaseException) -> bool:
    """Return whether the request cannot have reached the far end."""
    return _any(tuple(_causes(error)), _NEVER_SENT)


def _bad_status_line(causes: tuple[BaseException, ...]) -> bool:
    """Tell an answer that is no HTTP from a connection closed before any answer (a subclass of it)."""
    return any(
        isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, http.client.RemoteDisconnected)
        for cause in causes
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [getattr(found, "reason", None), *found.args, found.__cause__]


def _any(causes: tuple[BaseException, ...], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _innermost(causes: tuple[BaseException, ...]) -> str:
    last = causes[-1]
    return f"{type(last).__name__}: {last}"[:300]
