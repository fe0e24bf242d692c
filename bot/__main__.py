"""The `dnsbot` command line (README, "Commands"). Imports late: `--help` must not pay for AWS or Kubernetes.

Standard output holds the answer and nothing else; progress and logs go to standard error.
Exit codes: 0 all healthy or done, 1 usage or configuration error, 2 a problem was found,
3 no problem found but some check could not run.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.errors import DnsBotError
from bot.memory import take_little_memory

app = typer.Typer(
    name="dnsbot",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Diagnose and repair DNS in Amazon EKS clusters: evidence, root cause, approved fix, verified.",
)
playbooks_app = typer.Typer(rich_markup_mode=None, help="List the playbooks, show one whole, or check playbook files.")
app.add_typer(playbooks_app, name="playbooks")
audit_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Check what was recorded of plans.")
app.add_typer(audit_app, name="audit")


class Output(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


class HistoryOutput(StrEnum):
    """How the history is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


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


_Config = Annotated[
    Path | None, typer.Option("--config", help="dnsbot.yaml; default: DNSBOT_CONFIG, then ./dnsbot.yaml.")
]
_Output = Annotated[Output, typer.Option("--output", help="text for people, json for scripts.")]
_Cluster = Annotated[
    str, typer.Argument(help="A cluster of dnsbot.yaml, or a context of the kubeconfig; default: the only or current.")
]
_Playbooks = Annotated[list[str] | None, typer.Argument(help="Playbooks to run; default: all.")]
_Kubeconfig = Annotated[
    str, typer.Option("--kubeconfig", help="Without dnsbot.yaml: this file; default: KUBECONFIG, then ~/.kube/config.")
]
_Context = Annotated[str, typer.Option("--context", help="Without dnsbot.yaml: this context; default: the current.")]
_Region = Annotated[str, typer.Option("--region", help="Without dnsbot.yaml: the region; default: the context's.")]
_EksName = Annotated[
    str, typer.Option("--eks-name", help="Without dnsbot.yaml: the EKS cluster's name; default: the context's.")
]
_Selector = Annotated[
    str,
    typer.Option(
        "--selector", "-l", metavar="LABELS", help="Without dnsbot.yaml: labels of application pods to look up from."
    ),
]
_Scenario = Annotated[str, typer.Option("--scenario", help="See `dnsbot scenarios`.")]


@app.command()
def run(
    config: _Config = None,
    host: Annotated[str, typer.Option(help="Address of HTTP mode; 0.0.0.0 in a container.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of HTTP mode.")] = 3000,
    health_host: Annotated[
        str, typer.Option(help="Address of /healthz, /readyz and /metrics, in both modes; 0.0.0.0 in a container.")
    ] = "127.0.0.1",
    health_port: Annotated[int, typer.Option(help="Port of /healthz, /readyz and /metrics.")] = 3001,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help="Where proxies call HTTP mode from: connections are bounded for each address that their "
            "X-Forwarded-For names, not for theirs; may be repeated.",
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="From which level on lines are logged.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="How lines are logged.")] = LogFormat.LOGFMT,
) -> None:
    """Run the Slack bot: Socket Mode with SLACK_APP_TOKEN, else HTTP on --port."""
    from bot import commands
    from bot.slack.connection_limits import Limits, networks
    from bot.slack.serving import ListenAddresses

    limits = Limits(proxies=networks(proxy or ()))
    addresses = ListenAddresses(host=host, port=port, health_host=health_host, health_port=health_port, limits=limits)
    commands.run(config, addresses, log_level=log_level.value, log_json=log_format is LogFormat.JSON)


