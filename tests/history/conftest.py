"""Databases to test on: SQLite files, and a real PostgreSQL cluster that is thrown away."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bot.collectors.kube_dns import DnsEndpoint, KubeDns
from bot.domain.approvals import ApprovalPolicy, Choice
from bot.domain.cluster import ClusterTarget, PodName, Question
from bot.domain.diagnosis import Binding, Diagnosis
from bot.domain.evidence import Collected, Gap, SourceCall
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Finding, FixOffer, Judgement, Kind, Severity, Verdict
from bot.domain.history import Draft, Press
from bot.domain.lookups import Reach
from bot.domain.people import Person
from bot.domain.plans import FixPlan, Step, WriterKind
from bot.history import SqlHistory, migrate, open_history
from bot.history.engine import open_database
from bot.history.schema import migrations_folder
from bot.history.tables import metadata
from tests.emptied_history import EmptiedHistory


@dataclass(frozen=True)
class PostgresCluster:
    """A running server that listens on a socket in its own folder."""

    folder: Path
    pg_ctl: str
    prefix: tuple[str, ...]

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def run(self, action: str) -> None:
        options = f"-c fsync=off -c listen_addresses= -c unix_socket_directories={self.folder}"
        arguments = [self.pg_ctl, action, "-D", str(self.folder / "data"), "-w", "-t", "30"]
        if action == "start":
            arguments += ["-l", str(self.folder / "log"), "-o", options]
        else:
            arguments += ["-m", "immediate"]
        subprocess.run([*self.prefix, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=60)

    def statement(self, database: str, sql: str) -> None:
        engine = open_database(self.url(database)).engine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(sql)
        engine.dispose()


def _program(name: str) -> str | None:
    folders = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), "/usr/local/bin"]
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


def _as_another_account(folder: Path) -> tuple[str, ...]:
    """PostgreSQL refuses to run as root: hand the folder to another account and run as it."""
    if os.getuid() != 0:
        return ()
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL server of its own, gone at the end of the session."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        missing = "initdb and pg_ctl were not found: install Debian's `postgresql` (`make test` does it as root)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="dnsbot-pg-"))
    cluster = PostgresCluster(folder=folder, pg_ctl=pg_ctl, prefix=_as_another_account(folder))
    arguments = [initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"]
    subprocess.run([*cluster.prefix, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=60)
    cluster.run("start")
    try:
        cluster.statement("postgres", "CREATE DATABASE migrated")
        migrate(cluster.url("migrated"))
        yield cluster
    finally:
        cluster.run("stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_sqlite(kept_history: EmptiedHistory) -> Path:
    """An empty SQLite history, to be copied."""
    return kept_history.blank


@pytest.fixture(scope="session")
def kept_on_server(postgres_cluster: PostgresCluster) -> SqlHistory:
    """A history on the server that stays open; its connections are closed after each test."""
    return open_history(postgres_cluster.url("migrated"), {"kube_dns": KubeDns})


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The URL of an empty, migrated PostgreSQL database; emptied again afterwards."""
    url = postgres_cluster.url("migrated")
    yield url
    database = open_database(url)
    with database.writing() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # the audit table lets nobody delete
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        newest = ScriptDirectory(str(migrations_folder())).get_current_head()
        connection.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, kept_history: EmptiedHistory) -> str:
    """The URL of an empty, migrated database, on each kind in turn."""
    if request.param == "sqlite":
        kept_history.emptied({})
        return kept_history.url
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def sql(url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """A function that runs one statement behind the history's back and returns the rows."""
    database = open_database(url)

    def run(statement: str) -> list[tuple[Any, ...]]:
        with database.writing() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    yield run
    database.close()


@pytest.fixture
def history(url: str, kept_history: EmptiedHistory, request: pytest.FixtureRequest) -> Iterator[SqlHistory]:
    """An open, empty history."""
    on_server = url != kept_history.url
    opened = request.getfixturevalue("kept_on_server") if on_server else kept_history.emptied({"kube_dns": KubeDns})
    yield opened
    opened.close()


def _diagnosis(diagnosis_id: str = "d1", **changes: Any) -> Diagnosis:
    endpoint = DnsEndpoint(ip="10.0.1.10", ready=True, node="node-a", pod="coredns-1")
    value = KubeDns(
        service_exists=True,
        cluster_ip="172.20.0.10",
        cluster_ips=("172.20.0.10",),
        selector="k8s-app=kube-dns",
        ports=("53/udp", "53/tcp"),
        endpoints=(endpoint,),
    )
    when = datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC)
    calls = (SourceCall(name="get services in kube-system", took_ms=12),)
    read = Collected(
        id="kube_dns",
        collector="kube_dns",
        parameters={"since": "900"},
        value=value,
        gap=None,
        calls=calls,
        collected_at=when,
        took_ms=20,
        summary="1 of 1 endpoints ready",
    )
    gap = Gap(what="network_acls", reason="403", grant="ec2:DescribeNetworkAcls")
    unread = Collected(
        id="network_acls",
        collector="network_acls",
        parameters={},
        value=None,
        gap=gap,
        calls=(),
        collected_at=when,
        took_ms=1,
        summary="",
    )
    judgement = Judgement(
        verdict=Verdict.PROBLEM,
        summary="udp/53 is not let in. \x00 and \ud800 survive.",
        proof=("sg-1 has 2 rules",),
        details={"blocked": [{"share": 0.5, "ids": ["sg-1"]}], "pairs": 3},
        missing=(gap,),
        last_failure_at=when,
        reach=(Reach(nodes=frozenset({"node-a", "node-b"})),),
        objects=(FaultyObject(kind=ObjectKind.SECURITY_GROUP, name="sg-0abc", parts=("ingress",)),),
    )
    finding = Finding(
        rule="dns_blocked_by_security_group",
        title="DNS is blocked by a security group",
        kind=Kind.CAUSE,
        playbook="security-groups",
        severity=Severity.CRITICAL,
        judgement=judgement,
        evidence=("kube_dns",),
        fixes=(FixOffer(fix="open_port", parameters={"scope": "all"}, risk="medium"),),
        measures=(FixOffer(fix="enable_log", parameters={}, risk="low", yields=("query_log",)),),
    )
    values: dict[str, Any] = {
        "question": Question(
            cluster="cluster-prod", pod=PodName(namespace="shop", name="cart"), names=("db.example.",)
        ),
        "target": ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1"),
        "asked_by": Person(team_id="T01", user_id="U01"),
        "started_at": when,
        "took_ms": 1830,
        "evidence": (read, unread),
        "findings": (finding,),
        "binding": Binding(account="123456789012", cluster_arn="arn:aws:eks:…", kube_system_uid="u-1"),
        "looked_from": "looked from 1 of 1 nodes",
        "lookups_all_answer": False,
    }
    return Diagnosis(id=diagnosis_id, **{**values, **changes})


