"""Measure light rounds over many clusters, some of which hang (see README.md beside this file)."""

from __future__ import annotations

import argparse
import os
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from bot.app import SourceBook, make_diagnoser
from bot.clients.connection import ClusterConnection
from bot.domain.cluster import Question
from bot.domain.digests import LightRound
from bot.history import migrate
from bot.history.engine import open_database
from bot.history.health import SqlHealth
from bot.memory import take_little_memory
from bot.sandbox.running.running_world import RunningWorld
from bot.settings.load import load_settings
from bot.workflow.diagnose import Diagnoser
from bot.workflow.light_rounds import LightRounds

GOAL_SECONDS, GOAL_PROCESSOR_SECONDS = 60.0, 0.15
LIMITS = {
    **dict.fromkeys(("route53resolver:*", "route53:*", "route53profiles:*"), 5),
    "cloudwatch:*": 50,
    **{f"eks:{name}": 10 for name in ("DescribeCluster", "ListAddons", "DescribeAddon", "DescribeAddonVersions")},
    **{f"ec2:{name}": 20 for name in ("DescribeInstances", "DescribeNetworkInterfaces", "DescribeSubnets")},
}
"""Calls a second that the simulated account takes, as AWS documents them; of EKS, as the bot keeps to. All clusters are
in this one account, as no 200 real ones would be."""
FULL = 10
"""Full diagnoses that are measured."""


@contextmanager
def silent_server() -> Iterator[str]:
    """Yield the address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def clusters(one: ClusterConnection, number: int, hung: int, folder: Path, silent: str) -> dict[str, ClusterConnection]:
    """Return as many clusters as asked, all of one world; the Kubernetes API of the `hung` ones never answers."""
    hanging = folder / "hanging.yaml"
    hanging.write_text(re.sub(r"https?://127[.]0[.]0[.]1:[0-9]+", silent, Path(one.kubeconfig).read_text()))
    every = max(number // hung, 1) if hung else number + 1
    named = {f"cluster-{index:03}": index % every == 0 and index // every < hung for index in range(number)}
    return {
        name: replace(one, target=replace(one.target, name=name), kubeconfig=str(hanging) if hangs else one.kubeconfig)
        for name, hangs in named.items()
    }


def measured(
    number: int, hung: int, latency_ms: int, nodes: int
) -> tuple[list[LightRound], float, list[tuple[str, int]]]:
    """Return two rounds (the first opens all connections), full diagnoses a minute, and the rounds' calls to AWS."""
    world = RunningWorld(scenario="healthy", seed=1, nodes=nodes, latency_ms=latency_ms)
    with tempfile.TemporaryDirectory() as folder, silent_server() as silent, world:
        os.environ.update(world.environment)  # the far end of AWS, and its keys: botocore reads them itself
        settings = load_settings(Path(world.directory) / "dnsbot.yaml", world.environment)
        (one,) = settings.clusters.values()
        many = replace(settings, clusters=clusters(one, number, hung, Path(folder), silent))
        url = f"sqlite:///{folder}/history.db"
        migrate(url)
        sources, database = SourceBook(many), open_database(url)
        diagnoser = make_diagnoser(many, sources)
        rounds = LightRounds(
            targets=diagnoser.targets, look=diagnoser.health, store=SqlHealth(database=database), owner="benchmark"
        )
        world.aws_control("POST", "rates", [{"action": one, "per_second": most} for one, most in LIMITS.items()])
        world.aws_control("DELETE", "calls")
        made = [rounds.round(many.clusters) for _ in range(2)]
        calls = [(one["action"], one["status"]) for one in world.aws_control("GET", "calls")]
        world.aws_control("POST", "rates", [])
        rate = full_a_minute(diagnoser, [one.cluster for one in made[-1].samples][:FULL])
        sources.close()
        database.close()
    return made, rate, calls


def full_a_minute(diagnoser: Diagnoser, names: list[str]) -> float:
    """Return how many clusters are diagnosed in full a minute, two at once, as a digest does."""
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: diagnoser.run(Question(cluster=name)), names))
    return 60 * len(names) / (time.monotonic() - started)


def main() -> None:
    """Print what was measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--clusters", type=int, default=200)
    asked.add_argument("--hung", type=int, default=20)
    asked.add_argument("--latency", type=int, default=20, help="milliseconds added to each call")
    asked.add_argument("--nodes", type=int, default=3, help="of each cluster")
    options = asked.parse_args()
    take_little_memory()
    found, rate, calls = measured(options.clusters, options.hung, options.latency, options.nodes)
    print(f"{options.clusters} clusters of {options.nodes} nodes, {options.hung} hung, {options.latency} ms a call")
    for name, one in zip(("first round", "second round"), found, strict=True):
        each = one.processor_seconds / options.clusters
        print(
            f"{name}: {one.took_seconds:.1f} s, {each:.3f} s of processor time a cluster; "
            f"{len(one.samples)} seen, {len(one.not_seen)} not"
        )
    reasons = sorted({one.reason[:100] for one in found[-1].not_seen})
    print(f"why not: {'; '.join(reasons) or 'all were seen'}")
    refused = Counter(action for action, status in calls if status >= HTTPStatus.BAD_REQUEST)
    print(
        f"calls to AWS in both rounds: {len(calls)}, beyond its limits: {sum(refused.values())} {dict(refused) or ''}"
    )
    print(f"full diagnoses: {rate:.1f} clusters a minute, two at once")
    print(f"goals: {GOAL_SECONDS:.0f} s a round, {GOAL_PROCESSOR_SECONDS} s of processor time a cluster")
    print(f"load of this machine meanwhile: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
