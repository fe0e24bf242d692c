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


@pytest.mark.slow
def test_way_that_nobody_looked_up_is_not_called_ok(world: RunningWorld) -> None:
    """A pod that only one node asked has an empty cell elsewhere."""
    world.restart(scenario="healthy", seed=1)
    found = look_up(world)
    node, pod = found[0].node, next(lookup.address for lookup in found if lookup.to is To.POD)

    lines = as_text([one for one in found if one.node == node or one.address != pod]).splitlines()

    assert [line.count("not asked/not asked") for line in lines if not line.startswith(("from", node))] == [2] * (
        len(lines) - 2
    )
    assert "not asked" not in next(line for line in lines if line.startswith(node))
