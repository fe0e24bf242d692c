"""A copy of the tree with units grafted in: `python -m tests.catalogue.graft [PYTEST ARGUMENT…]` tests the whole of it.

What is grafted lies in `grafted/`, each file where it would stand in the tree: there `make lint` checks it as part of
`bot` (`src` of ruff and `mypy_path` of mypy in `pyproject.toml`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).parents[2]
GRAFTED = Path(__file__).parent / "grafted"


@dataclass(frozen=True)
class Copy:
    """A copy of the tree, with what was grafted in and with everything generated made anew."""

    root: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment in the copy, whose `bot` is imported in the place of the installed one."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        return subprocess.run(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=self.root, env={**ours, "PYTHONPATH": str(self.root)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def changed(self) -> set[str]:
        """Return the paths of files that are not what they are in the tree, new ones included."""
        return {path for path in _files(self.root) if _content(ROOT / path) != _content(self.root / path)}


def grafted_files() -> set[str]:
    """Return the paths of what is grafted, as they are in the tree that has it."""
    return set(_files(GRAFTED))


def make_copy(root: Path) -> Copy:
    """Copy what git knows or would add, graft the units in, and run what `make docs` runs."""
    for path in _listed():
        source, target = ROOT / path, root / path
        if source.is_file() and GRAFTED not in source.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            _copy_compiled(source, target)
    for path in grafted_files():
        assert not (root / path).exists(), f"{path} is part of the tree now: graft something else"
        shutil.copy2(GRAFTED / path, root / path)
    copy = Copy(root)
    made = copy.run("python", "-m", "bot.report", ".")
    assert made.returncode == 0, made.stderr
    return copy


def _copy_compiled(source: Path, target: Path) -> None:
    """Copy what Python compiled of a module, so that not every process that runs in the copy compiles all of it."""
    if source.suffix != ".py":
        return
    compiled, beside = Path(cache_from_source(str(source))), Path(cache_from_source(str(target)))
    if compiled.is_file():
        beside.parent.mkdir(exist_ok=True)
        shutil.copy2(compiled, beside)


def _listed() -> list[str]:
    """Return the paths of what git knows or would add; in a copy, which is no checkout, of all there is."""
    if not (ROOT / ".git").exists():
        return list(_files(ROOT))
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607  # whichever git there is
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for path in told.split("\0") if path]


def _files(root: Path) -> Iterator[str]:
    ignored = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"}
    for path in root.rglob("*"):
        if path.is_file() and ignored.isdisjoint(path.parts):
            yield str(path.relative_to(root))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="dnsbot-grafted-") as folder:
        done = make_copy(Path(folder)).run("pytest", *(sys.argv[1:] or ["-q", "-n", "2", "--dist", "loadfile"]))
        sys.stdout.write(done.stdout + done.stderr)
    sys.exit(done.returncode)
