"""A packet capture from a command in Slack to its files in the thread and its end."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import as_text
from bot.sandbox.story import report_reading as reading
from bot.sandbox.world.world import PROBE_NAMESPACE
from tests.end_to_end.office import Office, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CHANNEL = "C0123456789"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Return an office in a world whose cluster group admits nothing on 53."""
    with RunningWorld(scenario="security-group", seed=5, nodes=2) as world, opened(world, workloads=True) as office:
        yield office


def test_it_is_asked_for_approved_read_posted_and_over(office: Office, tmp_path: Path) -> None:
    """The card warns of private names; the outcome says where queries vanish; the files stay with the diagnosis."""
    ana, ben = office.slack.person("ana"), office.slack.person("ben")

    assert ana.types("/dns-capture cluster-prod 20s").ok
    card = ana.wait_for(reading.can_be_approved, timeout_seconds=60)
    shown = as_text(card)
    assert "Capture DNS packets for a time" in shown
    assert "may be private" in shown

    ben.clicks(card, "approve")
    outcome = office.ends(card)
    assert "Verified: packet captures can be read now." in outcome
    assert "lost in the network between node " in outcome
    files = {file.name: file.content for one in office.slack.messages(CHANNEL) if one.thread_ts == card.ts
             for file in one.files}  # fmt: skip
    assert {name.partition("-")[0] for name in files} == {"client", "coredns"}

    folder = office.bot.log.parent
    with closing(sqlite3.connect(folder / "history.db", timeout=10)) as connection, connection:
        kept = dict(connection.execute("SELECT name, content FROM kept_files"))
        (plan,) = connection.execute("SELECT id FROM proposals WHERE state = 'done'").fetchone()
        connection.execute("UPDATE endings SET due_at = '2026-01-01 00:00:00.000000'")
    assert kept == files
    office.bot.kill()
    office.bot.start()
    ben.wait_for(
        lambda m: m.ts == card.ts and "its time was over, and it was undone" in as_text(m), timeout_seconds=120
    )
    assert office.world.operator.get("pods", namespace=PROBE_NAMESPACE) == []
    command = [sys.executable, "-m", "bot", "show", plan, "--files", str(tmp_path / "packets")]
    environment = {**office.world.environment, "DATABASE_URL": f"sqlite:///{folder}/history.db"}
    config = ["--config", str(office.world.directory / "dnsbot.yaml")]
    subprocess.run([*command, *config], env=environment, check=True, capture_output=True)
    assert {one.name: one.read_bytes() for one in (tmp_path / "packets").iterdir()} == files
