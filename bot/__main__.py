"""The `dnsbot` command line (docs/commands.md). Imports late: `--help` must not pay for AWS or Kubernetes.

Standard output holds the answer and nothing else; progress and logs go to standard error.
Exit codes: 0 all healthy or done, 1 usage or configuration error, 2 a problem was found,
3 no problem found but some check could not run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.commands.options import (
    ClusterArgument,
    ConfigOption,
    ContextOption,
    EksNameOption,
    HistoryOutput,
    KubeconfigOption,
    LogFormat,
    LogLevel,
    Output,
    OutputOption,
    PlaybooksArgument,
    RegionOption,
    ReportOption,
    ReportOutput,
    ScenarioOption,
    SelectorOption,
    Shell,
    complete_cluster,
    complete_playbook,
    examples,
)
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
COMPLETES = "_DNSBOT_COMPLETE"
"""The variable by which a shell asks for names."""
playbooks_app = typer.Typer(rich_markup_mode=None, help="List, show or check playbooks.")
app.add_typer(playbooks_app, name="playbooks")
audit_app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Check what was recorded of plans.",
    epilog=examples("audit verify"),
)
app.add_typer(audit_app, name="audit")


def _say_version(asked: bool) -> None:  # noqa: FBT001  # typer's form
    if asked:
        from bot.workflow.record_files import own_version

        sys.stdout.write(f"dnsbot {own_version()}\n")
        raise typer.Exit


@app.callback()
def _everywhere(
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version.")
    ] = False,
) -> None:
    """Diagnose and repair DNS in Amazon EKS clusters: evidence, root cause, approved fix, verified."""


@app.command(epilog=examples("run", "run --port 3000 --host 0.0.0.0 --proxy 10.0.0.0/16"))
def run(
    config: ConfigOption = None,
    host: Annotated[str, typer.Option(help="Address of HTTP mode; 0.0.0.0 in a container.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of HTTP mode.")] = 3000,
    health_host: Annotated[
        str, typer.Option(help="Address of /healthz, /readyz and /metrics, in both modes; 0.0.0.0 in a container.")
    ] = "127.0.0.1",
    health_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of /healthz, /readyz and /metrics.")] = 3001,
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
    """Run the Slack bot.

    Socket Mode with SLACK_APP_TOKEN, else HTTP on --port.
    """
    from bot.commands import running
    from bot.slack.connection_limits import Limits, networks
    from bot.slack.serving import ListenAddresses

    limits = Limits(proxies=networks(proxy or ()))
    addresses = ListenAddresses(host=host, port=port, health_host=health_host, health_port=health_port, limits=limits)
    running.run(config, addresses, log_level=log_level.value, log_json=log_format is LogFormat.JSON)


@app.command(
    epilog=examples(
        "diagnose",
        "diagnose cluster-prod coredns lookups",
        "diagnose --context prod --region eu-west-1 --selector app=web",
        "diagnose cluster-prod --name orders.shop.svc.cluster.local --pod shop/web-0",
        "diagnose cluster-prod --brief --watch 10s",
        "diagnose cluster-prod -o markdown > incident.md",
    )
)
def diagnose(  # noqa: PLR0913, PLR0917  # one parameter an option
    cluster: ClusterArgument = "",
    playbook: PlaybooksArgument = None,
    pod: Annotated[str, typer.Option(help="Look from this pod, too: NS/NAME.")] = "",
    name: Annotated[list[str] | None, typer.Option(help="Look this host name up, too; may be repeated.")] = None,
    deadline: Annotated[str, typer.Option(help="Answer by then with what is known: 90s, 2m.")] = "60s",
    record: Annotated[
        Path | None, typer.Option(help="Keep what was read (redacted) in this file, for `dnsbot replay`.")
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Only what is wrong, in a few lines.")] = False,
    watch: Annotated[
        str, typer.Option(metavar="10s", help="Diagnose again after this time, until Ctrl-C; exits as the last one.")
    ] = "",
    output: ReportOption = ReportOutput.TEXT,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    region: RegionOption = "",
    eks_name: EksNameOption = "",
    selector: SelectorOption = "",
    config: ConfigOption = None,
) -> None:
    """Diagnose one cluster.

    Without dnsbot.yaml, or with --kubeconfig or --context: the kubeconfig's current context, and nothing is kept.

    Exit 0: all healthy. 2: a problem was found. 3: no problem found, but some check could not run.
    1: usage or configuration error.
    """
    from bot.commands import diagnosing
    from bot.commands.asked import Asked
    from bot.settings.assumed import Reach

    asked = Asked(
        words=((cluster,) if cluster else ()) + tuple(playbook or ()),
        config=config,
        reach=Reach(kubeconfig=kubeconfig, context=context, region=region, eks_name=eks_name, selector=selector),
        pod=pod,
        names=tuple(name or ()),
        deadline=deadline,
    )
    code = diagnosing.diagnose(asked, output=output.value, brief=brief, record=record, watch=watch)
    raise typer.Exit(code)


@app.command(
    epilog=examples("plan", "plan cluster-prod security-groups", "plan cluster-prod -o markdown >> incident.md")
)
def plan(  # noqa: PLR0913, PLR0917  # one parameter an option
    cluster: ClusterArgument = "",
    playbook: PlaybooksArgument = None,
    pod: Annotated[str, typer.Option(help="Look from this pod, too: NS/NAME.")] = "",
    deadline: Annotated[str, typer.Option(help="Diagnose until then with what is known: 90s, 2m.")] = "60s",
    output: ReportOption = ReportOutput.TEXT,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    region: RegionOption = "",
    eks_name: EksNameOption = "",
    selector: SelectorOption = "",
    config: ConfigOption = None,
) -> None:
    """Diagnose, and show the plans.

    Every difference and command that would be proposed. Nothing is stored, posted or applied: for when Slack is down,
    too. Exits like `diagnose`.
    """
    from bot.commands import diagnosing
    from bot.commands.asked import Asked
    from bot.settings.assumed import Reach

    asked = Asked(
        words=((cluster,) if cluster else ()) + tuple(playbook or ()),
        config=config,
        reach=Reach(kubeconfig=kubeconfig, context=context, region=region, eks_name=eks_name, selector=selector),
        pod=pod,
        names=(),
        deadline=deadline,
    )
    raise typer.Exit(diagnosing.plan(asked, output=output.value))


@app.command(epilog=examples("show 50f9eb96cd334b88a780dc089f76eb34", "show 50f9eb96cd334b88a780dc089f76eb34 -o json"))
def show(
    known_id: Annotated[str, typer.Argument(metavar="ID", help="Of a diagnosis or a plan; `dnsbot history` has them.")],
    output: ReportOption = ReportOutput.TEXT,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="FOLDER", help="Write the packet captures of the diagnosis there, too."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show a stored diagnosis or plan again.

    A diagnosis exits like `diagnose`, a plan with 0: what it would change, who decided, and what became of it. The
    files of a plan are those of the diagnosis that was made after it.
    """
    from bot.commands import recorded

    raise typer.Exit(recorded.show_stored(config, known_id, output=output.value, files=files))


