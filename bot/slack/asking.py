"""From typed words to a question. Everything that is wrong is said, with the nearest valid name."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Collection

from bot.dns.host_names import valid_host_name
from bot.domain.cluster import PodName, Question
from bot.errors import Refused

LINK = re.compile(r"<(?:https?://|mailto:)?([^|>\s]+)(?:\|([^>]+))?>")
"""Slack turns `name=example.com` in a message into `name=<http://example.com|example.com>`."""
MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
POD_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
MOST_WORDS = 40
MOST_NAMES = 5


def plain_words(text: str) -> list[str]:
    """Return the words of what somebody typed, links and escapes undone, mentions left out."""
    text = MENTION.sub(" ", text)
    text = LINK.sub(lambda found: found[2] or found[1].rstrip("/"), text)
    return html.unescape(text).split()[:MOST_WORDS]


def question_from(words: list[str], *, clusters: Collection[str], playbooks: Collection[str]) -> Question:
    """Return the question that these words ask. Raises `Refused`, which says what is wrong and what would do."""
    names = [word for word in words if "=" not in word]
    options = [word.partition("=") for word in words if "=" in word]
    if not names:
        raise Refused(
            f"Which cluster? For example: /dns-diagnose {next(iter(clusters), 'CLUSTER')}. {known(clusters, 'cluster')}"
        )
    cluster, *asked = names
    if cluster not in clusters:
        raise Refused(f"There is no cluster {cluster!r}. {nearest(cluster, clusters, 'cluster')}")
    for playbook in asked:
        if playbook not in playbooks:
            raise Refused(f"There is no playbook {playbook!r}. {nearest(playbook, playbooks, 'playbook')}")
    unknown = [key for key, _, _ in options if key not in {"pod", "name"}]
    if unknown:
        raise Refused(f"{unknown[0]}= is not known here. The options are pod=NAMESPACE/NAME and name=HOST.")
    pods = [value for key, _, value in options if key == "pod"]
    if len(pods) > 1:
        raise Refused("Only one pod= can be looked from at a time.")
    hosts = [value for key, _, value in options if key == "name"]
    if len(hosts) > MOST_NAMES:
        raise Refused(f"At most {MOST_NAMES} name= can be looked up at a time; these are {len(hosts)}.")
    return Question(
        cluster=cluster,
        playbooks=tuple(dict.fromkeys(asked)),
        pod=pod_from(pods[0]) if pods else None,
        names=tuple(dict.fromkeys(host_from(host) for host in hosts)),
    )


def pod_from(text: str) -> PodName:
    """Return the pod that `NAMESPACE/NAME` names, or raise `Refused`."""
    namespace, slash, name = text.partition("/")
    if not slash or not DNS_LABEL.fullmatch(namespace) or not POD_NAME.fullmatch(name):
        raise Refused(
            f"pod={text} is not of the form pod=NAMESPACE/NAME, for example pod=shop/web-6d4b9c7f5-x2x7k: "
            "lower-case letters, digits and dashes, as kubectl get pods prints them."
        )
    return PodName(namespace=namespace, name=name)


def host_from(text: str) -> str:
    """Return the host name, or raise `Refused`."""
    if not valid_host_name(text):
        raise Refused(
            f"name={text} is not a DNS name: labels of letters, digits and dashes, 63 characters each and 253 in all, "
            "for example name=orders.shop.svc.cluster.local."
        )
    return text


def nearest(name: str, names: Collection[str], noun: str) -> str:
    """Return `Did you mean …?`, or the names there are."""
    close = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else known(names, noun)


def known(names: Collection[str], noun: str) -> str:
    """Return the names there are, ten at most."""
    ordered = sorted(names)
    if not ordered:
        return f"No {noun} is configured."
    more = f" and {len(ordered) - 10} more" if len(ordered) > 10 else ""  # noqa: PLR2004  # the ten shown
    return f"Known {noun}s: {', '.join(ordered[:10])}{more}."
