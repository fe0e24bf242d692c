import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.approvals import Outcome, Proposal, ProposalState, Result, StepState
from bot.domain.history import LEASE_SECONDS
from bot.errors import HistoryUnavailable
from tests.history.processes.door_process import Orders, open_setting
from tests.workflow_approval.breaking import DOORS, approve_both_doors, check_ended, propose_both_doors
from tests.workflow_approval.conftest import Kit, Setting

ALL = os.environ.get("CHAOS") == "all"
KILLS = 100 if ALL else 2
PRESSES = 10_000 if ALL else 200
PATIENCE_SECONDS = 1800.0 if ALL else 120.0
"""Nothing is timed: a machine under load may take its time."""


@dataclass
class Stage:
    """A world of files, a database, and the processes that were started on both."""

    folder: Path
    orders: Orders
    setting: Setting
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, owner: str, **orders: Any) -> subprocess.Popen[bytes]:
        """Start a process and wait until it is up."""
        told = json.dumps(asdict(replace(self.orders, owner=owner, **orders)))
        module = "tests.history.processes.door_process"
        process = subprocess.Popen([sys.executable, "-m", module, told], cwd=Path(__file__).parents[3])
        self.started.append(process)
        self.until((self.folder / f"{owner} is up").exists)
        return process

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < limit:
            with suppress(HistoryUnavailable):
                if holds():
                    return
            time.sleep(0.02)
        pytest.fail("it did not come to hold")

    def sign(self, proposal: Proposal) -> str:
        """Wait for one of the things that a repair does, drawn at random, and return which: however slow it is.

        Where it has lost its lease on a starved machine, the repair ends without doing it.
        """
        signs: dict[str, Callable[[], object]] = {
            "it began": lambda: self.setting.history.proposal(proposal.id).state is not ProposalState.APPROVED,
            **{f"the {door} door opened": (self.folder / f"{door} is open").exists for door in DOORS},
        }
        drawn = random.choice(list(signs))  # noqa: S311  # a moment, no secret
        self.until(lambda: signs[drawn]() or self.setting.history.outcome(proposal.id))
        return drawn

    def outcome(self, proposal: Proposal) -> Outcome:
        """Wait until the repair has ended, and check that what is said of it is true."""
        self.until(lambda: self.setting.history.outcome(proposal.id))
        self.setting.world.writes[:] = self.writes()
        return check_ended(self.setting, proposal)

    def writes(self) -> list[str]:
        """Return what was changed: a door that was opened twice is there twice."""
        files = {file.name for file in self.folder.iterdir()}
        marks = ("is open", "was opened twice")
        return [f"open {door}" for door in DOORS for mark in marks if f"{door} {mark}" in files]

    def renewed(self) -> tuple[str, str]:
        """Return who holds the cluster, and until when."""
        with self.setting.history.real.database.reading() as connection:
            owner, until = connection.exec_driver_sql("SELECT lease_owner, lease_until FROM clusters").one()
        return str(owner), str(until)

    def shut(self) -> None:
        """Shut the doors."""
        for door in DOORS:
            (self.folder / f"{door} is open").unlink(missing_ok=True)

    def end(self) -> None:
        """End every process by its own way out, or by force where it was stopped."""
        (self.folder / "stop").touch()
        for process in self.started:
            process.send_signal(signal.SIGCONT)
            process.wait(PATIENCE_SECONDS)
        self.setting.history.real.close()


@pytest.fixture
def stage(url: str, tmp_path: Path) -> Iterator[Stage]:
    """Shut doors and an empty history, whose leases are short."""
    folder = tmp_path / "world"
    folder.mkdir()
    orders = Orders(url=url, folder=str(folder), owner="nobody", lease_seconds=3.0, renewed_every_seconds=0.2)
    made = Stage(folder=folder, orders=orders, setting=open_setting(orders))
    yield made
    made.end()


def test_a_second_process_that_starts_while_the_first_repairs_disturbs_nothing(stage: Stage) -> None:
    """The first one's repair goes on under its lease, and ends verified."""
    (stage.folder / "hold front").touch()
    proposal = approve_both_doors(stage.setting, Kit())
    stage.start("one", lease_seconds=LEASE_SECONDS)
    stage.until((stage.folder / "front is open").exists)
    stage.start("two")
    seen: list[tuple[str, str]] = []

    def renewed_thrice() -> bool:
        seen.append(stage.renewed())
        return len(set(seen)) > 3

    stage.until(renewed_thrice)
    assert {owner for owner, _ in seen} == {"one"}
    assert stage.setting.history.proposal(proposal.id).state is ProposalState.RUNNING
    (stage.folder / "hold front").unlink()
    assert stage.outcome(proposal).result is Result.VERIFIED
    assert stage.writes() == ["open front", "open back"]


@pytest.mark.timeout(3600 if ALL else 300)
def test_a_process_that_is_killed_at_a_random_moment_is_taken_over(stage: Stage) -> None:
    """Another settles its repair, truly, and the next repair begins."""
    stage.start("heir", begins=False)
    for number in range(KILLS):
        stage.shut()
        proposal = approve_both_doors(stage.setting, Kit())
        victim = stage.start(f"victim {number}", pause_seconds=0.03)
        sign = stage.sign(proposal)
        moment = random.uniform(0.0, 0.1)  # noqa: S311  # a moment, no secret
        time.sleep(moment)
        victim.kill()
        victim.wait()
        outcome = stage.outcome(proposal)
        print(f"killed {moment:.3f} s after {sign}: {outcome.result.value}. {outcome.summary}")  # noqa: T201  # the test's output


def test_a_process_that_was_frozen_past_its_lease_writes_nothing_further(stage: Stage) -> None:
    """It wakes up in the middle of a repair that another has settled, and leaves it; its next one it does well."""
    (stage.folder / "hold front").touch()
    proposal = approve_both_doors(stage.setting, Kit())
    zombie = stage.start("zombie")
    stage.until((stage.folder / "front is open").exists)
    zombie.send_signal(signal.SIGSTOP)
    other = stage.start("other")
    settled = stage.outcome(proposal)
    assert [line.state for line in settled.steps] == [StepState.UNKNOWN]
    other.kill()
    (stage.folder / "front is open").unlink()
    (stage.folder / "hold front").unlink()
    following = approve_both_doors(stage.setting, Kit())
    zombie.send_signal(signal.SIGCONT)
    assert stage.outcome(following).result is Result.VERIFIED
    assert stage.writes() == ["open front", "open back"]
    assert stage.setting.history.outcome(proposal.id) == settled


@pytest.mark.timeout(3600 if ALL else 300)
def test_of_many_presses_by_two_people_in_two_processes_one_counts(stage: Stage) -> None:
    """However often Approve is pressed, the plan is run once."""
    proposal = propose_both_doors(stage.setting, Kit())
    named = {"plan_id": proposal.id, "plan_hash": proposal.plan_hash, "presses": PRESSES // 2}
    for owner in ("one", "two"):
        stage.start(owner, lease_seconds=LEASE_SECONDS, **named)
    (stage.folder / "go").touch()
    for owner in ("one", "two"):
        stage.until((stage.folder / f"{owner} has pressed").exists)
    assert stage.outcome(proposal).result is Result.VERIFIED
    assert stage.writes() == ["open front", "open back"]
    assert [one.accepted for one in stage.setting.history.proposal(proposal.id).decisions].count(True) == 1
