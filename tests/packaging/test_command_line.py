"""The command line as a stranger meets it: help, version, completion, and mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.__main__ import app, main

LONGEST_IN_A_LIST = 45
COMMANDS: Any = typer.main.get_command(app)


def every_command(group: Any = COMMANDS, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command with the words that call it."""
    for name, command in group.commands.items():
        yield (*prefix, name), command
        if hasattr(command, "commands"):
            yield from every_command(command, (*prefix, name))


@pytest.mark.parametrize("words", [" ".join(words) for words, _ in every_command()])
def test_every_help_has_examples_and_a_short_first_sentence(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is cut in the list of commands, and what to type can be copied."""
    command = dict(every_command())[tuple(words.split())]

    assert main([*words.split(), "-h"]) == 0

    text = capsys.readouterr().out
    assert f"  dnsbot {words}" in text.partition("Examples:")[2]
    assert len((command.help or "").strip().partition("\n")[0]) <= LONGEST_IN_A_LIST


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """As every tool tells it."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dnsbot 0.")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--port", "70000"], "less than or equal to 65535"),
        (["diagnose", "x", "--deadline", "0s"], "--deadline '0s': a second at least is needed"),
        (["diagnose", "--watch", "soon"], "--watch 'soon': a duration such as 90s"),
        (["completion", "tcsh"], "bash"),
    ],
)
def test_a_mistake_is_one_message_and_exit_1(words: list[str], says: str, tmp_path: Path) -> None:
    """Not a traceback, and nothing on standard output."""
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=tmp_path, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("database", "says"),
    [("postgresql://u:hunter2@h:port/d", "DATABASE_URL"), ("sqlite:///h.db", "auth.test")],
    ids=["no database's URL", "no Slack"],
)
def test_a_bot_that_cannot_start_says_why_in_one_line(database: str, says: str, tmp_path: Path) -> None:
    """A wrong setting before anything is reached; of a Slack that is away nothing but our own words."""
    (tmp_path / "dnsbot.yaml").write_text("clusters: {c1: {region: eu-west-1}}\n", encoding="utf-8")
    slack = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_API_URL": "http://127.0.0.1:9/api/"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=tmp_path, env={**os.environ, **slack, "DATABASE_URL": database},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert says in line
    assert "hunter2" not in line


def test_a_sandbox_has_up_to_5000_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    """As many as its two subnets hold."""
    assert (main(["sandbox", "--nodes", "5000"]), main(["sandbox", "--nodes", "5001"])) == (1, 1)

    taken, refused = capsys.readouterr().err.split("Usage: ")[1:]
    assert "choose one of --play and --serve" in taken
    assert "less than or equal to 5000" in refused


def completed(folder: Path, *words: str) -> list[str]:
    """Return what bash is told about the last of these words."""
    done = subprocess.run(
        [sys.executable, "-m", "bot"],
        cwd=folder, capture_output=True, text=True, check=True,
        env={
            **os.environ, "KUBECONFIG": str(folder / "config"), "_DNSBOT_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(("dnsbot", *words)), "COMP_CWORD": str(len(words)),
        },
    )  # fmt: skip
    return done.stdout.split()


def test_a_shell_completes_contexts_or_clusters_playbooks_and_scenarios(tmp_path: Path) -> None:
    """From the kubeconfig, then from dnsbot.yaml; a broken file gives no names and no error."""
    (tmp_path / "config").write_text("contexts: [{name: prod-a, context: {}}, {name: other}]", encoding="utf-8")
    assert completed(tmp_path, "diagnose", "pro") == ["prod-a"]

    (tmp_path / "dnsbot.yaml").write_text("clusters: {prod-b: {}, prod-c: {}}", encoding="utf-8")
    assert completed(tmp_path, "plan", "prod") == ["prod-b", "prod-c"]
    assert completed(tmp_path, "diagnose", "prod-b", "core") == ["coredns"]
    assert completed(tmp_path, "sandbox", "--scenario", "network-a") == ["network-acl", "network-acl-look-alike"]

    (tmp_path / "dnsbot.yaml").write_text("clusters: [", encoding="utf-8")
    assert completed(tmp_path, "diagnose", "prod") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_shell_s_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Which asks this program for names."""
    assert main(["completion", shell]) == 0
    assert "_DNSBOT_COMPLETE" in capsys.readouterr().out
