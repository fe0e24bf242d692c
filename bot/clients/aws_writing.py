"""Changes AWS, once: nothing is sent a second time, and an answer that is lost is told as such."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from bot.clients.answers import as_answer
from bot.clients.aws_errors import AWS_ERRORS, THROTTLED, aws_error, code_of, status_of
from bot.clients.aws_identity import AwsIdentity
from bot.clients.aws_reading import method_name
from bot.clients.time_limit import within
from bot.clients.wire_errors import never_sent
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.places import HOME, Place
from bot.errors import DnsBotError, EvidenceUnavailable, UnitError, WriteFailed

_FAILURES: tuple[type[Exception], ...] = (EvidenceUnavailable, *AWS_ERRORS)


class BotocoreWriter:
    """Implements `ports.AwsWriter`, with the writer role and no other credential. Every call ends by `deadline`."""

    def __init__(self, identity: AwsIdentity, deadline: Deadline, place: Place = HOME) -> None:
        """`identity` works at `place`; its region is where calls go."""
        self._identity = identity
        self._deadline = deadline
        self._place = place

    def write(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Send a change. Where AWS gave no code the text of `WriteFailed` begins `NoCredential: ` or `NoAnswer: `."""
        with within(self._deadline):
            self._log_in(service, operation)
            client = self._identity.client(service, self._place.region)
            method = method_name(client, service, operation)
            try:
                answer: dict[str, Any] = getattr(client, method)(**parameters)
            except ClientError as error:
                raise _refused(service, operation, error) from error
            except _FAILURES as error:
                raise _unanswered(service, operation, error) from error
        answer.pop("ResponseMetadata", None)
        done: RawObject = as_answer(answer, f"{service}:{operation}")
        return done

    def _log_in(self, service: str, operation: str) -> None:
        """Assume the role first: what fails here was certainly not sent."""
        try:
            self._identity.log_in()
        except ClientError as error:
            reason = aws_error(service, operation, error)
            raise WriteFailed(f"{code_of(error)}: {reason} Nothing was changed.") from error
        except _FAILURES as error:
            reason = error if isinstance(error, DnsBotError) else aws_error(service, operation, error)
            raise WriteFailed(f"NoCredential: {reason} Nothing was changed.") from error


def enter(identity: AwsIdentity, deadline: Deadline) -> None:
    """Assume the writer's role and send nothing as it. Raises `EvidenceUnavailable` where that is refused."""
    with within(deadline):
        try:
            identity.log_in()
        except AWS_ERRORS as error:
            raise aws_error("sts", "AssumeRole", error) from error


def _refused(service: str, operation: str, error: ClientError) -> WriteFailed:
    """EC2 throttles with 503, and what is throttled is not carried out (EC2 API Reference, "Request throttling")."""
    unclear = status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR and code_of(error) not in THROTTLED
    told = "The change may have been made: look before sending it again." if unclear else "Nothing was changed."
    message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    return WriteFailed(f"{code_of(error)}: {service}:{operation}: {message} {told}", ambiguous=unclear)


def _unanswered(service: str, operation: str, error: Exception) -> DnsBotError:
    known = error if isinstance(error, DnsBotError) else aws_error(service, operation, error)
    if isinstance(known, UnitError):
        return known
    lost = not never_sent(error)
    told = "The change may have been made: look before sending it again." if lost else "Nothing was changed."
    return WriteFailed(f"NoAnswer: {known} {told}", ambiguous=lost)
