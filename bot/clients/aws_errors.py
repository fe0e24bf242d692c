"""AWS' refusals and failures, in our words."""

from __future__ import annotations

import re
from http import HTTPStatus

import botocore.exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from bot.clients.wire_errors import WIRE_ERRORS, wire_error
from bot.domain.places import HOME, Place
from bot.errors import (
    AccessDenied,
    DnsBotError,
    EvidenceUnavailable,
    NotFound,
    SourceGarbled,
    SourceTimeout,
    SourceUnreachable,
    Unauthenticated,
    UnitError,
)

AWS_ERRORS: tuple[type[Exception], ...] = (
    botocore_errors.BotoCoreError,
    botocore_errors.ClientError,
    ResponseParserError,
    *WIRE_ERRORS,
    ValueError,
)
"""All that a botocore client may raise; ResponseParserError is neither a ClientError nor a BotoCoreError."""

THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "PriorRequestNotComplete",
        "BandwidthLimitExceeded",
        "SlowDown",
        "EC2ThrottledException",
    }
)
_UNAUTHENTICATED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "AuthFailure",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "InvalidIdentityToken",
        "TokenRefreshRequired",
    }
)
_DENIED = re.compile(r"^(Client\.)?(AccessDenied|UnauthorizedOperation|UnauthorizedAccess|NotAuthorized|Forbidden)")
_PERFORM = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)")
"""Names the action that was refused, which is another than the operation where that tags what it creates."""
_DENIED_BY = re.compile(r"(?:explicit deny in|because no) (?:an? |the )?([\w -]{0,80}?(?:policy|boundary))\b")
"""Says which policy refuses (IAM User Guide, "Troubleshoot access denied error messages")."""
_USER = re.compile(r"^User: (\S+) is not authorized")
"""Names the identity that was refused."""
_ROLE_POLICY = "identity-based policy"
_ENCODED = "Encoded authorization failure message:"
"""Begins a text that only sts:DecodeAuthorizationMessage can read, and that names the action."""
_NOT_FOUND = re.compile(r"(NotFound|NotFoundException|\.NotFound\w*|^NoSuch\w+)$")
_OUR_MISTAKES = (
    botocore_errors.ParamValidationError,
    botocore_errors.ValidationError,
    botocore_errors.UnknownServiceError,
    botocore_errors.OperationNotPageableError,
    botocore_errors.MissingParametersError,
    botocore_errors.UnknownParameterError,
    botocore_errors.UnknownKeyError,
)
_NO_CREDENTIAL = (
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.MetadataRetrievalError,
    botocore_errors.TokenRetrievalError,
    botocore_errors.NoAuthTokenError,
    botocore_errors.SSOError,
    botocore_errors.RefreshWithMFAUnsupportedError,
    botocore_errors.InfiniteLoopConfigError,
    botocore_errors.UnknownCredentialError,
    botocore_errors.ProfileNotFound,
)
_GARBLED = (
    ResponseParserError,
    botocore_errors.PaginationError,
    botocore_errors.IncompleteReadError,
    botocore_errors.ResponseStreamingError,
    botocore_errors.ChecksumError,
)
_TIMED_OUT = (botocore_errors.ConnectTimeoutError, botocore_errors.ReadTimeoutError)


_IAM_NAMES = {"lambda:Invoke": "lambda:InvokeFunction"}
"""Operations that IAM spells otherwise (Service Authorization Reference)."""


class RoleNotAssumed(botocore_errors.ClientError):  # type: ignore[misc]  # botocore has no types
    """AWS refused to let us become a role; whatever was to be asked as that role was not sent."""

    def __init__(self, error: botocore_errors.ClientError, role_arn: str) -> None:
        super().__init__(error.response, error.operation_name)
        self.role_arn = role_arn


