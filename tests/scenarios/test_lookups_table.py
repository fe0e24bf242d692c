from __future__ import annotations

import pytest

from bot.sandbox.running import RunningWorld
from lab.lookups import To, as_text, look_up


@pytest.mark.slow
def test_table_shows_the_node_whose_pods_ask_a_wrong_server(world: RunningWorld) -> None:
    """The service and every CoreDNS pod answer that node; its pods' own name server does not."""
    world.restart(scenario="wrong-nameserver", seed=1)

    found = look_up(world)

    lines = as_text(found).splitlines()
    wrong = {lookup.node for lookup in found if not lookup.answered}
    assert {lookup.to for lookup in found if not lookup.answered} == {To.OWN}
    assert len(lines) == 1 + len({lookup.node for lookup in found})
    assert [line.split()[0] for line in lines if "no answer/no answer" in line] == sorted(wrong)
    assert len(wrong) == 1


def test_nobody_to_ask_is_an_empty_table() -> None:
    """No pod, no line."""
    assert as_text(()) == "from"
