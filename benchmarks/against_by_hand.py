"""Measure `dnsbot diagnose` beside the documents' kubectl and aws commands in one lab, in one run.

Three nodes are real; the others exist as API objects. Needs Linux, root and the lab's programs (`make lab-tools`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmarks.counting_proxy import CountingProxy, Tls
from benchmarks.paper_nodes import PaperNodes
from bot.sandbox.world.world import CLUSTER, WORKLOAD_SELECTOR
from lab.control_plane import ADMIN, PORT, READER, WRITER
from lab.programs import built_programs
from lab.running import RunningLab

GOAL = 20
_AWSCLI = "awscli==1.46.3"
_SCRIPT = Path(__file__).with_name("by_hand.sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one program did in one world."""

    seconds: float
    aws_calls: int
    kubernetes_calls: Mapping[str, int]
    sent_and_received_bytes: int
    output: str
    status: int

    def row(self, name: str) -> str:
        """Return its line of the table."""
        calls = self.kubernetes_calls
        return (
            f"{name:10} {self.seconds:8.1f} {self.aws_calls:6d} {sum(calls.values()):7d} {calls.get('log', 0):6d} "
            f"{calls.get('exec', 0):6d} {self.sent_and_received_bytes / 1e6:7.1f}"
        )


def aws_program() -> Path:
    """Return the folder with `aws`, from a virtual environment of its own, which is made when it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "eks-dns-bot" / _AWSCLI.replace("==", "-")
    if not (folder / "bin" / "aws").exists():
        venv.create(folder, with_pip=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, _AWSCLI], check=True)  # noqa: S603  # our own interpreter
    return folder / "bin"


class Beside:
    """Both programs, through the same proxies, in one lab."""

    def __init__(self, lab: RunningLab, kubernetes: CountingProxy, aws: CountingProxy) -> None:
        self._kubernetes, self._aws = kubernetes, aws
        server = f"https://127.0.0.1:{kubernetes.port}"
        folder = lab.directory
        self._admin = folder / "by-hand.yaml"
        self._admin.write_text(lab.control_plane.kubeconfig(("admin", ADMIN), server=server))
        bots = lab.control_plane.kubeconfig((CLUSTER, READER), (f"{CLUSTER}-write", WRITER), server=server)
        (folder / "proxied.yaml").write_text(bots)
        config: dict[str, Any] = yaml.safe_load((folder / "dnsbot.yaml").read_text())
        config["clusters"][CLUSTER]["kubeconfig"] = str(folder / "proxied.yaml")
        self._config = folder / "measured.yaml"
        self._config.write_text(yaml.safe_dump(config))
        self._environment = {
            **os.environ,
            **lab.environment,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
            "DATABASE_URL": f"sqlite:///{folder / 'history.db'}",
        }

    def by_hand(self, programs: Path, aws: Path) -> Measured:
        """Run the script."""
        path = f"{programs}:{aws}:{os.environ['PATH']}"
        more = {"KUBECONFIG": str(self._admin), "PATH": path, "CLUSTER": CLUSTER, "SELECTOR": WORKLOAD_SELECTOR}
        return self._measure(["bash", str(_SCRIPT)], more, both_outputs=True)

    def bot(self) -> Measured:
        """Run `dnsbot diagnose`."""
        command = [sys.executable, "-m", "bot", "diagnose", CLUSTER, "--config", str(self._config), "--output", "json"]
        return self._measure(command, {}, both_outputs=False)

    def _measure(self, command: Sequence[str], more: Mapping[str, str], *, both_outputs: bool) -> Measured:
        self._kubernetes.reset()
        self._aws.reset()
        errors = subprocess.STDOUT if both_outputs else subprocess.DEVNULL
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603  # our own programs
            command, stdout=subprocess.PIPE, stderr=errors, text=True, check=False, env={**self._environment, **more}
        )
        seconds = time.perf_counter() - started
        kubernetes, aws = self._kubernetes.counts, self._aws.counts
        return Measured(
            seconds=seconds,
            aws_calls=aws.calls.total(),
            kubernetes_calls=dict(kubernetes.calls),
            sent_and_received_bytes=aws.sent_and_received_bytes + kubernetes.sent_and_received_bytes,
            output=done.stdout,
            status=done.returncode,
        )


def main() -> None:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--nodes", type=int, nargs="*", default=[10, 100, 500, 1000], help="nodes beside the 3 real ones"
    )
    parser.add_argument("--latency", type=int, default=20, help="milliseconds added to each call")
    parser.add_argument("--scenario", default="security-group")
    parser.add_argument("--keep", type=Path, help="folder for what the programs printed")
    arguments = parser.parse_args()
    aws_folder, programs = aws_program(), built_programs()
    with ExitStack() as stack:
        lab = stack.enter_context(RunningLab(scenario=arguments.scenario, seed=1, nodes=3, programs=programs))
        paper = stack.enter_context(PaperNodes(lab))
        made = lab.control_plane.certificates
        tls = Tls(certificate=made.server, key=made.server_key, authority=made.authority)
        wait = arguments.latency / 1000
        kubernetes = stack.enter_context(CountingProxy(PORT, seconds_per_call=wait, tls=tls))
        aws_port = urlsplit(lab.aws_url).port or 80
        aws = stack.enter_context(CountingProxy(aws_port, seconds_per_call=wait))
        beside = Beside(lab, kubernetes, aws)
        print(f"{arguments.latency} ms added to each call; {arguments.scenario}; {os.cpu_count()} cores for everything")
        print("3 + nodes  program      wall s    AWS  Kubern.   logs  execs      MB")
        for nodes in sorted(arguments.nodes):
            paper.grow_to(nodes)
            by_hand, bot = beside.by_hand(programs.folder, aws_folder), beside.bot()
            _print(nodes, by_hand, bot)
            if arguments.keep:
                _keep(arguments.keep, nodes, by_hand, bot)
    print(f"goal: {GOAL} times faster at 500 nodes")


def _print(nodes: int, by_hand: Measured, bot: Measured) -> None:
    report = json.loads(bot.output) if bot.output.startswith("{") else {"root_causes": [], "coverage": {}}
    coverage = report["coverage"]
    print(f"{nodes:9d}  {by_hand.row('by hand')}")
    print(f"{'':9}  {bot.row('dnsbot')}   {by_hand.seconds / bot.seconds:.1f} times faster", flush=True)
    checks = f"{coverage.get('ran')} of {coverage.get('total')} checks ran"
    print(
        f"{'':9}  it says: {', '.join(report['root_causes']) or 'no root cause'} (exit {bot.status}, {checks})",
        flush=True,
    )


def _keep(folder: Path, nodes: int, by_hand: Measured, bot: Measured) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{nodes}-by-hand.txt").write_text(by_hand.output)
    (folder / f"{nodes}-dnsbot.json").write_text(bot.output)


if __name__ == "__main__":
    main()
