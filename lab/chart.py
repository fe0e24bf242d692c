"""Renders the Helm chart of `deploy/` with the real helm, without a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.programs import Programs

CHART = Path(__file__).parents[1] / "deploy" / "chart"
VALUE_SETS = tuple(sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml")))
RELEASE = NAMESPACE = "dnsbot"
_GO_MOD = Path(__file__).parent / "tools" / "kubernetes" / "go.mod"


def kubernetes_version() -> str:
    """Return the version of the lab's Kubernetes, `v1.36.3`: helm built from the module proxy does not know of one."""
    lines = map(str.split, _GO_MOD.read_text(encoding="utf-8").splitlines())
    return next(words[1] for words in lines if words and words[0] == "k8s.io/kubernetes")


def values_file(name: str) -> Path:
    """Return the file of a value set, such as `pod-identity`."""
    return CHART / "ci" / f"{name}-values.yaml"


def render(programs: Programs, name: str, settings: Sequence[str] = (), *, chart: Path = CHART) -> list[dict[str, Any]]:
    """Return the objects of a value set; `settings` are `--set` arguments. Raises `LabError` with helm's own words."""
    command = [programs.path("helm"), "template", RELEASE, str(chart), "--namespace", NAMESPACE]
    command += ["--kube-version", kubernetes_version(), "--values", str(values_file(name))]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own helm
    if done.returncode:
        raise LabError(f"helm template of {name} {list(settings)} ended with {done.returncode}: {done.stderr.strip()}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]