def _draft(plan_id: str = "p1", *, fingerprint: str = "f1", **changes: Any) -> Draft:
    plan = FixPlan(
        id=plan_id,
        diagnosis_id="d1",
        cluster=changes.pop("cluster", "cluster-prod"),
        region="eu-west-1",
        binding=Binding(account="123456789012", cluster_arn="arn:aws:eks:…", kube_system_uid="u-1"),
        fix="open_port",
        title="Open the port",
        finding=changes.pop("finding", "dns_blocked_by_security_group"),
        playbook="security-groups",
        risk="medium",
        blast_radius="3 nodes",
        steps=(
            Step(
                fix="open_port",
                action="open",
                target="port 53",
                parameters={"port": 53, "tags": {"plan": plan_id}},
                before={"open": False, "rules": ["sgr-1", "sgr-2"]},
                diff=("+ 53",),
                undo="Close it.",
                command="open 53",
                writer=WriterKind.AWS,
            ),
        ),
        verify_rules=("dns_blocked_by_security_group",),
    )
    values: dict[str, Any] = {
        "policy": ApprovalPolicy(
            environment="production", users=("U02",), expires_after=changes.pop("expires_after", timedelta(minutes=30))
        ),
        "requested_by": Person(team_id="T01", user_id="U01"),
        "not_approvable": "",
    }
    return Draft(plan=plan, fingerprint=fingerprint, **{**values, **changes})


def _press(draft: Draft, user_id: str = "U02", choice: Choice = Choice.APPROVE, reason: str = "") -> Press:
    person = Person(team_id="T01", user_id=user_id)
    return Press(proposal_id=draft.plan.id, plan_hash=draft.plan.hash, person=person, choice=choice, reason=reason)


@pytest.fixture
def diagnosis_of() -> Callable[..., Diagnosis]:
    """A function that makes a diagnosis with evidence, a gap and a problem."""
    return _diagnosis


@pytest.fixture
def draft_of() -> Callable[..., Draft]:
    """A function that makes a plan ready to be stored; its diagnosis is `d1`."""
    return _draft


@pytest.fixture
def press_of() -> Callable[..., Press]:
    """A function that makes a press on a draft's button."""
    return _press