def aws_error(service: str, operation: str, error: Exception, place: Place = HOME) -> DnsBotError:
    """Return our error for one that `service:operation` ended with, at this place.

    An `EvidenceUnavailable`, or `UnitError` where the call itself was malformed.
    """
    where = "" if place == HOME else f" at {place}"
    action = f"{service}:{operation}{where}"
    if isinstance(error, botocore_errors.ClientError):
        return _refusal(service, error, where)
    if isinstance(error, _OUR_MISTAKES):
        return UnitError(f"{action} is called wrongly: {error}")
    if isinstance(error, _NO_CREDENTIAL):
        return Unauthenticated(f"Cannot call {action}: no AWS credential ({error}). Give the bot a role or a profile.")
    if isinstance(error, _GARBLED):
        return SourceGarbled(f"Cannot call {action}: the answer is not whole ({_one_line(error)}). Ask again.")
    if isinstance(error, _TIMED_OUT):
        return SourceTimeout(f"Cannot call {action}: no whole answer in time. Check the route to AWS, then ask again.")
    if isinstance(error, WIRE_ERRORS) and not isinstance(error, botocore_errors.BotoCoreError):
        return wire_error(f"call {action}", f"the {service} endpoint", error)
    if isinstance(error, botocore_errors.HTTPClientError | botocore_errors.ConnectionError):
        return SourceUnreachable(f"Cannot call {action}: no connection to AWS ({_one_line(error)}).")
    return EvidenceUnavailable(f"Cannot call {action}: {type(error).__name__}: {_one_line(error)}")


def code_of(error: botocore_errors.ClientError) -> str:
    """Return the AWS error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: botocore_errors.ClientError) -> int:
    """Return the HTTP status."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _refusal(service: str, error: botocore_errors.ClientError, where: str) -> EvidenceUnavailable:
    """`where` is the place that was asked, with its preposition; empty: the cluster's own."""
    code, status = code_of(error), status_of(error)
    assuming = error.operation_name.startswith("AssumeRole")
    where = f" on {error.role_arn}" if isinstance(error, RoleNotAssumed) else where
    action = f"{'sts' if assuming else service}:{error.operation_name}"
    action = _IAM_NAMES.get(action, action)
    message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    said = f"Cannot call {action}{where}: {code}: {_one_line(message).rstrip('.')}."
    if code in _UNAUTHENTICATED:
        return Unauthenticated(f"{said} AWS does not accept the credential: renew it, or check the bot's role.")
    if _DENIED.match(code):
        return _denied(action, said, message, where)
    if code in THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceUnreachable(f"{said} AWS throttles this account; ask again in a minute.")
    if _NOT_FOUND.search(code):
        return NotFound(said)
    if status == HTTPStatus.FORBIDDEN:
        return _denied(action, said, message, where)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnreachable(f"{said} The service is failing; ask again later.")
    return EvidenceUnavailable(said)


def _denied(action: str, said: str, message: str, where: str) -> AccessDenied:
    """Return the refusal, told as `said`. AWS names the action and the policy at the end of a long `message`.

    `where` is the place that was asked, or the role that was to be assumed, with its preposition.
    """
    named, by, user = _PERFORM.search(message), _DENIED_BY.search(message), _USER.search(message)
    grant = (named[1] if named else action) + where
    if by and (by[1] != _ROLE_POLICY or "explicit deny" in message):
        return AccessDenied(f"{said} Have `{grant}` allowed there: the {by[1]} refuses it.", grant=grant)
    if action.startswith("sts:AssumeRole"):
        who = user[1] if user else "the bot's own identity"
        return AccessDenied(f"{said} Grant `{grant}` to {who}, and have the role's trust policy name it.", grant=grant)
    text, encoded, _ = said.partition(_ENCODED)
    if encoded and not named:
        told = f"Grant `{grant}`, or what it needs besides: AWS names the action only in an encoded message."
        return AccessDenied(f"{text.rstrip()} {told}", grant=grant)
    return AccessDenied(f"{said} Grant `{grant}`.", grant=grant)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:400]