@app.command(epilog=examples("replay cluster-prod.record"))
def replay(
    file: Annotated[Path, typer.Argument(help="A record that `dnsbot diagnose --record` or the bot in Slack made.")],
    output: ReportOption = ReportOutput.TEXT,
) -> None:
    """Diagnose from a record, without a cluster.

    Exits like `diagnose`.

    Rules of this version judge what was read then; what they need and the record lacks is told.
    """
    from bot.commands import diagnosing

    raise typer.Exit(diagnosing.replay(file, output=output.value))


@playbooks_app.callback(invoke_without_command=True, epilog=examples("playbooks", "playbooks show coredns"))
def playbooks(context: typer.Context) -> None:
    """List the playbooks."""
    if context.invoked_subcommand is None:
        from bot.commands import playbook_files

        playbook_files.list_playbooks()


@playbooks_app.command("show", epilog=examples("playbooks show coredns", "playbooks show coredns -o json"))
def show_playbook(
    name: Annotated[
        str, typer.Argument(autocompletion=complete_playbook, help="A playbook; `dnsbot playbooks` lists them.")
    ],
    output: OutputOption = Output.TEXT,
) -> None:
    """Show a playbook whole.

    What it looks at, concludes and may propose, with the calls and permissions of each.
    """
    from bot.commands import playbook_files

    playbook_files.show_playbook(name, as_json=output is Output.JSON)


