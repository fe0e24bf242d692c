"""What the entries of dnsbot.yaml are made of: the base of their models, and kinds of values that are checked."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from bot.workflow.durations import parse_duration

_ROLE_ARN = re.compile(r"arn:(?:aws|aws-cn|aws-us-gov):iam::(\d{12}):role/[\w+=,.@/-]+", re.ASCII)
REGION = re.compile(r"[a-z]{2,10}(?:-[a-z]{1,20}){1,4}-\d{1,2}")


class Entry(BaseModel):
    """One entry of the file: no key but those of its fields.

    A list that may be left out has `Field(default=[])`, which pydantic copies for each entry. Of a `default_factory` it
    reads the signature, and Python parses the text of that of `list` and `dict`: in all, 3 % of a small diagnosis.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def account_of(role_arn: str) -> str:
    """Return the account of a role; empty where there is no role."""
    found = _ROLE_ARN.fullmatch(role_arn)
    return found[1] if found else ""


def _role_arn(text: str) -> str:
    if text and not _ROLE_ARN.fullmatch(text):
        raise ValueError("the ARN of an IAM role such as arn:aws:iam::111122223333:role/dnsbot-read is expected")
    return text


def _region(text: str) -> str:
    if text and not REGION.fullmatch(text):
        raise ValueError("an AWS region such as eu-west-1 is expected")
    return text


def _named(text: str) -> str:
    if not text.strip():
        raise ValueError("a name is expected, not a blank text")
    return text


def _matching(pattern: str, expected: str) -> AfterValidator:
    """Return what refuses a text that is not as a whole of this form."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{expected} is expected")
        return text

    return AfterValidator(check)


def _cidr(text: object) -> str:
    try:
        return str(ip_network(str(text)))
    except ValueError as error:
        raise ValueError(f"a network such as 10.64.0.0/10 is expected: {error}") from error


def _timezone(text: object) -> str:
    try:
        return ZoneInfo(str(text)).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("a time zone such as Europe/Paris is expected") from error


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]
RoleArn: TypeAlias = Annotated[str, AfterValidator(_role_arn)]
"""Of any partition that AWS has; empty: none."""
Region: TypeAlias = Annotated[str, AfterValidator(_region)]
Named: TypeAlias = Annotated[str, AfterValidator(_named)]
"""Not blank: a blank entry of a list would name nobody and yet make the list no empty one."""
UserId: TypeAlias = Annotated[
    str, _matching(r"[UW][A-Z0-9]{1,30}", "a member ID from a Slack profile such as U0123456789")
]
GroupId: TypeAlias = Annotated[str, _matching(r"S[A-Z0-9]{1,30}", "the ID of a Slack user group such as S0123456789")]
ChannelId: TypeAlias = Annotated[
    str, _matching(r"[CG][A-Z0-9]{1,30}", "the ID of a Slack channel, from its details, such as C0123456789")
]
ClusterName: TypeAlias = Annotated[
    str,
    _matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, dots and hyphens, that people can type,"),
]
_KEY = r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_ONE = rf"(?:!?{_KEY}|{_KEY} ?(?:=|==|!=) ?{_VALUE}|{_KEY} (?:not)?in \({_VALUE}(?:, ?{_VALUE})*\))"
Selector: TypeAlias = Annotated[
    str, _matching(rf"(?:{_ONE}(?:, ?{_ONE})*)?", "a label selector as kubectl takes it, such as app=shop,tier!=cache,")
]
"""Empty: none."""
Price: TypeAlias = Annotated[
    str, _matching(r"(?:\d{1,6}(?:\.\d{1,6})? [A-Z]{3})?", "an amount and a currency such as 0.125 USD")
]
"""Empty: none."""
Cidr: TypeAlias = Annotated[str, BeforeValidator(_cidr)]
TimeZone: TypeAlias = Annotated[str, BeforeValidator(_timezone)]
