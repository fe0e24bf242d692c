"""Asking without a dnsbot.yaml, in an empty folder, of the real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.sandbox.world.world import WORKLOAD_SELECTOR
from lab.tests.shelf import Shelf

pytestmark = pytest.mark.timeout(300)


def test_a_kubeconfig_is_enough_to_find_the_cause(shelf: Shelf, tmp_path: Path) -> None:
    """Its current context leads to the cluster; the folder stays empty."""
    lab = shelf.lab("security-group")
    environment = {**os.environ, **lab.environment, "HOME": str(tmp_path)}
    environment["KUBECONFIG"] = str(lab.directory / "kubeconfig.yaml")
    for name in ("DNSBOT_CONFIG", "DATABASE_URL"):
        environment.pop(name, None)

    done = subprocess.run(
        [sys.executable, "-m", "bot", "diagnose", "--selector", WORKLOAD_SELECTOR, "--output", "json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip

    assert (done.returncode, json.loads(done.stdout)["root_causes"]) == (2, ["dns_blocked_by_security_group"])
    assert "assumed: context cluster-prod, the current one" in done.stderr
    assert list(tmp_path.iterdir()) == []
