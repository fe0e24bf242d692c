"""What people ask, checked alike for the command line and for Slack; whatever is wrong is said, with what would do."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.dns.host_names import valid_host_name
from bot.domain.cluster import PodName
from bot.domain.phrases import nearest
from bot.errors import Refused
from bot.workflow.durations import parse_duration

DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 86_400
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


def lasting(text: str) -> int:
    """Return how many seconds a measure is to last that somebody asks for, a minute to a day, or raise `Refused`."""
    try:
        seconds = int(parse_duration(text).total_seconds())
    except ValueError as error:
        raise Refused(f"{text} is no time: {error}.") from error
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise Refused(f"{text} is not between 1m and 24h: what is switched on for a time is to be read, and to end.")
    return seconds


def _known(name: str, names: Collection[str], noun: str) -> str:
    if name not in names:
        raise Refused(f"There is no {noun} {name!r}. {nearest(name, names, noun)}")
    return name
