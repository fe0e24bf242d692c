import importlib
import json
import pkgutil
import random
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from pydantic import ValidationError

import bot.collectors
from bot.collectors.workload_pods import WorkloadPods
from bot.domain.alike import MANY, evidence_document, evidence_from
from bot.domain.diagnosis import Diagnosis
from bot.domain.encoding import encode, encode_object
from bot.domain.json_values import canonical
from bot.domain.redaction import MARK
from bot.history.store import open_history
from bot.kubernetes.pods import Pod
from tests.looking import as_stored


def _evidence_classes() -> dict[str, type]:
    modules = (
        importlib.import_module(f"bot.collectors.{found.name}")
        for found in pkgutil.iter_modules(bot.collectors.__path__)
        if not found.name.startswith("_")
    )
    return {module.COLLECTOR.name: module.COLLECTOR.evidence for module in modules}


CLASSES = _evidence_classes()


def _leaf(kind: Any, chance: random.Random) -> Any:
    """A value of a class that has no parts."""
    number = chance.randrange(256)
    made: dict[Any, Any] = {
        str: chance.choice(["", "sg-0abc", "1.10", "2026-11-21", "true", "10.0.0.1", "línea\n\x00<!channel>"]),
        bool: chance.random() < 0.5,
        int: number,
        float: number / 7,
        datetime: datetime(2026, 11, 21, 9, 0, number % 60, number, tzinfo=UTC),
        timedelta: timedelta(seconds=number, milliseconds=number),
        IPv4Address: IPv4Address(f"10.0.0.{number}"),
        IPv6Address: IPv6Address(f"fd00::{number:x}"),
        IPv4Network: IPv4Network(f"10.0.{number}.0/24"),
        IPv6Network: IPv6Network(f"fd00:{number:x}::/64"),
    }
    return made[kind]


def _sample(kind: Any, chance: random.Random, lengths: Sequence[int] = (0, 1, 2, 3)) -> Any:
    """A value of any evidence class: its own sequences of one of `lengths`, inner ones of 0 to 3."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is type(None):
        return None
    if origin in {typing.Union, types.UnionType}:
        return _sample(chance.choice(arguments), chance, lengths)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(_sample(one, chance) for one in arguments)
    if origin is Mapping:
        return {_leaf(str, chance): [_leaf(int, chance), {"type": None}] for _ in range(chance.choice(lengths))}
    if origin in {tuple, frozenset}:
        return origin(_sample(arguments[0], chance) for _ in range(chance.choice(lengths)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return chance.choice(list(kind))
    made = origin or kind
    if isinstance(made, type) and is_dataclass(made):
        meant = dict(zip(getattr(made, "__parameters__", ()), arguments, strict=True))
        hints = {name: meant.get(hint, hint) for name, hint in typing.get_type_hints(made).items()}
        return made(**{field.name: _sample(hints[field.name], chance, lengths) for field in fields(made) if field.init})
    return _leaf(kind, chance)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_evidence_class_comes_back_equal(name: str) -> None:
    """Whatever a collector may give, what is loaded equals what was stored."""
    chance = random.Random(name)  # noqa: S311  # reproducible samples, no secret
    for _ in range(60):
        value = _sample(CLASSES[name], chance)
        assert evidence_from(CLASSES[name], evidence_document(value)) == value


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_large_evidence_of_every_class_comes_back_equal_and_in_order(name: str) -> None:
    """What is written by class is read back item by item, however little the items have in common."""
    value = _sample(CLASSES[name], random.Random(name), (MANY, MANY + 30))  # noqa: S311  # reproducible samples, no secret

    assert evidence_from(CLASSES[name], json.loads(canonical(evidence_document(value)))) == value


def test_what_many_pods_share_is_written_once() -> None:
    """Names differ, the rest does not: three thousand pods are one class with three thousand names."""
    pod = _sample(Pod, random.Random(1))  # noqa: S311  # reproducible samples, no secret
    pods = tuple(replace(pod, name=f"web-{number}") for number in range(3_000))

    written: Any = evidence_document(WorkloadPods(selector="app", pods=pods))["pods"]

    assert [one["phase"] for one in written["alike"]] == [pod.phase]
    assert written["own"] == {"name": [one.name for one in pods]}


def test_large_evidence_of_an_older_version_is_still_read() -> None:
    """It was written as a list."""
    pod = _sample(Pod, random.Random(1))  # noqa: S311  # reproducible samples, no secret
    many = WorkloadPods(selector="app", pods=tuple(replace(pod, name=f"web-{number}") for number in range(MANY)))

    assert evidence_from(WorkloadPods, encode_object(many)) == many


def test_large_evidence_that_lacks_a_member_is_not_read() -> None:
    """A version that wrote less is no reason to guess."""
    pod = _sample(Pod, random.Random(1))  # noqa: S311  # reproducible samples, no secret
    many = WorkloadPods(selector="app", pods=tuple(replace(pod, name=f"web-{number}") for number in range(MANY)))
    written = json.loads(canonical(evidence_document(many)))
    del written["pods"]["alike"][0]["phase"]

    with pytest.raises(ValidationError, match="phase"):
        evidence_from(WorkloadPods, written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An item with a value that redaction hides for its key."""

    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Many of them."""

    logins: tuple[Login, ...]


def test_values_that_are_hidden_for_their_key_stay_beside_it() -> None:
    """In a column nobody would know what they are."""
    many = Logins(logins=tuple(Login(user=f"u{number}", password=f"p{number}") for number in range(MANY)))

    assert {one.password for one in as_stored(many).logins} == {MARK}


def test_sets_have_an_order_in_what_is_stored() -> None:
    """The same evidence has the same bytes in every process, and is stored once."""
    groups = [f"sg-{number:04x}" for number in range(40)]
    assert encode(frozenset(groups)) == groups


def test_a_diagnosis_with_every_evidence_class_comes_back_equal(
    url: str, diagnosis_of: Callable[..., Diagnosis]
) -> None:
    """The same through the database, on each kind."""
    chance = random.Random(2026)  # noqa: S311  # reproducible samples, no secret
    base = diagnosis_of().evidence[0]
    evidence = tuple(
        replace(base, id=name, collector=name, value=_sample(kind, chance)) for name, kind in sorted(CLASSES.items())
    )
    diagnosis = diagnosis_of(evidence=evidence)
    history = open_history(url, CLASSES)
    history.record(diagnosis)
    loaded = history.diagnosis(diagnosis.id)
    history.close()
    assert loaded == diagnosis
