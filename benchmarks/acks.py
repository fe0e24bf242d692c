"""Measure how fast Slack is acknowledged while the bot is busy and under attack (see README.md beside this file)."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from statistics import quantiles
from typing import Any

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack.transport import Acked
from bot.sandbox.story import report_reading as reading
from tests.end_to_end.office import Office, opened

GOAL_SECONDS = 0.5
LIMITS = "askers: {at_once_per_person: 100, at_once_per_cluster: 100}\n"
HOSTILE = ("secret-", "token.", "pass_", "postgres://u:", "password:[", 'authorization: a="', "<password>")
"""What once took a redacting pattern time by the cube of its length; each is sent 3,000 characters long."""
AT_ONCE = 40
"""Threads of Slack that wait for an acknowledgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One delivery, and how it was acknowledged."""

    what: str
    acked: Acked


def deliveries(office: Office, diagnoses: int, clicks: int, hostile: int) -> list[tuple[str, Callable[[], Acked]]]:
    """Return what is delivered: diagnoses first, then presses and hostile messages in between."""
    people = [office.slack.person(name) for name in ("ana", "ben", "chloe")]
    card = next(message for message in reversed(people[0].sees()) if reading.can_be_approved(message))
    asked = [
        (
            "diagnosis",
            lambda person=person, number=number: person.types(f"/dns-diagnose cluster-prod name=n{number}.example"),
        )
        for number, person in zip(range(diagnoses), cycle(people), strict=False)
    ]
    pressed = [
        ("click", lambda person=person: person.clicks(card, "approve").acked)
        for _, person in zip(range(clicks), cycle([office.slack.person("dan"), people[0]]), strict=False)
    ]
    attacks = [
        ("hostile message", lambda word=word: people[0].types(f"/dns-diagnose {(word * 3_000)[:3_000]}"))
        for _, word in zip(range(hostile), cycle(HOSTILE), strict=False)
    ]
    every = max(clicks // max(hostile, 1), 1)
    mixed: list[tuple[str, Any]] = []
    for number, click in enumerate(pressed):
        mixed.append(click)
        if number % every == 0 and attacks:
            mixed.append(attacks.pop())
    return [*asked, *mixed, *attacks]


def measured(diagnoses: int, clicks: int, hostile: int, latency_ms: int) -> tuple[list[Sent], int]:
    """Return every delivery, and how many diagnoses were reported in the end."""
    world = RunningWorld(scenario="security-group", seed=1, latency_ms=latency_ms)
    with world, opened(world, further=LIMITS) as office:
        office.asks()
        office.quiet()
        known = reports(office)
        todo = deliveries(office, diagnoses, clicks, hostile)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sent = list(pool.map(lambda one: Sent(what=one[0], acked=one[1]()), todo))
        until = time.monotonic() + 300
        while reports(office) < known + diagnoses and time.monotonic() < until:
            time.sleep(0.5)
        return sent, reports(office) - known


def reports(office: Office) -> int:
    """Return how many reports stand in the channel."""
    return sum(map(reading.is_report, office.slack.person("ana").sees()))


def shown(sent: Sequence[Sent]) -> Mapping[str, tuple[int, int, float, float, float]]:
    """Return, by kind and for all, how many, how many were lost, and seconds: the median, p99, the longest."""
    kinds: dict[str, list[Acked]] = {"all": [one.acked for one in sent]}
    for one in sent:
        kinds.setdefault(one.what, []).append(one.acked)
    found = {}
    for kind, acks in kinds.items():
        seconds = sorted(one.took_ms / 1000 for one in acks)
        cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds] * 99
        found[kind] = (len(acks), sum(not one.ok for one in acks), cuts[49], cuts[98], seconds[-1])
    return found


def main() -> None:
    """Print what was measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--diagnoses", type=int, default=50)
    asked.add_argument("--clicks", type=int, default=200)
    asked.add_argument("--hostile", type=int, default=20)
    asked.add_argument("--latency", type=int, default=100, help="milliseconds added to each call")
    options = asked.parse_args()
    sent, reported = measured(options.diagnoses, options.clicks, options.hostile, options.latency)
    for kind, (number, lost, median, p99, longest) in shown(sent).items():
        print(f"{kind}: {number}, {lost} lost; p50 {median:.3f} s, p99 {p99:.3f} s, longest {longest:.3f} s")
    print(f"reports of {options.diagnoses} diagnoses: {reported}")
    print(f"goal: p99 < {GOAL_SECONDS} s, none lost")
    print(f"load of this machine meanwhile: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
