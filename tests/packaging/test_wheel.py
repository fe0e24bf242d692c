from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def test_wheel_carries_what_the_bot_reads_at_run_time(wheel: Path) -> None:
    """Playbooks, templates, migrations and the probe are inside; tests, lab and benchmarks are not."""
    names = zipfile.ZipFile(wheel).namelist()

    assert "bot/shipped/playbooks/security-groups.yaml" in names
    assert any(name.startswith("bot/shipped/templates/") for name in names)
    assert any(name.startswith("bot/shipped/migrations/versions/") for name in names)
    assert "bot/shipped/probe/dnsprobe.py" in names
    assert not [name for name in names if name.split("/")[0] in {"tests", "lab", "benchmarks", "deploy"}]


@pytest.mark.slow
def test_installed_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, the bot finds its playbooks and migrates a database."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    packages = os.pathsep.join((str(site), *(path for path in sys.path if path.endswith("site-packages"))))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": packages, "DATABASE_URL": f"sqlite:///{tmp_path}/h.db"}

    def dnsbot(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-S", "-m", "bot", *arguments],
            cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    shipped = len(list((ROOT / "playbooks").glob("*.yaml")))
    assert f"{shipped} playbooks" in dnsbot("playbooks", "check")
    assert "newest schema" in dnsbot("migrate")