@playbooks_app.command("check", epilog=examples("playbooks check", "playbooks check mine.yaml"))
def check_playbooks(
    files: Annotated[list[Path] | None, typer.Argument(help="Playbook files; default: the shipped ones.")] = None,
) -> None:
    """Validate playbooks.

    Each mistake with its file, line and key, and the nearest valid name.
    """
    from bot.commands import playbook_files

    playbook_files.check_playbooks(tuple(files or ()))


@app.command(
    epilog=examples(
        "history",
        "history cluster-prod --since 7d --person U0123456789",
        "history --incident 50f9eb96cd334b88a780dc089f76eb34 -o csv",
    )
)
def history(  # noqa: PLR0913, PLR0917  # one parameter an option
    cluster: Annotated[str, typer.Argument(autocompletion=complete_cluster, help="Only this cluster.")] = "",
    rule: Annotated[str, typer.Option(help="Only where this rule found a problem, or a plan is for it.")] = "",
    person: Annotated[str, typer.Option(help="Only what this person asked or decided: U0123456789.")] = "",
    since: Annotated[str, typer.Option(help="From then on: 7d, 2026-11-21, 2026-11-21T09:00:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Before then.")] = "",
    older: Annotated[str, typer.Option(help="The next page: only what is older than this diagnosis.")] = "",
    incident: Annotated[
        str, typer.Option(help="The timeline of one incident, by a diagnosis or a plan of it: who did what, and when.")
    ] = "",
    output: Annotated[
        HistoryOutput,
        typer.Option(
            "--output", "-o", help="text for people, json for scripts, csv for a spreadsheet: a row an event."
        ),
    ] = HistoryOutput.TEXT,
    limit: Annotated[int, typer.Option(help="How many diagnoses a page, newest first.", min=1, max=1000)] = 20,
    config: ConfigOption = None,
) -> None:
    """Show what was diagnosed, decided and done.

    Diagnoses, proposals, decisions and outcomes, newest first.
    """
    from bot.commands import recorded
    from bot.domain.sought import ALL

    sought = recorded.seek(rule=rule, person=person, since=since, until=until, older=older)
    if not incident:
        recorded.show_history(config, cluster, sought, limit=limit, output=output.value)
        return
    if cluster or sought != ALL:
        raise typer.BadParameter("--incident takes nothing that restricts the list beside it")
    recorded.show_incident(config, incident, output=output.value)


