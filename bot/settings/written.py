"""Writes a dnsbot.yaml for the EKS clusters that a kubeconfig leads to; our own reader has read it before it stands."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.errors import ConfigurationError
from bot.settings.assumed import Reach, check_reach, eks_name_of, region_of
from bot.settings.kubeconfig import KubeContext, read_kubeconfig
from bot.settings.load import load_settings

_HEAD = """\
# Written by `dnsbot init` from the kubeconfig. What is commented out is left to fill in (docs/configuration.md).
# Then: `dnsbot doctor` says what is missing.
clusters:
"""
_LEFT_TO_FILL_IN = """\
    # role_arn: arn:aws:iam::111122223333:role/dnsbot-read           # assumed for reading
    # writer_role_arn: arn:aws:iam::111122223333:role/dnsbot-write   # assumed only to apply an approved plan
    # writer_context: NAME                                           # used only to apply an approved plan
    # channel: C0123456789                                           # where proposals of this cluster go
"""
_SELECTOR = (
    "    # workload_selector: app.kubernetes.io/part-of=shop              # application pods to look names up from\n"
)
_APPROVALS = """\
# approvals:
#   default: {required: 1, requester_may_approve: false, user_groups: [S0123456789], expires_after: 30m}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of it."""

    file: Path
    clusters: tuple[str, ...]
    lines: tuple[str, ...]
    """What was left out, and what to do next."""


def write_settings(
    reach: Reach, file: Path, *, overwrite: bool, environment: Mapping[str, str] | None = None
) -> Written:
    """Write `file`. Raises `ConfigurationError` where it is there already, or no context leads to an EKS cluster."""
    env = os.environ if environment is None else environment
    check_reach(reach)
    if file.exists() and not overwrite:
        raise ConfigurationError(f"{file} is there already, and nothing was written. --force writes over it.")
    kubeconfig = read_kubeconfig(reach.kubeconfig, env)
    alone = reach.context or reach.eks_name or reach.region
    contexts = [kubeconfig.named(reach.context)] if alone else list(kubeconfig.contexts)
    contexts.sort(key=lambda one: one.name != kubeconfig.current)
    entries = _entries(contexts, reach, env) or _entries([kubeconfig.named("")], reach, env, by_name=True)
    left_out = [one.name for one in contexts if one.name not in {context.name for context, _, _ in entries.values()}]
    if not entries:
        raise ConfigurationError(
            f"No context of the kubeconfig {kubeconfig.paths} names an EKS cluster and its region, and nothing was "
            f"written. Say which: --context NAME --eks-name NAME --region REGION. Contexts: {', '.join(left_out)}."
        )
    _write(file, _HEAD + "".join(_lines(entries, reach)) + _APPROVALS)
    passed = (f"Left out, since they are entered already or lead to no EKS cluster: {', '.join(left_out)}.",)
    return Written(
        file=file,
        clusters=tuple(entries),
        lines=(*(passed if left_out else ()), f"Next: dnsbot diagnose {next(iter(entries))}, or dnsbot doctor."),
    )


def _entries(
    contexts: Sequence[KubeContext], reach: Reach, env: Mapping[str, str], *, by_name: bool = False
) -> dict[str, tuple[KubeContext, str, str]]:
    """Return context, EKS name and region by the name that people type; one entry for each cluster.

    `by_name`: a context that names no EKS cluster is taken to be called like it.
    """
    guess = by_name or bool(reach.context)
    made: dict[str, tuple[KubeContext, str, str]] = {}
    for context in contexts:
        name = eks_name_of(context, reach).value if guess or reach.eks_name else context.eks_name.value
        region = region_of(context, reach, env).value
        if not (name and region) or (name, region) in {(eks, where) for _, eks, where in made.values()}:
            continue
        made[name if name not in made else f"{name}-{region}"] = (context, name, region)
    return made


def _lines(entries: Mapping[str, tuple[KubeContext, str, str]], reach: Reach) -> Iterator[str]:
    for key, (context, eks_name, region) in entries.items():
        entry = {"region": region, "eks_name": eks_name, "kubeconfig": str(context.file), "context": context.name}
        entry |= {"workload_selector": reach.selector} if reach.selector else {}
        text = yaml.safe_dump({key: entry}, sort_keys=False, allow_unicode=True, width=200)
        yield "".join(f"  {line}\n" for line in text.splitlines())
        yield ("" if reach.selector else _SELECTOR) + _LEFT_TO_FILL_IN


def _write(file: Path, text: str) -> None:
    """Let our own reader read it first, beside where it is to stand; then it takes its place whole."""
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".dnsbot-") as folder:
            made = Path(folder) / file.name
            made.write_text(text, encoding="utf-8")
            load_settings(made, {})
            made.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from error
