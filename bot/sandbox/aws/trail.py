"""What CloudTrail keeps: one management event for each call that may change something, refused ones too.

An event can be looked up some time after it happened. Event documents are those of CloudTrail: "CloudTrail record
contents" (User Guide), with request parameters in lower camel case, EC2's lists under `items`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from bot.sandbox.aws.answers import FIRST_ERROR, Answer
from bot.sandbox.aws.api_models import Protocol, members
from bot.sandbox.aws.clock import WorldClock
from bot.sandbox.aws.requests import Call
from bot.sandbox.world.access_keys import holder_of

_KINDS: Mapping[str, str] = {
    "sg": "AWS::EC2::SecurityGroup",
    "acl": "AWS::EC2::NetworkAcl",
    "vpc": "AWS::EC2::VPC",
    "subnet": "AWS::EC2::Subnet",
    "eni": "AWS::EC2::NetworkInterface",
}
"""Of the ids by which events of EC2 name their resources; EKS's and Resolver's name none."""
_ID = re.compile(rf"\b(?:{'|'.join(_KINDS)})-[0-9a-f]{{8,17}}\b")
_CODE = re.compile(rb"<Code>([\w.]+)</Code>|\"__type\": \"([\w.]+)\"")
_NUMBERS = frozenset({"ruleNumber", "fromPort", "toPort", "from", "to"})
_SETS: Mapping[str, str] = {"securityGroupRuleId": "securityGroupRuleIds"}
"""Lists of plain values whose set has another name in an event than in the call; each value stands by the call's."""
_FORM_FIELDS = frozenset({"Action", "Version", "DryRun", "ClientToken"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """One event as `LookupEvents` answers it."""

    account: str
    region: str
    shown_at: float
    """By the world's clock: from when on it can be looked up."""
    happened_at: float
    resources: tuple[tuple[str, str], ...]
    """Type and name."""
    document: Mapping[str, Any]
    """What `CloudTrailEvent` holds as text."""

    @property
    def row(self) -> dict[str, Any]:
        """The event as a member of `Events`."""
        identity = self.document["userIdentity"]
        return {
            "EventId": self.document["eventID"],
            "EventName": self.document["eventName"],
            "ReadOnly": "false",
            "AccessKeyId": identity["accessKeyId"],
            "EventTime": self.happened_at,
            "EventSource": self.document["eventSource"],
            "Username": identity["userName"] if "userName" in identity else identity["arn"].rpartition("/")[2],
            "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in self.resources],
            "CloudTrailEvent": json.dumps(self.document),
        }

    def has(self, attribute: str, value: str) -> bool:
        """Return whether this lookup attribute is of this value."""
        row = self.row
        if attribute == "ResourceName":
            return value in {name for _, name in self.resources}
        if attribute == "ResourceType":
            return value in {kind for kind, _ in self.resources}
        return bool(row[attribute] == value)


class Trail:
    """All events, oldest first. Not thread-safe: whoever holds the cloud's lock may use it."""

    def __init__(self, clock: WorldClock) -> None:
        self.delay_seconds = 0.0
        """How long after it happened an event can be looked up; AWS takes some minutes."""
        self._clock = clock
        self._events: list[TrailEvent] = []

    def keep(self, call: Call, answer: Answer, user_arn: str) -> None:
        """Keep the event of a call that was answered."""
        happened_at = self._clock.stamp()
        self._events.append(
            TrailEvent(
                account=call.account,
                region=call.region,
                shown_at=self._clock.now() + self.delay_seconds,
                happened_at=happened_at,
                resources=tuple(_resources(call, answer)),
                document=_document(call, answer, user_arn, happened_at),
            )
        )

    def shown(self, account: str, region: str) -> Iterator[TrailEvent]:
        """Yield the events of an account in a region that can be looked up by now, newest first."""
        now = self._clock.now()
        for event in reversed(self._events):
            if (event.account, event.region) == (account, region) and event.shown_at <= now:
                yield event


def _document(call: Call, answer: Answer, user_arn: str, happened_at: float) -> dict[str, Any]:
    failed = {} if answer.status < FIRST_ERROR else {"errorCode": _error_code(call, answer)}
    return {
        "eventVersion": "1.09",
        "userIdentity": _identity(call, user_arn),
        "eventTime": datetime.fromtimestamp(happened_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.operation,
        "awsRegion": call.region,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": _parameters(call),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
        **failed,
    }


def _identity(call: Call, user_arn: str) -> dict[str, Any]:
    if ":assumed-role/" in user_arn:
        return {"type": "AssumedRole", "arn": user_arn, "accountId": call.account, "accessKeyId": call.access_key}
    name = holder_of(call.access_key)
    return {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{call.account}:user/{name}",
        "accountId": call.account,
        "accessKeyId": call.access_key,
        "userName": name,
    }


def _error_code(call: Call, answer: Answer) -> str:
    found = _CODE.search(answer.body)
    code = next((one.decode() for one in found.groups() if one), "InternalFailure") if found else "InternalFailure"
    return f"Client.{code}" if call.protocol is Protocol.EC2 else code


def _parameters(call: Call) -> Any:  # noqa: ANN401  # JSON
    if call.protocol in {Protocol.EC2, Protocol.QUERY}:
        return _of_form(call)
    try:
        return _lowered(members(call.service, method=call.method, path=call.path, query=call.query, body=call.body))
    except ValueError:
        return None


def _of_form(call: Call) -> dict[str, Any]:
    """Return a form's fields (`IpPermissions.1.IpProtocol`) as an event nests them."""
    made: dict[str, Any] = {}
    for name, value in parse_qsl(call.body.decode("utf-8", "replace")):
        parts = name.split(".")
        if parts[0] in _FORM_FIELDS:
            continue
        inner: Any = made
        for part in parts[:-1]:
            inner = inner.setdefault(part, {})
        inner[parts[-1]] = value
    if "NetworkAclEntry" in call.operation and "Protocol" in made:
        made["AclProtocol"] = made.pop("Protocol")
    found: dict[str, Any] = _listed(made)
    return found


def _listed(made: Any, name: str = "") -> Any:  # noqa: ANN401  # JSON
    if _is_list(made):
        items = [_listed(made[key], name) for key in sorted(made, key=int)]
        return {"items": [{name: one} for one in items] if name in _SETS else items}
    if isinstance(made, dict):
        fields = ((_lower(key), value) for key, value in made.items())
        return {_SETS.get(key, key) if _is_list(value) else key: _listed(value, key) for key, value in fields}
    if name in _NUMBERS:
        return int(made)
    return made == "true" if made in {"true", "false"} else made


def _is_list(made: Any) -> bool:  # noqa: ANN401  # JSON
    return isinstance(made, dict) and bool(made) and all(key.isdecimal() for key in made)


def _lowered(asked: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(asked, dict):
        return {_lower(key): _lowered(value) for key, value in asked.items()}
    return [_lowered(one) for one in asked] if isinstance(asked, list) else asked


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _resources(call: Call, answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield what a call of EC2 names at its top level, and what it created."""
    if call.service != "ec2":
        return
    asked = [value for key, value in parse_qsl(call.body.decode("utf-8", "replace")) if "." not in key]
    made = _ID.findall(answer.body.decode("utf-8", "replace"))[:1] if call.operation.startswith("Create") else []
    for name in dict.fromkeys([*asked, *made]):
        if _ID.fullmatch(name):
            yield _KINDS[name.partition("-")[0]], name
