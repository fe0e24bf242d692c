import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from bot.domain.approvals import MessageRef, Posted, ProposalState
from bot.domain.diagnosis import Diagnosis
from bot.domain.history import Draft
from bot.errors import ConfigurationError, HistoryUnavailable
from bot.history import SqlHistory, migrate, open_history, schema_is_current
from bot.history.columns import DatabaseTime
from bot.history.engine import open_database
from bot.history.schema import migrations_folder
from bot.history.tables import metadata

NEWEST = ScriptDirectory(str(migrations_folder())).get_current_head()
Sql = Callable[[str], list[tuple[Any, ...]]]


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    """Nothing is left to be generated between the migrated database and the tables."""
    database = open_database(url)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_migrating_again_changes_nothing(url: str) -> None:
    """A database with the newest schema stays, and says so."""
    assert migrate(url) == NEWEST
    assert schema_is_current(url)


def test_proposals_survive_the_migration_that_stores_report_links(
    history: SqlHistory, diagnosis_of: Callable[..., Diagnosis], draft_of: Callable[..., Draft], url: str
) -> None:
    """Rows of the schema before it keep all they had; the link begins empty, and plans of then wait no longer."""
    history.record(diagnosis_of())
    stored = history.propose(draft_of())
    card = MessageRef(channel="C1", ts="1.2")
    history.remember(stored.id, Posted(message=card, report_url="https://x.slack.com/archives/C1/p12"))
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    database = open_database(url)
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    database.close()
    assert not schema_is_current(url)

    migrate(url)

    doubt = "it has no entry in the audit chain"  # which began after it
    expected = replace(stored, posted=Posted(message=card), state=ProposalState.EXPIRED, doubt=doubt)
    assert history.proposal(stored.id) == expected


def test_two_processes_may_migrate_at_once(tmp_path: Path) -> None:
    """The second waits for the first and finds nothing to do."""
    url = f"sqlite:///{tmp_path}/new.db"
    barrier = threading.Barrier(2)

    def run(_: int) -> str:
        barrier.wait()
        return migrate(url)

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert list(pool.map(run, range(2))) == [NEWEST, NEWEST]


def test_a_database_from_the_future_is_not_touched(url: str, sql: Sql) -> None:
    """A schema that this program does not know is a configuration error that says what to run."""
    sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer dnsbot"):
        migrate(url)


def test_a_table_that_somebody_removed_is_named_and_no_migration_is_advised(url: str, sql: Sql) -> None:
    """At the newest revision there is nothing left to migrate: the tables are looked at, not the number alone."""
    sql("ALTER TABLE mutes RENAME TO lost")

    for look in (migrate, schema_is_current):
        with pytest.raises(HistoryUnavailable, match=r"lacks mutes: somebody removed .* Restore a backup"):
            look(url)
    sql("ALTER TABLE lost RENAME TO mutes")
    assert schema_is_current(url)


def test_a_delivery_is_new_once(history: SqlHistory) -> None:
    """A key, however long, is new the first time and known ever after."""
    key = "Ev0123" + "x" * 400
    assert [history.once(key), history.once(key), history.once("other")] == [True, False, True]


def test_of_one_delivery_handed_in_many_times_at_once_one_is_new(history: SqlHistory) -> None:
    """Eight threads ask about one key: one is told that it is new."""
    barrier = threading.Barrier(8)

    def ask(_: int) -> bool:
        barrier.wait()
        return history.once("Ev1")

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert sorted(pool.map(ask, range(8))) == [False] * 7 + [True]


def test_old_delivery_keys_are_forgotten(history: SqlHistory, sql: Sql) -> None:
    """Keys older than a week go with the sweep, younger ones stay."""
    history.once("old")
    history.once("young")
    sql("UPDATE deliveries SET seen_at = '2026-01-01 00:00:00.000000' WHERE key = 'old'")
    history.expire()
    assert [history.once("old"), history.once("young")] == [True, False]


def test_the_sql_of_a_statement_that_reads_the_clock_is_made_once(url: str) -> None:
    """The database's time, and any seconds from it, are asked for by one text that is kept; both are right."""
    kept: dict[Any, Any] = {}
    database = open_database(url)
    with database.reading() as connection:
        asking = connection.execution_options(compiled_cache=kept)
        early, late = [asking.execute(select(DatabaseTime(seconds))).scalar_one() for seconds in (-90.5, 3600)]
    database.close()
    assert len(kept) == 1
    assert timedelta(seconds=3690) < late - early < timedelta(seconds=3750)


def test_sqlite_keeps_readers_and_writers_apart_and_checks_references(tmp_path: Path) -> None:
    """The file is in WAL mode; foreign keys are on for every connection."""
    url = f"sqlite:///{tmp_path}/new.db"
    migrate(url)
    database = open_database(url)
    with database.reading() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys")]
    database.close()
    assert pragmas == ["wal", 1]


