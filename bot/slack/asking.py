"""From words typed in Slack to a question."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection

from bot.asking import host_from, known_cluster, known_playbook, lasting, pod_from
from bot.domain.cluster import Question
from bot.domain.phrases import known
from bot.errors import Refused

LINK = re.compile(r"<(?:https?://|mailto:)?([^|<>\s]+)(?:\|([^<>]+))?>")
"""Slack turns `name=example.com` in a message into `name=<http://example.com|example.com>`."""
MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^<>]*)?>")
VALUE = re.compile(r"=<@([A-Z0-9]+)(?:\|[^<>]*)?>")
"""Somebody who is named as an option's value, `person=<@U01|ana>`: the id stays."""
MOST_CHARACTERS = 300
"""Of what somebody typed; whatever is longer is read by nobody."""
MOST_WITH_MARKUP = 4 * MOST_CHARACTERS
"""The same as Slack sends it, links and escapes included."""
MOST_WORDS = 40
MOST_NAMES = 5


def plain_words(text: str) -> list[str]:
    """Return the words of what somebody typed, links and escapes undone, mentions left out but as values.

    Raises `Refused` for more than 300 characters, before anything else reads them.
    """
    if len(text) > MOST_WITH_MARKUP:
        raise _too_long(text)
    text = MENTION.sub(" ", VALUE.sub(r"=\1", text))
    text = html.unescape(LINK.sub(lambda found: found[2] or found[1].rstrip("/"), text))
    if len(text) > MOST_CHARACTERS:
        raise _too_long(text)
    return text.split()[:MOST_WORDS]


def after_mention(text: str) -> str:
    """Return what stands behind the first mention, which is the bot's own; all where there is none."""
    found = MENTION.search(text[:MOST_WITH_MARKUP])
    return text[found.end() :] if found else text


def question_of_measure(
    command: str, text: str, *, clusters: Collection[str], example: str, lasts: Callable[[str], int] = lasting
) -> Question:
    """Return what a command asks that proposes a measure for a time: CLUSTER, and how long, such as `example`.

    Raises `Refused`, which says what is wrong and what would do.
    """
    words = plain_words(text)
    if not words or len(words) > 2:  # noqa: PLR2004  # CLUSTER and a duration
        typed = f"/dns-{command} {next(iter(clusters), 'CLUSTER')} {example}"
        raise Refused(f"Which cluster, and for how long? For example: {typed}. {known(clusters, 'cluster')}")
    return Question(
        cluster=known_cluster(words[0], clusters),
        command=command,
        lasting_seconds=lasts(words[1]) if len(words) > 1 else 0,
    )


def _too_long(text: str) -> Refused:
    return Refused(
        f"That is {len(text)} characters long; at most {MOST_CHARACTERS} are read. Ask for one cluster, and for few "
        "names at a time."
    )


def question_from(command: str, words: list[str], *, clusters: Collection[str], playbooks: Collection[str]) -> Question:
    """Return what a command asks with these words. Raises `Refused`, which says what is wrong and what would do."""
    names = [word for word in words if "=" not in word]
    options = [word.partition("=") for word in words if "=" in word]
    if not names:
        example = f"/dns-{command} {next(iter(clusters), 'CLUSTER')}"
        raise Refused(f"Which cluster? For example: {example}. {known(clusters, 'cluster')}")
    cluster, *asked = names
    known_cluster(cluster, clusters)
    for playbook in asked:
        known_playbook(playbook, playbooks)
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
        command=command,
        playbooks=tuple(dict.fromkeys(asked)),
        pod=pod_from(pods[0], option="pod=") if pods else None,
        names=tuple(dict.fromkeys(host_from(host, option="name=") for host in hosts)),
    )