@app.command()
def diagnose(  # noqa: PLR0913, PLR0917  # one parameter an option
    cluster: _Cluster = "",
    playbook: _Playbooks = None,
    pod: Annotated[str, typer.Option(help="Look from this pod, too: NS/NAME.")] = "",
    name: Annotated[list[str] | None, typer.Option(help="Look this host name up, too; may be repeated.")] = None,
    deadline: Annotated[str, typer.Option(help="Answer by then with what is known: 90s, 2m.")] = "60s",
    record: Annotated[
        Path | None, typer.Option(help="Keep what was read (redacted) in this file, for `dnsbot replay`.")
    ] = None,
    output: _Output = Output.TEXT,
    kubeconfig: _Kubeconfig = "",
    context: _Context = "",
    region: _Region = "",
    eks_name: _EksName = "",
    selector: _Selector = "",
    config: _Config = None,
) -> None:
    """Diagnose one cluster.

    Without dnsbot.yaml, or with --kubeconfig or --context: the kubeconfig's current context, and nothing is kept.

    Exit 0: all healthy. 2: a problem was found. 3: no problem found, but some check could not run.
    1: usage or configuration error.
    """
    from bot import commands
    from bot.settings.assumed import Reach

    asked = commands.Asked(
        words=((cluster,) if cluster else ()) + tuple(playbook or ()),
        config=config,
        reach=Reach(kubeconfig=kubeconfig, context=context, region=region, eks_name=eks_name, selector=selector),
        pod=pod,
        names=tuple(name or ()),
        deadline=deadline,
    )
    raise typer.Exit(commands.diagnose(asked, as_json=output is Output.JSON, record=record))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A record that `dnsbot diagnose --record` or the bot in Slack made.")],
    output: _Output = Output.TEXT,
) -> None:
    """Diagnose from a record, without any cluster; exits like `diagnose`.

    Rules of this version judge what was read then; what they need and the record lacks is told.
    """
    from bot import commands

    raise typer.Exit(commands.replay(file, as_json=output is Output.JSON))


@playbooks_app.callback(invoke_without_command=True)
def playbooks(context: typer.Context) -> None:
    """List the playbooks."""
    if context.invoked_subcommand is None:
        from bot import commands

        commands.list_playbooks()


@playbooks_app.command("show")
def show_playbook(
    name: Annotated[str, typer.Argument(help="A playbook; `dnsbot playbooks` lists them.")],
    output: _Output = Output.TEXT,
) -> None:
    """Show one whole: what it looks at, concludes and may propose, with the calls and permissions of each."""
    from bot import commands

    commands.show_playbook(name, as_json=output is Output.JSON)


@playbooks_app.command("check")
def check_playbooks(
    files: Annotated[list[Path] | None, typer.Argument(help="Playbook files; default: the shipped ones.")] = None,
) -> None:
    """Validate playbooks: names the file, the line, the key and the nearest valid name."""
    from bot import commands

    commands.check_playbooks(tuple(files or ()))


@app.command()
def history(  # noqa: PLR0913, PLR0917  # one parameter an option
    cluster: Annotated[str, typer.Argument(help="Only this cluster.")] = "",
    rule: Annotated[str, typer.Option(help="Only where this rule found a problem, or a plan is for it.")] = "",
    person: Annotated[str, typer.Option(help="Only what this person asked or decided: U0123456789.")] = "",
    since: Annotated[str, typer.Option(help="From then on: 7d, 2026-11-21, 2026-11-21T09:00:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Before then.")] = "",
    older: Annotated[str, typer.Option(help="The next page: only what is older than this diagnosis.")] = "",
    incident: Annotated[
        str, typer.Option(help="The timeline of one incident, by a diagnosis or a plan of it: who did what, and when.")
    ] = "",
    output: Annotated[
        HistoryOutput, typer.Option(help="text for people, json for scripts, csv for a spreadsheet: a row an event.")
    ] = HistoryOutput.TEXT,
    limit: Annotated[int, typer.Option(help="How many diagnoses a page, newest first.", min=1, max=1000)] = 20,
    config: _Config = None,
) -> None:
    """Show diagnoses, proposals, decisions and outcomes, newest first."""
    from bot import commands
    from bot.domain.sought import ALL

    sought = commands.seek(rule=rule, person=person, since=since, until=until, older=older)
    if not incident:
        commands.show_history(config, cluster, sought, limit=limit, output=output.value)
        return
    if cluster or sought != ALL:
        raise typer.BadParameter("--incident takes nothing that restricts the list beside it")
    commands.show_incident(config, incident, output=output.value)


