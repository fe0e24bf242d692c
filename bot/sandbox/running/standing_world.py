"""A world that stands and in which a scenario happened, whatever it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from bot.sandbox.world.scenario import Operator, Scenario
from bot.sandbox.world.world import World


class StandingWorld(Protocol):
    """The sandbox's `RunningWorld`, or one with a real cluster."""

    @property
    def world(self) -> World:
        """The world before anybody broke it."""
        ...

    @property
    def scenario(self) -> Scenario:
        """What happened in it."""
        ...

    @property
    def operator(self) -> Operator:
        """Somebody with AWS and kubectl."""
        ...

    @property
    def aws_url(self) -> str:
        """Where its AWS is called."""
        ...

    @property
    def kubernetes_url(self) -> str:
        """Where its API server is called."""
        ...

    @property
    def directory(self) -> Path:
        """Holds `kubeconfig.yaml` and `dnsbot.yaml`."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What the bot's process needs besides its own secrets."""
        ...
