"""Digests of a real world from the command line, over the same far ends as the bot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.sandbox.running.running_world import RunningWorld

if TYPE_CHECKING:
    from collections.abc import Callable

LEAVES = "0 new, 0 worse, 0 fixed, 0 still open in 1 cluster."


def digests(world: RunningWorld, database: Path) -> Callable[..., str]:
    """Return what runs `dnsbot digest` on a history of its own and gives what it prints."""
    environment = {**world.environment, "DATABASE_URL": f"sqlite:///{database}", "PATH": "/usr/bin:/bin"}

    def run(*options: str) -> str:
        config = str(Path(world.directory) / "dnsbot.yaml")
        command = [sys.executable, "-m", "bot", "digest", "--config", config, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    return run


def test_a_digest_measures_diagnoses_what_it_never_saw_and_a_dry_run_only_looks(
    world: RunningWorld, tmp_path: Path
) -> None:
    """The dry run leaves nothing behind."""
    world.restart(scenario="security-group", seed=5)
    digest = digests(world, tmp_path / "history.db")

    dry, first = digest("--dry-run"), digest()

    assert LEAVES in dry
    assert "? cluster-prod never diagnosed" in dry
    assert "none diagnosed in full." in dry
    assert "1 new, 0 worse, 0 fixed, 0 still open in 1 cluster." in first
    assert "cluster-prod: DNS is blocked by a security group (critical, since" in first
    assert "diagnosed in full: cluster-prod." in first
    assert "2 of 2 pods ready on 2 nodes in 2 zones" in first
    assert "CoreDNS 1.11.4, add-on v1.11.4-eksbuild" in first
    assert "! cluster-prod 1" in first
    assert "an estimated 100 % of 1,024 packets a second free" in first
