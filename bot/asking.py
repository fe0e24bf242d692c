"""What people ask, checked alike for the command line and for Slack; whatever is wrong is said, with what would do."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

from bot.dns.host_names import valid_host_name
from bot.domain.cluster import PodName
from bot.domain.moments import parse_time
from bot.domain.phrases import nearest
from bot.domain.sought import Sought
from bot.errors import Refused
from bot.workflow.durations import parse_duration

DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 86_400
"""Of a measure that is switched on to be read, unless its command says otherwise."""
PERSON = re.compile(r"(?:([TE][A-Z0-9]{1,30})/)?([UW][A-Z0-9]{1,30})")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
POD_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


def known_cluster(name: str, clusters: Collection[str]) -> str:
    """Return the name of a configured cluster, or raise `Refused`."""
    return _known(name, clusters, "cluster")


def known_playbook(name: str, playbooks: Collection[str]) -> str:
    """Return the name of a playbook that there is, or raise `Refused`."""
    return _known(name, playbooks, "playbook")


def pod_from(text: str, *, option: str) -> PodName:
    """Return the pod that `NAMESPACE/NAME` names, or raise `Refused`; `option` is what was typed before: `pod=`."""
    namespace, slash, name = text.partition("/")
    if not slash or not DNS_LABEL.fullmatch(namespace) or not POD_NAME.fullmatch(name):
        raise Refused(
            f"{option}{text} is not of the form {option}NAMESPACE/NAME, for example {option}shop/web-6d4b9c7f5-x2x7k: "
            "lower-case letters, digits and dashes, as kubectl get pods prints them."
        )
    return PodName(namespace=namespace, name=name)


def host_from(text: str, *, option: str) -> str:
    """Return the host name, or raise `Refused`; `option` is what was typed before: `name=`."""
    if not valid_host_name(text):
        raise Refused(
            f"{option}{text} is not a DNS name: labels of letters, digits and dashes, 63 characters each and 253 in "
            f"all, for example {option}orders.shop.svc.cluster.local."
        )
    return text


def lasting(text: str, *, shortest: int = SHORTEST_SECONDS, longest: int = LONGEST_SECONDS) -> int:
    """Return how many seconds a measure is to last that somebody asks for, or raise `Refused`."""
    try:
        seconds = int(parse_duration(text).total_seconds())
    except ValueError as error:
        raise Refused(f"{text} is no time: {error}.") from error
    if not shortest <= seconds <= longest:
        raise Refused(f"{text} is not between {_written(shortest)} and {_written(longest)}.")
    return seconds


def _written(seconds: int) -> str:
    """Return a time as people type it: `24h`, `1m`, `15s`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def person_from(text: str, *, option: str) -> tuple[str, str]:
    """Return team id, empty for any, and user id of a person, or raise `Refused`; `option` is what was typed before."""
    found = PERSON.fullmatch(text)
    if found is None:
        raise Refused(
            f"{option}{text} names nobody: Slack's id of a person is needed, for example {option}U0123456789 "
            "(in a profile: More, Copy member ID)."
        )
    return found[1] or "", found[2]


def moment_from(text: str, now: datetime, *, option: str) -> datetime:
    """Return a date, a time, or a time as long ago as a duration says, in UTC, or raise `Refused`."""
    try:
        if DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if (moment := parse_time(text.replace("z", "Z"))) is not None:
            return moment
        ago: timedelta = parse_duration(text)
        return now - ago
    except (ValueError, OverflowError) as error:
        raise Refused(
            f"{option}{text} is no time: a date as 2026-11-21 (UTC), a time as 2026-11-21T09:00:00Z, or how long ago "
            "as 12h or 7d."
        ) from error


def sought_from(options: Mapping[str, str], now: datetime, *, form: Callable[[str], str]) -> Sought:
    """Return what of the history the options ask for, by their names in `Sought` and `person`, or raise `Refused`.

    `form` gives what was typed before an option's value: `--since `, or `since=`.
    """
    given = {name: value for name, value in options.items() if value}
    team_id, user_id = person_from(given["person"], option=form("person")) if "person" in given else ("", "")
    times = {name: moment_from(given[name], now, option=form(name)) for name in ("since", "until") if name in given}
    return Sought(
        rule=given.get("rule", ""),
        team_id=team_id,
        user_id=user_id,
        since=times.get("since"),
        until=times.get("until"),
        older=given.get("older", ""),
    )


def _known(name: str, names: Collection[str], noun: str) -> str:
    if name not in names:
        raise Refused(f"There is no {noun} {name!r}. {nearest(name, names, noun)}")
    return name
