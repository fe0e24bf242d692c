"""A world that runs: both far ends as child processes, seeded, with a scenario applied and the bot's files written."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.sandbox.operator.operating import HttpOperator, call_json
from bot.sandbox.running.bot_files import bot_environment, write_bot_files
from bot.sandbox.running.far_end_process import FarEndProcess
from bot.sandbox.running.probes import has_machines, set_up_probes
from bot.sandbox.running.refused_calls import RefusedCalls
from bot.sandbox.running.started import Started
from bot.sandbox.world.plan import draw_plan
from bot.sandbox.world.scenario import Scenario
from bot.sandbox.world.scenario_catalogue import find_scenario
from bot.sandbox.world.seeding import build
from bot.sandbox.world.world import World


class RunningWorld(Started):
    """Runs while the context lasts; nothing is left behind, also when the start fails.

    `deny` holds AWS actions (`ec2:DescribeNetworkAcls`) and Kubernetes calls (`list pods`, `create pods/exec`);
    they and `latency_ms` count from the moment at which the scenario stands. `ConfigurationError` for one of no call.
    """

    aws_url: str
    kubernetes_url: str
    directory: Path
    """Holds `kubeconfig.yaml` and `dnsbot.yaml`."""
    environment: dict[str, str]
    """What the bot's process needs besides its own secrets."""
    world: World
    scenario: Scenario
    operator: HttpOperator

    def __init__(
        self,
        *,
        scenario: str = "healthy",
        seed: int = 1,
        nodes: int | None = None,
        deny: Sequence[str] = (),
        latency_ms: int = 0,
    ) -> None:
        self.scenario = find_scenario(scenario)
        self.seed, self._nodes = seed, nodes
        self._deny, self._latency_ms = RefusedCalls.of(deny), latency_ms
        self._aws = FarEndProcess("bot.sandbox.aws", "--seed", str(seed))
        self._kubernetes: FarEndProcess | None = None
        self._machines: FarEndProcess | None = None
        self._machines_url = ""
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Start, seed and break the world."""
        self.aws_url = self._aws.start()
        self._kubernetes = FarEndProcess("bot.sandbox.kubernetes", "--aws-url", self.aws_url, "--seed", str(self.seed))
        self.kubernetes_url = self._kubernetes.start()
        self._directory = tempfile.TemporaryDirectory(prefix="dnsbot-sandbox-")
        self.directory = Path(self._directory.name)
        self.environment = bot_environment(self.aws_url)
        self.operator = HttpOperator(aws_url=self.aws_url, kubernetes_url=self.kubernetes_url)
        self._populate()

    def stop(self) -> None:
        """End both far ends and remove the files."""
        for process in (self._machines, self._kubernetes, self._aws):
            if process:
                process.stop()
        if self._directory:
            self._directory.cleanup()

    def _populate(self) -> None:
        self.world = build(
            draw_plan(
                self.seed,
                self._nodes,
                self.scenario.neighbours,
                ipv6=self.scenario.ipv6,
                on_premises=self.scenario.on_premises,
            ),
            self.operator,
        )
        if has_machines(self.scenario.neighbours):
            self._serve_machines()
        probes = set_up_probes(
            self.world,
            self.operator,
            self.scenario.neighbours,
            self.kubernetes_control,
            public_dns=self.scenario.public_resolution != "blocked",
        )
        write_bot_files(
            self.directory,
            kubernetes_url=self.kubernetes_url,
            neighbours=self.world.neighbours,
            on_premises=self.world.on_premises,
            public_resolution=self.scenario.public_resolution,
            probes=probes,
        )
        self._probe_urls = tuple(probe.url for probe in probes.values() if probe.url)
        self.settle()
        self.scenario.acts(self.world, self.operator)
        self.settle()
        self.aws_control("DELETE", "calls")
        self.kubernetes_control("DELETE", "calls")
        self._restrict()

    def _serve_machines(self) -> None:
        """Let programs be run that AWS runs for others; the process is started by the first world that has any."""
        if self._machines is None:
            self._machines = FarEndProcess("bot.sandbox.machines", "--aws-url", self.aws_url)
            self._machines_url = self._machines.start()
        self.aws_control("POST", "machines", {"url": self._machines_url})

    def _restrict(self) -> None:
        self.aws_control("POST", "deny", {"actions": self._deny.aws})
        self.kubernetes_control("POST", "deny", {"actions": self._deny.kubernetes})
        self.aws_control("POST", "latency", {"ms": self._latency_ms})
        self.kubernetes_control("POST", "latency", {"ms": self._latency_ms})

    def restart(self, *, scenario: str, seed: int, nodes: int | None = None) -> None:
        """Empty both far ends and build another world in the same processes; URLs and places of files stay."""
        self.scenario, self.seed, self._nodes = find_scenario(scenario), seed, nodes
        self.aws_control("POST", "reset")
        self.kubernetes_control("POST", "reset")
        self._populate()

    def settle(self) -> None:
        """Wait until the cluster has done all that follows from what was changed in it and in AWS."""
        self.kubernetes_control("POST", "refresh")
        self.operator.settle()

    def aws_control(self, method: str, route: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a control route of the AWS far end: `aws_control("POST", "faults", […])`."""
        return call_json(method, f"{self.aws_url}/sandbox/{route}", document)

    def kubernetes_control(self, method: str, route: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a control route of the Kubernetes far end."""
        return call_json(method, f"{self.kubernetes_url}/sandbox/{route}", document)

    def probes_control(self, method: str, route: str, document: object = None) -> None:
        """Call a control route of each cluster that stands in another network to look names up from."""
        for url in self._probe_urls:
            call_json(method, f"{url}/sandbox/{route}", document)
