"""Tags on endpoints and rules."""

from __future__ import annotations

from bot.sandbox.aws.api_models import Asked
from bot.sandbox.aws.requests import Call
from bot.sandbox.aws.resolver.held import Document, Held, not_found
from bot.sandbox.aws.resolver.listing import listed
from bot.sandbox.aws.service import Operation

_OURS = ("resolver-endpoint/", "resolver-rule/")


class Tags:
    """The operations on tags."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def operations(self) -> dict[str, Operation]:
        """Return the operations by name."""
        return {"TagResource": self._tag, "UntagResource": self._untag, "ListTagsForResource": self._list}

    def _tags(self, call: Call, asked: Asked) -> dict[str, str]:
        arn, tags = asked["ResourceArn"], self._held.of(call).tags
        if not arn.rpartition(":")[2].startswith(_OURS):
            raise NotImplementedError(f"tags on {arn}")
        if arn not in tags:
            raise not_found(f"Resource {arn} does not exist")
        return tags[arn]

    def _tag(self, call: Call, asked: Asked) -> Document:
        self._tags(call, asked).update({tag["Key"]: tag["Value"] for tag in asked["Tags"]})
        return {}

    def _untag(self, call: Call, asked: Asked) -> Document:
        tags = self._tags(call, asked)
        for key in asked["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _list(self, call: Call, asked: Asked) -> Document:
        tags = [{"Key": key, "Value": value} for key, value in sorted(self._tags(call, asked).items())]
        return listed("Tags", tags, asked)
