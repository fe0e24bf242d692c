"""Lists of Resolver: filters by both spellings of their names, and pages."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.json_pages import page
from bot.sandbox.aws.resolver.held import Document
from bot.sandbox.aws.service import ServiceError

_MOST = 100


def listed(member: str, documents: Sequence[Document], asked: Asked, filters: Sequence[str] = ()) -> Document:
    """Return the page that was asked for, of those documents that pass the request's filters.

    `filters` are members by which one may filter, as `HostVPCId`; `HOST_VPC_ID` is the same (a rule's RuleType is
    TYPE). Raises `ServiceError` for others, and for a token that no page gave.
    """
    known = {_folded(name): name for name in filters}
    for given in asked.get("Filters", []):
        name = known.get(_folded(given["Name"]))
        if name is None:
            raise ServiceError("InvalidParameterException", f"The filter '{given['Name']}' is invalid")
        documents = [one for one in documents if set(_texts(one.get(name))) & set(given["Values"])]
    size = asked.get("MaxResults", _MOST)
    try:
        found, token = page(documents, size, asked.get("NextToken", ""))
    except ValueError:
        message = "Invalid value passed for the NextToken parameter"
        raise ServiceError("InvalidNextTokenException", message) from None
    return {member: found, "MaxResults": size, **({"NextToken": token} if token else {})}


def _folded(name: str) -> str:
    folded = name.replace("_", "").lower()
    return "ruletype" if folded == "type" else folded


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
