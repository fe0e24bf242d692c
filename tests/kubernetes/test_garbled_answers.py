"""An answer changed at any place gives a value of the right types or `SourceGarbled`, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.alike import evidence_document, evidence_from
from bot.domain.json_values import RawObject
from bot.domain.reading import reading
from bot.errors import SourceGarbled
from bot.kubernetes.events import Event
from bot.kubernetes.nodes import Node
from bot.kubernetes.pods import Pod
from bot.kubernetes.rollouts import unfinished
from bot.kubernetes.workloads import environment, template_annotations

Path = tuple[str | int, ...]
READERS: dict[str, tuple[str, Callable[[RawObject], Any]]] = {
    "pod": ("pod", lambda answer: Pod.of(answer, container="app")),
    "node": ("node", Node.of),
    "event": ("event", Event.of),
    "rollout": ("daemon set", lambda answer: unfinished("DaemonSet", answer)),
    "annotations": ("daemon set", template_annotations),
    "environment": ("daemon set", lambda answer: environment(answer, "aws-node")),
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every member at any depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(answer: RawObject, path: Path, value: object) -> RawObject:
    """Return the answer with another value at this place."""
    copy = deepcopy(answer)
    holder: Any = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return copy


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_answer_is_a_value_or_garbled(answers: dict[str, RawObject], name: str, data: st.DataObject) -> None:
    """Nothing else is raised, and what is a value has the types that it declares."""
    of, read = READERS[name]
    answer = changed(
        answers[of], data.draw(st.sampled_from(list(places(answers[of])))), data.draw(anything, label="instead")
    )

    with suppress(SourceGarbled), reading("get it"):
        found = read(answer)
        if is_dataclass(found):
            assert evidence_from(type(found), evidence_document(found)) == found
        else:
            assert isinstance(found, str) or all(isinstance(word, str) for word in (*found, *found.values()))


@pytest.mark.parametrize("name", ["pod", "node", "event"])
@given(answer=anything)
def test_no_answer_at_all_is_garbled(name: str, answer: Any) -> None:
    """What is no object of the API never becomes one."""
    _, read = READERS[name]

    with pytest.raises(SourceGarbled, match="get it answered, but the answer"), reading("get it"):
        read(answer)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("metadata", "name"), 7, "name is of type int, not str"),
        (("metadata", "creationTimestamp"), "yesterday", "creationTimestamp is 'yesterday', which is no time"),
        (("status", "containerStatuses", 1, "restartCount"), True, "restartCount is True, not a number"),
        (("spec", "containers"), [], "list index out of range"),
    ],
    ids=["wrong type", "no time", "no number", "no container"],
)
def test_what_is_garbled_is_named(pod: RawObject, path: Path, value: object, said: str) -> None:
    """The error says which member, what stands there, and what to do."""
    answer = changed(pod, path, value)

    with pytest.raises(SourceGarbled, match=f"list pods answered, but the answer is not readable: {said}"):  # noqa: SIM117  # what is raised, and by what
        with reading("list pods"):
            Pod.of(answer, container="app")
