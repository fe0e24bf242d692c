"""Options and arguments that commands share: their help, the values that they take, and what a shell completes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


class ReportOutput(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class HistoryOutput(StrEnum):
    """How the history is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


class Shell(StrEnum):
    """A shell that names are completed in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class LogFormat(StrEnum):
    """How a line of the log is written."""

    LOGFMT = "logfmt"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on a line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def complete_cluster(incomplete: str) -> list[str]:
    """Return what may be meant."""
    from bot.settings.names import cluster_names

    return [name for name in cluster_names() if name.startswith(incomplete)]


def complete_context(incomplete: str) -> list[str]:
    """Return what may be meant."""
    from bot.settings.names import context_names

    return [name for name in context_names() if name.startswith(incomplete)]


def complete_playbook(incomplete: str) -> list[str]:
    """Return what may be meant."""
    from bot.settings.names import playbook_names

    return [name for name in playbook_names() if name.startswith(incomplete)]


def complete_scenario(incomplete: str) -> list[str]:
    """Return what may be meant."""
    from bot.settings.names import scenario_names

    return [name for name in scenario_names() if name.startswith(incomplete)]


def examples(*lines: str) -> str:
    """Return what stands under the help of a command, line by line."""
    return "\b\nExamples:\n" + "\n".join(f"  dnsbot {line}" for line in lines)


ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="dnsbot.yaml; default: DNSBOT_CONFIG, then ./dnsbot.yaml.")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for scripts.")]
ReportOption = Annotated[
    ReportOutput, typer.Option("--output", "-o", help="text for people, json for scripts, markdown for a document.")
]
ClusterArgument = Annotated[
    str,
    typer.Argument(
        autocompletion=complete_cluster,
        help="A cluster of dnsbot.yaml, or a context of the kubeconfig; default: the only or current.",
    ),
]
PlaybooksArgument = Annotated[
    list[str] | None, typer.Argument(autocompletion=complete_playbook, help="Playbooks to run; default: all.")
]
KubeconfigOption = Annotated[
    str, typer.Option("--kubeconfig", help="Without dnsbot.yaml: this file; default: KUBECONFIG, then ~/.kube/config.")
]
ContextOption = Annotated[
    str,
    typer.Option(
        "--context", autocompletion=complete_context, help="Without dnsbot.yaml: this context; default: the current."
    ),
]
RegionOption = Annotated[str, typer.Option("--region", help="Without dnsbot.yaml: the region; default: the context's.")]
EksNameOption = Annotated[
    str, typer.Option("--eks-name", help="Without dnsbot.yaml: the EKS cluster's name; default: the context's.")
]
SelectorOption = Annotated[
    str,
    typer.Option(
        "--selector", "-l", metavar="LABELS", help="Without dnsbot.yaml: labels of application pods to look up from."
    ),
]
ScenarioOption = Annotated[
    str, typer.Option("--scenario", autocompletion=complete_scenario, help="See `dnsbot scenarios`.")
]
