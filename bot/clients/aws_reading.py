"""Reads AWS: operations that describe, get or list, all pages of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.clients.answers import as_answer
from bot.clients.aws_errors import AWS_ERRORS, aws_error
from bot.clients.aws_identity import AwsIdentity
from bot.clients.time_limit import within
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.errors import SourceGarbled, UnitError

_READS = ("Describe", "Get", "List")


class BotocoreReader:
    """Implements `ports.AwsReader`. Every call, all its pages and retries included, ends by `deadline`."""

    def __init__(self, identity: AwsIdentity, deadline: Deadline) -> None:
        self._identity = identity
        self._deadline = deadline

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """See `AwsReader.read`. `ResponseMetadata` is left out."""
        if not operation.startswith(_READS):
            raise UnitError(f"{service}:{operation} is no read: a reader calls Describe…, Get… and List… only.")
        with within(self._deadline):
            try:
                answer = self._call(service, operation, parameters)
            except AWS_ERRORS as error:
                raise aws_error(service, operation, error) from error
        answer.pop("ResponseMetadata", None)
        found: RawObject = as_answer(answer, f"{service}:{operation}")
        return found

    def _call(self, service: str, operation: str, parameters: dict[str, object]) -> RawObject:
        client = self._identity.client(service)
        method = method_name(client, service, operation)
        if not client.can_paginate(method):
            answer: RawObject = getattr(client, method)(**parameters)
            return answer
        paginator = client.get_paginator(method)
        keys = [str(key.expression) for key in paginator.result_keys]
        return _joined(paginator.paginate(**parameters), keys, f"{service}:{operation}")


def method_name(client: Any, service: str, operation: str) -> str:  # noqa: ANN401  # botocore makes its classes at run time
    """Return the client's method for an operation as IAM spells it."""
    for method, known in client.meta.method_to_api_mapping.items():
        if known == operation:
            return str(method)
    raise UnitError(f"{service} has no operation {operation}: it is spelt as in IAM, `DescribeVpcs`.")


def _joined(pages: Iterable[RawObject], keys: list[str], action: str) -> RawObject:
    """Return the first page with the list members of the others appended. A page without them is garbled."""
    whole: RawObject = {}
    for page in pages:
        if keys[0] not in page:
            raise SourceGarbled(f"{action} answered a page without `{keys[0]}`: not a whole answer. Ask again.")
        if not whole:
            whole = dict(page)
            continue
        for key in keys:
            if isinstance(page.get(key), list):
                whole[key] = [*whole.get(key, []), *page[key]]
    return whole