@app.command()
def digest(
    channel: Annotated[str, typer.Argument(help="Only this channel's; default: all digests.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look: keep no measurement and diagnose nothing in full.")
    ] = False,
    config: _Config = None,
) -> None:
    """Print what a digest would say now; nothing is posted."""
    from bot import commands

    commands.show_digest(config, channel, keep=not dry_run)


@audit_app.command("verify")
def audit_verify(
    head: Annotated[
        list[str] | None, typer.Option(help="A row's number and seal that was kept elsewhere, as 41:…; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: _Config = None,
) -> None:
    """Walk the audit chain and name the first row that was changed, deleted, inserted or moved. Exit 0 or 2."""
    from bot import commands

    raise typer.Exit(commands.audit_verify(config, tuple(head or ()), as_json=as_json))


@app.command()
def migrate(
    grant_to: Annotated[
        str, typer.Option(help="PostgreSQL: the role that `run` connects as; it may not change the audit table.")
    ] = "",
) -> None:
    """Bring the database to the newest schema (SQLite: `run` does it itself)."""
    from bot import commands

    commands.migrate_database(grant_to)


@app.command()
def init(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write; default: DNSBOT_CONFIG, then ./dnsbot.yaml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over the file that is there.")] = False,
    kubeconfig: _Kubeconfig = "",
    context: _Context = "",
    region: _Region = "",
    eks_name: _EksName = "",
    selector: _Selector = "",
) -> None:
    """Write a dnsbot.yaml from the kubeconfig.

    One entry for each EKS cluster that a context leads to; with --context for that alone. Nothing is called.
    """
    from bot import commands
    from bot.settings.assumed import Reach

    reach = Reach(kubeconfig=kubeconfig, context=context, region=region, eks_name=eks_name, selector=selector)
    commands.init(reach, file, overwrite=force)


@app.command()
def doctor(
    cluster: Annotated[str, typer.Argument(help="Only this cluster; default: all.")] = "",
    config: _Config = None,
) -> None:
    """Check configuration, Slack, database and permissions; say what each missing one disables."""
    from bot import commands

    raise typer.Exit(commands.doctor(config, cluster))


@app.command()
def sandbox(
    scenario: _Scenario = "security-group",
    play: Annotated[bool, typer.Option("--play", help="Run the whole story without a person.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Keep the world up until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="Port of the bot under play; 0: a free one.")] = 0,
    nodes: Annotated[int, typer.Option(help="Worker nodes.", min=1, max=5000)] = 3,
    seed: Annotated[int, typer.Option(help="Draws ids, addresses and rule orders.")] = 1,
    deny: Annotated[
        list[str] | None,
        typer.Option(help="Refuse this call, as ec2:DescribeVpcs or create/pods/exec (verb, resource); repeatable."),
    ] = None,
    latency: Annotated[int, typer.Option(help="Milliseconds added to each call.", min=0, max=60_000)] = 0,
) -> None:
    """Run the local world: simulated AWS and Kubernetes, a local Slack. Binds to loopback only."""
    if play == serve:
        raise typer.BadParameter("choose one of --play and --serve")
    from bot import commands

    code = commands.sandbox(
        scenario, play=play, port=port, nodes=nodes, seed=seed, deny=tuple(deny or ()), latency_ms=latency
    )
    raise typer.Exit(code)


@app.command()
def scenarios() -> None:
    """List the sandbox's scenarios, each with the look-alike that must not be blamed."""
    from bot import commands

    commands.list_scenarios()


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. Usage errors are 1, as in the contract."""
    take_little_memory()
    try:
        result: Any = app(args=arguments, standalone_mode=False)
    except DnsBotError as error:
        from bot.domain.redaction import redact

        sys.stderr.write(f"dnsbot: {redact(str(error))}\n")
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return 1
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
