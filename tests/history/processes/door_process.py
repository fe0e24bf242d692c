"""A process that looks for work on a database and carries it out on doors that are files.

`python -m tests.history.processes.door_process` with the fields of `Orders` as JSON. It ends when the file `stop`
appears in the world's folder, or its parent ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.domain.approvals import Choice
from bot.domain.diagnosis import Diagnosis, Progress
from bot.domain.history import LEASE_SECONDS, RENEWED_EVERY_SECONDS, Press
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.people import Person
from bot.domain.plans import Reading, Step, Writing
from bot.errors import HistoryUnavailable, Refused
from bot.history import open_history
from bot.workflow.use_cases import UseCases
from tests.workflow_approval.conftest import Doors, Setting, World, setting_of

LOOK_SECONDS = 0.05
"""How often it is looked what is due."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a process is to do."""

    url: str
    folder: str
    owner: str
    lease_seconds: float = LEASE_SECONDS
    renewed_every_seconds: float = RENEWED_EVERY_SECONDS
    begins: bool = True
    """Whether it begins repairs; if not, it only settles what others have left."""
    pause_seconds: float = 0.0
    """How long each look at a door takes, and each opening before and after the effect."""
    presses: int = 0
    """Once the file `go` is there: how often Approve is pressed, by two people in turn, before work is looked for."""
    plan_id: str = ""
    plan_hash: str = ""


class FileWorld(World):
    """Doors as files: one that is there is open; one that is opened again leaves a file that says so."""

    def __init__(self, folder: Path, pause_seconds: float) -> None:
        super().__init__()
        self.folder, self.pause_seconds = folder, pause_seconds
        self.look()

    def look(self) -> None:
        """See which doors are open."""
        self.doors = {door: (self.folder / f"{door} is open").exists() for door in ("front", "back")}

    def read(self, step: Step, reading: Reading) -> JsonValue:
        """Return whether a door is open."""
        time.sleep(self.pause_seconds)
        self.look()
        return super().read(step, reading)

    def apply(self, step: Step, writing: Writing) -> JsonObject:
        """Open a door; then wait while the file `hold DOOR` is there."""
        time.sleep(self.pause_seconds)
        self.look()
        effects = super().apply(step, writing)
        door = str(step.parameters["door"])
        try:
            (self.folder / f"{door} is open").touch(exist_ok=False)
        except FileExistsError:
            (self.folder / f"{door} was opened twice").touch()
        time.sleep(self.pause_seconds)
        while (self.folder / f"hold {door}").exists():
            time.sleep(0.01)
        return effects

    def diagnose(
        self, question: Any, asked_by: Person | None, progress: Callable[[Progress], None] | None
    ) -> Diagnosis:
        """Return what is to be seen now."""
        self.look()
        return super().diagnose(question, asked_by, progress)


def open_setting(orders: Orders) -> Setting:
    """Return everything around a bot on this database, in the world of files."""
    history = replace(open_history(orders.url, {"doors": Doors}), lease_seconds=orders.lease_seconds)
    return setting_of(FileWorld(Path(orders.folder), orders.pause_seconds), history)


def use_of(orders: Orders, setting: Setting) -> UseCases:
    """Return what this process does, by real clocks."""
    holder = replace(setting.holder(orders.owner), renewed_every_seconds=orders.renewed_every_seconds)
    return setting.use(holder=holder, sleep=time.sleep, clock=time.monotonic)


def press(use: UseCases, orders: Orders) -> None:
    """Press Approve again and again, four at a time."""

    def once(number: int) -> None:
        person = Person(team_id="T01", user_id=("U02", "U03")[number % 2])
        with suppress(Refused, HistoryUnavailable):
            use.gate.decide(
                Press(proposal_id=orders.plan_id, plan_hash=orders.plan_hash, person=person, choice=Choice.APPROVE)
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(once, range(orders.presses)))


def work(use: UseCases, orders: Orders) -> None:
    """Do what is due until told to stop."""
    folder, parent = Path(orders.folder), os.getppid()
    runs = {"settle": use.settler, **({"repair": use.repairer} if orders.begins else {})}
    while not (folder / "stop").exists() and os.getppid() == parent:
        with suppress(HistoryUnavailable, Refused):
            for job in use.history.due():
                if job.kind in runs:
                    runs[job.kind].run(job.ids["proposal_id"], lambda _: None)
        time.sleep(LOOK_SECONDS)


def main() -> None:
    """Carry the orders out."""
    orders = Orders(**json.loads(sys.argv[1]))
    folder = Path(orders.folder)
    setting = open_setting(orders)
    use = use_of(orders, setting)
    (folder / f"{orders.owner} is up").touch()
    if orders.presses:
        while not (folder / "go").exists():
            time.sleep(0.01)
        press(use, orders)
        (folder / f"{orders.owner} has pressed").touch()
    work(use, orders)
    setting.history.real.close()


if __name__ == "__main__":
    main()
