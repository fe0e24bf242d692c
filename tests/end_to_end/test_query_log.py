"""CoreDNS's query log from a command in Slack to off again, though the bot is killed in between."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.slack import as_text
from bot.sandbox.story import report_reading as reading
from bot.sandbox.world.editing import find
from tests.end_to_end.office import Office, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Return an office in a healthy world."""
    with RunningWorld(scenario="healthy", seed=5, nodes=2) as world, opened(world) as office:
        yield office


def corefile(office: Office) -> str:
    """Return the Corefile as it stands in the cluster."""
    text: str = find(office.world.operator, "configmaps", "coredns", namespace="kube-system")["data"]["Corefile"]
    return text


def time_passes(office: Office) -> None:
    """Let the time of what was approved be over, and that for which the dead process holds queues of messages."""
    with closing(sqlite3.connect(office.bot.log.parent / "history.db", timeout=10)) as connection, connection:
        connection.execute("UPDATE endings SET due_at = '2026-01-01 00:00:00.000000'")
        connection.execute("UPDATE queues SET sender_until = '2026-01-01 00:00:00.000000' WHERE sender != ''")


def test_it_is_asked_for_approved_read_and_off_again_after_a_kill(office: Office) -> None:
    """The card says what is added, for how long and who judged it; a bot that is started anew ends it on the card."""
    former, ana, ben = corefile(office), office.slack.person("ana"), office.slack.person("ben")

    assert ana.types("/dns-log cluster-prod 10m").ok
    card = ana.wait_for(reading.can_be_approved, timeout_seconds=60)
    shown = as_text(card)
    assert "Measure for cluster-prod: 1 approval needed" in shown
    assert "Enable CoreDNS's query log for a time" in shown
    assert "To read: query log, for " in shown
    assert "+ log" in shown
    assert "Undone automatically after 10 minutes." in shown
    assert "whose next update may overwrite it" in shown
    assert "The new Corefile is accepted by the bot's own grammar" in shown

    ben.clicks(card, "approve")
    outcome = office.ends(card)
    assert "Verified: query log can be read now." in outcome
    assert corefile(office) == former.replace("    errors\n", "    log\n    errors\n", 1)

    office.bot.kill()
    time_passes(office)
    office.bot.start()
    until = time.monotonic() + 60
    while corefile(office) != former and time.monotonic() < until:
        time.sleep(0.2)
    assert corefile(office) == former
    ben.wait_for(
        lambda m: m.ts == card.ts and "its time was over, and it was undone" in as_text(m), timeout_seconds=120
    )
