from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from bot.domain.watching import Incident, Watched
from bot.history import SqlHistory
from bot.history.tables import watches
from bot.history.watches import SqlWatches

NOW, LATER = timedelta(), timedelta(hours=1)
KNOWN = Watched(
    incidents=(
        Incident(rule="r", title="t", summary="s", since=datetime(2026, 12, 1, 9, 0, tzinfo=UTC), key="k", found=2),
    )
)


@pytest.fixture
def store(history: SqlHistory) -> SqlWatches:
    """The store of watched clusters beside an empty history."""
    return SqlWatches(database=history.database)


def test_a_look_is_taken_by_one_of_many(store: SqlWatches) -> None:
    """The next is due when its time has come, and not before the first has ended."""
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda at: store.begin("prod", f"p{at}", every=LATER, seconds=60), range(8)))
    owner = next(f"p{at}" for at, found in enumerate(won) if found is not None)

    assert [one for one in won if one is not None] == [Watched()]
    assert store.begin("prod", "other", every=NOW, seconds=60) is None
    assert store.end("prod", owner, KNOWN)
    assert store.begin("prod", "other", every=LATER, seconds=60) is None
    assert store.begin("prod", "other", every=NOW, seconds=60) == KNOWN
    assert store.begin("another", "other", every=LATER, seconds=60) == Watched()


def test_a_look_that_was_not_ended_is_followed_by_the_next(store: SqlWatches) -> None:
    """Whoever was only slow writes nothing any more."""
    assert store.begin("prod", "slow", every=NOW, seconds=-1) is not None

    assert store.begin("prod", "heir", every=NOW, seconds=60) == Watched()
    assert not store.end("prod", "slow", KNOWN)
    assert store.end("prod", "heir", KNOWN)
    assert not store.end("prod", "heir", Watched())


def test_what_another_version_kept_in_another_form_is_left_aside(store: SqlWatches) -> None:
    """The cluster is watched from the beginning."""
    assert store.begin("prod", "p", every=NOW, seconds=-1) is not None
    with store.database.writing() as connection:
        connection.execute(update(watches).values(document={"incidents": [7]}))

    assert store.begin("prod", "p", every=NOW, seconds=60) == Watched()


@pytest.mark.parametrize("column", ["held_until", "looked_at"])
def test_a_spoiled_time_does_not_end_the_watch(store: SqlWatches, column: str) -> None:
    """What is further ahead than anybody holds a look was not written by a look: the next is due."""
    assert store.begin("prod", "gone", every=NOW, seconds=-1) is not None
    with store.database.writing() as connection:
        connection.execute(update(watches).values({column: datetime(9999, 12, 31, tzinfo=UTC)}))

    assert store.begin("prod", "heir", every=NOW, seconds=60) == Watched()