def test_a_locked_sqlite_file_is_unavailable_within_bounds(
    tmp_path: Path, migrated_sqlite: Path, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """A writer that holds the file longer than the busy time-out makes ours fail, loudly and as ours."""
    del tmp_path
    holder = sqlite3.connect(migrated_sqlite, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    history = open_history(f"sqlite:///{migrated_sqlite}", {}, wait_seconds=0.2)
    try:
        with pytest.raises(HistoryUnavailable, match="locked"):
            history.record(diagnosis_of())
    finally:
        holder.execute("ROLLBACK")
        holder.close()
        history.close()


def test_an_unmigrated_database_says_what_to_run(tmp_path: Path) -> None:
    """Missing tables are named with the command that makes them."""
    history = open_history(f"sqlite:///{tmp_path}/empty.db", {})
    with pytest.raises(HistoryUnavailable, match="dnsbot migrate"):
        history.proposal("p1")
    history.close()


def test_an_unmigrated_server_says_what_to_run_and_a_missing_database_does_not(postgres_cluster: Any) -> None:
    """Missing tables are one thing, a wrong DATABASE_URL is another."""
    empty, absent = open_history(postgres_cluster.url("template1"), {}), open_history(postgres_cluster.url("no"), {})
    with pytest.raises(HistoryUnavailable, match="dnsbot migrate"):
        empty.proposal("p1")
    with pytest.raises(HistoryUnavailable, match="Check that it runs"):
        absent.proposal("p1")
    empty.close()
    absent.close()


def test_no_server_is_unavailable_and_the_password_stays_hidden() -> None:
    """A server that refuses the connection is our error, without the password in its text."""
    history = open_history("postgresql://bot:hunter2@127.0.0.1:1/dnsbot", {})
    with pytest.raises(HistoryUnavailable) as caught:
        history.once("key")
    history.close()
    assert "hunter2" not in str(caught.value)
    assert "DATABASE_URL" in str(caught.value)


def test_a_server_that_comes_back_is_used_again(postgres_cluster: Any, postgres_url: str) -> None:
    """While the server is down calls fail as unavailable; once it is back they work, on the same object."""
    history = open_history(postgres_url, {})
    assert history.once("before")
    postgres_cluster.run("stop")
    with pytest.raises(HistoryUnavailable):
        history.once("during")
    postgres_cluster.run("start")
    assert history.once("after")
    postgres_cluster.run("stop")
    postgres_cluster.run("start")
    assert history.once("after a restart that nobody noticed")
    history.close()


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        pytest.param("not a url", "not a database URL", id="junk"),
        pytest.param("postgresql://u:p@h:port/d", "not a database URL", id="no-port"),
        pytest.param("mysql://db/dnsbot", "mysql", id="another-kind"),
        pytest.param("sqlite://", "must name a file", id="memory"),
        pytest.param("sqlite:///:memory:", "must name a file", id="memory-by-name"),
    ],
)
def test_an_unusable_url_is_a_configuration_error(bad: str, says: str) -> None:
    """URLs that can hold no history are refused with what would do."""
    with pytest.raises(ConfigurationError, match=says):
        open_history(bad, {})


@pytest.mark.parametrize("what", ["gone", "replaced"])
def test_a_file_that_is_gone_or_replaced_is_noticed_before_the_next_write(tmp_path: Path, what: str) -> None:
    """What is written to it nobody reads again: everything is refused, until the file is back."""
    file, away = tmp_path / "history.db", tmp_path / "away.db"
    migrate(f"sqlite:///{file}")
    history = open_history(f"sqlite:///{file}", {})
    history.once("before")
    file.rename(away)
    if what == "replaced":
        migrate(f"sqlite:///{file}")
    for refused in (lambda: history.once("after"), history.recent, history.due):
        with pytest.raises(HistoryUnavailable, match=what):
            refused()
    existed = file.exists()
    if what == "gone":
        away.rename(file)
        assert [history.once("before"), history.once("after")] == [False, True]
    history.close()
    assert existed is (what == "replaced")


@pytest.mark.parametrize("spoil", [b"", bytes(100), bytes(range(256)) * 16], ids=["emptied", "header", "overwritten"])
def test_a_file_that_can_no_longer_be_read_is_noticed_before_the_next_write(
    migrated_sqlite: Path, tmp_path: Path, spoil: bytes
) -> None:
    """It is the same file, and another program wrote into it: no page that was read before is trusted."""
    path = tmp_path / "history.db"
    shutil.copy(migrated_sqlite, path)
    history = open_history(f"sqlite:///{path}", {})
    history.once("before")
    history.recent()
    with path.open("r+b") as file:
        if spoil:
            file.write(spoil)
        else:
            file.truncate()
    for refused in (lambda: history.once("after"), history.recent, history.due):
        with pytest.raises(HistoryUnavailable, match="file is not a database"):
            refused()
    history.close()
