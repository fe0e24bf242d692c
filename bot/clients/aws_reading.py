"""Reads AWS: operations that describe, get, list, look up or search, all pages of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from bot.clients.answers import MAX_PARTS, as_answer
from bot.clients.aws_errors import AWS_ERRORS, aws_error
from bot.clients.aws_identity import AwsIdentity
from bot.clients.kept import Kept
from bot.clients.room import Room, in_room
from bot.clients.time_limit import within
from bot.domain.deadline import Deadline
from bot.domain.json_values import RawObject
from bot.domain.places import HOME, Place
from bot.errors import SourceGarbled, UnitError

T = TypeVar("T")

_READS = ("Describe", "Get", "List", "Lookup", "Search")

MAX_READ_BYTES = 8 * 1024 * 1024
"""Of all pages that are held as AWS answered them."""
MAX_LIST_BYTES = 128 * 1024 * 1024
"""Of all pages whose items become values as they come."""
PAGE_ITEMS = 500
"""Asked for at once where items become values: larger pages only cost memory."""


class BotocoreReader:
    """Implements `ports.AwsReader`. Every call, all its pages and retries included, ends by `deadline`."""

    def __init__(self, identity: AwsIdentity, deadline: Deadline, place: Place = HOME) -> None:
        """`identity` works at `place`; its region is where calls go."""
        self._identity = identity
        self._deadline = deadline
        self._place = place

    def read(self, service: str, operation: str, **parameters: object) -> RawObject:
        """Return the answer without its `ResponseMetadata`."""
        with self._calling(service, operation), in_room(Room(bytes_left=MAX_READ_BYTES, parts_left=MAX_PARTS)):
            answer = self._call(service, operation, parameters)
        answer.pop("ResponseMetadata", None)
        found: RawObject = as_answer(answer, f"{service}:{operation}")
        return found

    def list(
        self, service: str, operation: str, member: str, read: Callable[[RawObject], T], /, **parameters: object
    ) -> Sequence[T]:
        action, room = f"{service}:{operation}", Room(bytes_left=MAX_LIST_BYTES, parts_left=sys.maxsize)
        kept = Kept[T](action)
        with self._calling(service, operation):
            client = self._identity.client(service, self._place.region)
            paginator = client.get_paginator(method_name(client, service, operation))
            pages = iter(paginator.paginate(**parameters, PaginationConfig={"PageSize": PAGE_ITEMS}))
        while True:
            with self._calling(service, operation), in_room(room):
                page = next(pages, None)
            if page is None:
                return kept.values
            items = _member(page, member, action)
            kept.expect(MAX_LIST_BYTES - room.bytes_left)
            for item in items:
                kept.keep(read(as_answer(item, action)))
            items.clear()  # botocore holds the page until it has the next one

    @contextmanager
    def _calling(self, service: str, operation: str) -> Iterator[None]:
        """Bound a call by the deadline, and turn what botocore raises into our errors."""
        if not operation.startswith(_READS):
            raise UnitError(
                f"{service}:{operation} is no read: a reader calls {', '.join(f'{one}…' for one in _READS)} only."
            )
        with within(self._deadline):
            try:
                yield
            except AWS_ERRORS as error:
                raise aws_error(service, operation, error, self._place) from error

    def _call(self, service: str, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
        client = self._identity.client(service, self._place.region)
        method = method_name(client, service, operation)
        if not client.can_paginate(method):
            answer: dict[str, Any] = getattr(client, method)(**parameters)
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


def _joined(pages: Iterable[RawObject], keys: list[str], action: str) -> dict[str, Any]:
    """Return the first page with the list members of the others appended. A page without them is garbled."""
    whole: dict[str, Any] = {}
    for page in pages:
        _member(page, keys[0], action)
        if not whole:
            whole = dict(page)
            continue
        for key in keys:
            if isinstance(page.get(key), list):
                whole[key] = [*whole.get(key, []), *page[key]]
    return whole


def _member(page: RawObject, key: str, action: str) -> Any:  # noqa: ANN401  # JSON
    if key not in page:
        raise SourceGarbled(f"{action} answered a page without `{key}`: not a whole answer. Ask again.")
    return page[key]
