"""What `--deny` names: calls that the far ends refuse. A word that would refuse nothing is an error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

import botocore.exceptions
import botocore.session

from bot.domain.phrases import nearest
from bot.errors import ConfigurationError
from bot.sandbox.kubernetes.resources import ACCESS_REVIEWS, STORED

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update")
_CALLS = frozenset(
    {
        *(f"{verb} {kind.plural}" for kind in STORED for verb in _VERBS),
        f"create {ACCESS_REVIEWS.plural}",
        "get pods/log",
        "create pods/exec",
    }
)
_FORMS = (
    "Give an AWS action as ec2:DescribeVpcs or ec2:Describe*, a Kubernetes call as `list pods` or list/pods: verb, then"
    " resource."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCalls:
    """Calls to refuse, as each far end names them."""

    aws: tuple[str, ...]
    kubernetes: tuple[str, ...]

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Return the calls that these words name. Raises `ConfigurationError` for one that names none."""
        aws: list[str] = []
        kubernetes: list[str] = []
        for word in words:
            service, colon, operation = word.partition(":")
            if colon:
                _check_action(word, service, operation)
                aws.append(word)
            else:
                kubernetes.append(_call(word))
        return cls(aws=tuple(aws), kubernetes=tuple(kubernetes))


def _check_action(word: str, service: str, operation: str) -> None:
    session = botocore.session.get_session()
    try:
        known = session.get_service_model(service).operation_names
    except botocore.exceptions.UnknownServiceError:
        services = nearest(service, session.get_available_services(), "service")
        raise ConfigurationError(f"--deny {word}: AWS has no service {service!r}. {services} {_FORMS}") from None
    if not any(fnmatchcase(name, operation) for name in known):
        hint = nearest(operation, known, f"{service} operation")
        raise ConfigurationError(f"--deny {word}: {service} has no operation {operation!r}. {hint} {_FORMS}")


def _call(word: str) -> str:
    """Return `list pods` for `list/pods` as well."""
    call = word if " " in word else word.replace("/", " ", 1)
    if call not in _CALLS:
        raise ConfigurationError(
            f"--deny {word}: the sandbox serves no such call. {nearest(call, _CALLS, 'call')} {_FORMS}"
        )
    return call
