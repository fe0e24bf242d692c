"""A world that runs: both far ends as child processes, seeded, with a scenario applied and the bot's files written."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.sandbox.bot_files import bot_environment, write_bot_files
from bot.sandbox.far_end_process import FarEndProcess
from bot.sandbox.operating import HttpOperator, call_json
from bot.sandbox.scenario import Scenario
from bot.sandbox.scenario_catalogue import find_scenario
from bot.sandbox.seeding import build
from bot.sandbox.world import World, draw_plan


class RunningWorld:
    """Runs while the context lasts; nothing is left behind, also when the start fails.

    `deny` holds AWS actions (`ec2:DescribeNetworkAcls`) and Kubernetes calls (`list pods`, `create pods/exec`);
    they and `latency_ms` count from the moment at which the scenario stands.
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
        self._seed, self._nodes = seed, nodes
        self._deny, self._latency_ms = tuple(map(_as_call, deny)), latency_ms
        self._aws = FarEndProcess("bot.sandbox.aws", "--seed", str(seed))
        self._kubernetes: FarEndProcess | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        """Start, seed and break the world."""
        try:
            self.aws_url = self._aws.start()
            self._kubernetes = FarEndProcess(
                "bot.sandbox.kubernetes", "--aws-url", self.aws_url, "--seed", str(self._seed)
            )
            self.kubernetes_url = self._kubernetes.start()
            self._directory = tempfile.TemporaryDirectory(prefix="dnsbot-sandbox-")
            self.directory = Path(self._directory.name)
            write_bot_files(self.directory, kubernetes_url=self.kubernetes_url)
            self.environment = bot_environment(self.aws_url)
            self.operator = HttpOperator(aws_url=self.aws_url, kubernetes_url=self.kubernetes_url)
            self._populate()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both far ends and remove the files."""
        self._end()

    def _end(self) -> None:
        if self._kubernetes:
            self._kubernetes.stop()
        self._aws.stop()
        if self._directory:
            self._directory.cleanup()

    def _populate(self) -> None:
        self.world = build(draw_plan(self._seed, self._nodes), self.operator)
        self.kubernetes_control("POST", "refresh")
        self.operator.settle()
        self.scenario.acts(self.world, self.operator)
        self.kubernetes_control("POST", "refresh")
        self.operator.settle()
        self.aws_control("DELETE", "calls")
        self.kubernetes_control("DELETE", "calls")
        self._restrict()

    def _restrict(self) -> None:
        aws = [action for action in self._deny if ":" in action]
        self.aws_control("POST", "deny", {"actions": aws})
        self.kubernetes_control("POST", "deny", {"actions": [action for action in self._deny if ":" not in action]})
        self.aws_control("POST", "latency", {"ms": self._latency_ms})
        self.kubernetes_control("POST", "latency", {"ms": self._latency_ms})

    def restart(self, *, scenario: str, seed: int, nodes: int | None = None) -> None:
        """Empty both far ends and build another world in the same processes; URLs and files stay."""
        self.scenario, self._seed, self._nodes = find_scenario(scenario), seed, nodes
        self.aws_control("POST", "reset")
        self.kubernetes_control("POST", "reset")
        self._populate()

    def aws_control(self, method: str, route: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a control route of the AWS far end: `aws_control("POST", "faults", […])`."""
        return call_json(method, f"{self.aws_url}/sandbox/{route}", document)

    def kubernetes_control(self, method: str, route: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a control route of the Kubernetes far end."""
        return call_json(method, f"{self.kubernetes_url}/sandbox/{route}", document)


def _as_call(text: str) -> str:
    """Return `list pods` for `list/pods` as well; AWS actions stay as they are."""
    verb, slash, resource = text.partition("/")
    known = {"get", "list", "create", "patch", "delete"}
    return f"{verb} {resource}" if slash and " " not in text and ":" not in text and verb in known else text
