from __future__ import annotations

import pytest

from bot.domain.ports import ExecResult
from bot.sandbox.running.running_world import RunningWorld
from lab.errors import LabError
from lab.lookups import To, as_text, is_answer, look_up


@pytest.mark.slow
def test_table_shows_the_node_whose_pods_ask_a_wrong_server(world: RunningWorld) -> None:
    """The service and every CoreDNS pod answer that node; its pods' own name server does not."""
    world.restart(scenario="wrong-nameserver", seed=1)

    found = look_up(world)

    lines = as_text(found).splitlines()
    wrong = {lookup.whence for lookup in found if not lookup.answered}
    assert {lookup.to for lookup in found if not lookup.answered} == {To.OWN}
    assert len(lines) == 1 + len({lookup.whence for lookup in found})
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
    node, pod = found[0].whence, next(lookup.address for lookup in found if lookup.to is To.POD)

    lines = as_text([one for one in found if one.whence == node or one.address != pod]).splitlines()

    assert [line.count("not asked/not asked") for line in lines if not line.startswith(("from", node))] == [2] * (
        len(lines) - 2
    )
    assert "not asked" not in next(line for line in lines if line.startswith(node))


@pytest.mark.parametrize(
    ("exit_code", "stdout", "answered"),
    [
        (0, ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1", True),
        (0, ";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 1", False),
        (9, ";; no servers could be reached", False),
    ],
)
def test_dig_that_looked_says_whether_it_was_answered(exit_code: int, stdout: str, *, answered: bool) -> None:
    """A response counts by its status, and no reply is no answer."""
    assert (
        is_answer(
            ExecResult(stdout=stdout.encode(), stderr=b"", exit_code=exit_code, cut=False), "in pod a/b, `dig x.`"
        )
        is answered
    )


@pytest.mark.parametrize("exit_code", [1, 8, 10, 126, 127])
def test_dig_that_did_not_look_is_not_called_unanswered(exit_code: int) -> None:
    """No program, a refused argument, an internal error: what is raised names pod, command, code and what was said."""
    result = ExecResult(stdout=b"", stderr=b'exec: "dig": executable file not found', exit_code=exit_code, cut=False)

    with pytest.raises(LabError) as raised:
        is_answer(result, "in pod catalog/catalog-1, `dig @10.0.0.2 amazon.com. A`")

    said = str(raised.value)
    assert "in pod catalog/catalog-1, `dig @10.0.0.2 amazon.com. A` ended with " + str(exit_code) in said
    assert "executable file not found" in said
