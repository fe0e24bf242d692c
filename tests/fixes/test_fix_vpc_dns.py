"""Switching a VPC's DNS on, over the simulated EC2."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.evidence import NoParameters
from bot.domain.plans import Planned
from bot.domain.settling import Progressing
from bot.errors import WriteFailed
from bot.fixes.enable_vpc_dns import FIX


@pytest.mark.parametrize("off", [["enableDnsHostnames"], ["enableDnsHostnames", "enableDnsSupport"]])
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_what_is_off_is_switched_on_and_the_undo_switches_off_that_alone(
    bench: Any, off: list[str], *, lost: bool
) -> None:
    """Support first, which host names need; each attribute is a step of its own."""
    for name in off:
        bench.ec2.modify_vpc_attribute(VpcId=bench.vpc_id, **{f"E{name[1:]}": {"Value": False}})
    bench.aws.lose |= {"ModifyVpcAttribute"} if lost else set()
    case = bench.case("vpc_dns_disabled", {"vpc_id": bench.vpc_id, "off": off}, NoParameters())

    planned = FIX.plan(case)
    assert isinstance(planned, Planned)
    for step in planned.steps:
        assert FIX.read(step, bench.reading()) == step.before == {"on": False}
        effects = FIX.apply(step, bench.writing())
        assert FIX.settled(step, effects, bench.reading()).progress is Progressing.DONE
        assert FIX.read(step, bench.reading()) == {"on": True}
    for step in reversed(planned.steps):
        undo = FIX.inverse(step, {"switched": "on"})
        assert undo is not None
        assert FIX.read(undo, bench.reading()) == undo.before
        assert FIX.inverse(undo, FIX.apply(undo, bench.writing())) is None
        assert FIX.read(undo, bench.reading()) == {"on": False}

    assert [step.parameters["attribute"] for step in planned.steps] == sorted(off, reverse=True)


def test_a_refusal_is_told(bench: Any) -> None:
    """A VPC that is gone takes no attribute."""
    case = bench.case("vpc_dns_disabled", {"vpc_id": "vpc-0gone", "off": ["enableDnsSupport"]}, NoParameters())
    planned = FIX.plan(case)
    assert isinstance(planned, Planned)

    with pytest.raises(WriteFailed, match="InvalidVpcID"):
        FIX.apply(planned.steps[0], bench.writing())
