"""A process that makes one digest's slot and waits at one point of it, to be killed there.

`python -m tests.history.processes.digest_process URL FOLDER POINT`; it leaves a file by the point's name there.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from bot.domain.approvals import MessageRef
from bot.domain.cron import parse_cron
from bot.domain.digests import DigestSchedule
from bot.domain.outbox import Note
from bot.history import SqlHistory, open_history
from bot.history.health import SqlHealth
from bot.workflow.digest_slots import DueDigest, holding

SCHEDULE = DigestSchedule(
    channel="C1", cron=parse_cron("0 9 * * *"), timezone="UTC", clusters=("prod",), grace=timedelta(hours=1)
)
HELD_SECONDS, RENEWED_EVERY_SECONDS = 1.0, 0.2
"""Short: the one who comes after waits no longer for it."""
POINTS = ("claimed", "said", "done", "tried", "posted")
"""It holds the slot; the digest is in the outbox; the slot is done; it is about to be posted; it stands."""


def slot_of(point: str) -> DueDigest:
    """Return the slot in which a process is killed at this point."""
    return DueDigest(schedule=SCHEDULE, slot=f"2026-12-01T09:00 {point}")


def make(history: SqlHistory, folder: Path, owner: str, due: DueDigest, *, stays_at: str = "") -> bool:
    """Make the digest of a slot and post it to a channel that is a folder; False where another has or had the slot."""
    store = SqlHealth(database=history.database)

    def reached(point: str) -> None:
        if point == stays_at:
            (folder / point).touch()
            time.sleep(600)

    with holding(store, due, owner, seconds=HELD_SECONDS, every_seconds=RENEWED_EVERY_SECONDS) as held:
        if held:
            reached("claimed")
            history.say(Note(key=due.key, channel=due.slot, body={"text": "digest", "blocks": []}))
            reached("said")
            store.done(due.schedule.name, due.slot, owner, {})
            reached("done")
    if history.begin_sending(due.slot, owner):
        while (sending := history.next_to_send(due.slot, owner)) is not None:
            reached("tried")
            if not (sending.tried and _stands(folder, sending.note.key)):
                (folder / f"{sending.note.key} by {owner}").touch(exist_ok=False)
            reached("posted")
            history.sent(sending.note.key, MessageRef(channel=due.slot, ts="1.0"), sending.version)
        history.end_sending(due.slot, owner)
    return held


def posted(folder: Path, key: str) -> list[str]:
    """Return who posted this, each post once."""
    return sorted(file.name.rpartition(" by ")[2] for file in folder.glob(f"{key} by *"))


def _stands(folder: Path, key: str) -> bool:
    return bool(posted(folder, key))


if __name__ == "__main__":
    url, place, point = sys.argv[1:]
    make(open_history(url, {}), Path(place), "victim", slot_of(point), stays_at=point)