@app.command(epilog=examples("digest", "digest C0123456789 --dry-run"))
def digest(
    channel: Annotated[str, typer.Argument(help="Only this channel's; default: all digests.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look: keep no measurement and diagnose nothing in full.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Print what a digest would say now.

    Nothing is posted.
    """
    from bot.commands import digests

    digests.show_digest(config, channel, keep=not dry_run)


@audit_app.command("verify", epilog=examples("audit verify", "audit verify --head 41:9f86d081884c7d65"))
def audit_verify(
    head: Annotated[
        list[str] | None, typer.Option(help="A row's number and seal that was kept elsewhere, as 41:…; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Walk the audit chain.

    Names the first row that was changed, deleted, inserted or moved. Exit 0 or 2.
    """
    from bot.commands import auditing

    raise typer.Exit(auditing.audit_verify(config, tuple(head or ()), as_json=as_json))


@app.command(epilog=examples("migrate", "migrate --grant-to dnsbot"))
def migrate(
    grant_to: Annotated[
        str, typer.Option(help="PostgreSQL: the role that `run` connects as; it may not change the audit table.")
    ] = "",
) -> None:
    """Bring the database to the newest schema.

    Of SQLite `run` does it itself.
    """
    from bot.commands import setting_up

    setting_up.migrate_database(grant_to)


@app.command(epilog=examples("init", "init --context prod --selector app=web", "init /etc/dnsbot/dnsbot.yaml --force"))
def init(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write; default: DNSBOT_CONFIG, then ./dnsbot.yaml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over the file that is there.")] = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    region: RegionOption = "",
    eks_name: EksNameOption = "",
    selector: SelectorOption = "",
) -> None:
    """Write a dnsbot.yaml from the kubeconfig.

    One entry for each EKS cluster that a context leads to; with --context for that alone. Nothing is called.
    """
    from bot.commands import setting_up
    from bot.settings.assumed import Reach

    reach = Reach(kubeconfig=kubeconfig, context=context, region=region, eks_name=eks_name, selector=selector)
    setting_up.init(reach, file, overwrite=force)


@app.command(epilog=examples("doctor", "doctor cluster-prod"))
def doctor(
    cluster: Annotated[
        str, typer.Argument(autocompletion=complete_cluster, help="Only this cluster; default: all.")
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Check configuration, Slack and permissions.

    And the database; says what each that is missing disables.
    """
    from bot.commands import doctoring

    raise typer.Exit(doctoring.doctor(config, cluster))


@app.command(
    epilog=examples(
        "sandbox --scenario network-acl --play",
        "sandbox --serve --port 3000",
        "sandbox --play --deny ec2:DescribeNetworkAcls",
    )
)
def sandbox(
    scenario: ScenarioOption = "security-group",
    play: Annotated[bool, typer.Option("--play", help="Run the whole story without a person.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Keep the world up until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the bot under play; 0: a free one.")] = 0,
    nodes: Annotated[int, typer.Option(help="Worker nodes.", min=1, max=5000)] = 3,
    seed: Annotated[int, typer.Option(help="Draws ids, addresses and rule orders.")] = 1,
    deny: Annotated[
        list[str] | None,
        typer.Option(help="Refuse this call, as ec2:DescribeVpcs or create/pods/exec (verb, resource); repeatable."),
    ] = None,
    latency: Annotated[int, typer.Option(help="Milliseconds added to each call.", min=0, max=60_000)] = 0,
) -> None:
    """Run a local world to try the bot in.

    Simulated AWS and Kubernetes, and a local Slack. Binds to loopback only.
    """
    if play == serve:
        raise typer.BadParameter("choose one of --play and --serve")
    from bot.commands import sandboxes

    code = sandboxes.sandbox(
        scenario, play=play, port=port, nodes=nodes, seed=seed, deny=tuple(deny or ()), latency_ms=latency
    )
    raise typer.Exit(code)


@app.command(epilog=examples("scenarios"))
def scenarios() -> None:
    """List the sandbox's scenarios.

    Each with the look-alike that must not be blamed.
    """
    from bot.commands import sandboxes

    sandboxes.list_scenarios()


@app.command(epilog=examples("completion bash > /etc/bash_completion.d/dnsbot", "completion zsh > ~/.zfunc/_dnsbot"))
def completion(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print a shell's completion.

    It knows the clusters of dnsbot.yaml or the contexts of the kubeconfig, playbooks and scenarios.
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # is not in its __all__

    script = get_completion_script(prog_name="dnsbot", complete_var=COMPLETES, shell=shell.value)
    sys.stdout.write(f"{script}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. Usage errors are 1, as in the contract."""
    take_little_memory()
    if COMPLETES in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # is not in its __all__

        completion_init()
    try:
        result: Any = app(args=arguments, standalone_mode=False, prog_name="dnsbot")
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
