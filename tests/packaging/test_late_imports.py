"""What a command does not need it does not import: start-up is most of what a small diagnosis costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOGGING = """
import logging, sys
from bot.logs import configure_logs
configure_logs(as_json=len(sys.argv) > 1)
print("structlog" in sys.modules)
logging.getLogger("bot").warning("asked", extra={"header": "Authorization: Bearer abcdefgh12345678"})
print("structlog" in sys.modules)
"""
MIGRATING = """
import sys
from bot.history import migrate
print(migrate(sys.argv[1]) == migrate(sys.argv[1]), "alembic" in sys.modules)
print("sqlalchemy.dialects.postgresql" in sys.modules)
"""
ENDING = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 1000))
from bot.memory import take_little_memory
take_little_memory()
print(gc.get_freeze_count())
"""

STARTING = """
import gc, sys
from bot.__main__ import main
print(main(["diagnose", "elsewhere", "--config", sys.argv[1]]), gc.get_freeze_count() > 100_000)
"""


def run(program: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)  # our own


def test_the_formatter_of_the_log_comes_with_the_first_line() -> None:
    """Most commands log nothing; what is logged is redacted as before."""
    done = run(LOGGING)

    assert done.stdout.split() == ["False", "True"]
    assert "event=asked" in done.stderr
    assert "abcdefgh" not in done.stderr


def test_log_lines_are_json_where_that_is_asked_for() -> None:
    """One object a line, redacted alike."""
    line = json.loads(run(LOGGING, "json").stderr)

    assert (line["event"], line["level"], line["logger"]) == ("asked", "warning", "bot")
    assert "abcdefgh" not in line["header"]


def test_alembic_comes_where_there_is_something_to_migrate(tmp_path: Path) -> None:
    """A new database is migrated by it, one that is up to date is not; with SQLite PostgreSQL's drivers stay away."""
    url = f"sqlite:///{tmp_path / 'history.db'}"

    assert run(MIGRATING, url).stdout.split()[:2] == ["True", "True"]
    assert run(MIGRATING, url).stdout.split() == ["True", "False", "False"]


def test_at_its_end_a_process_looks_through_nothing_that_it_made() -> None:
    """All that is left is frozen: two more looks for circular garbage were a seventh of a small diagnosis."""
    assert run(ENDING).stdout.split() == ["0", "True"]


def test_a_diagnosis_looks_through_nothing_that_was_loaded_for_it(tmp_path: Path) -> None:
    """It is frozen before the first question, here one about a cluster that is not configured."""
    settings = tmp_path / "dnsbot.yaml"
    settings.write_text("clusters: {here: {eks_name: here, region: eu-west-1}}\n", encoding="utf-8")

    done = run(STARTING, str(settings), folder=tmp_path)

    assert done.stdout.split() == ["1", "True"]
    assert "elsewhere" in done.stderr
