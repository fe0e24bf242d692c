from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.collectors.worker_nodes import WorkerNodes
from bot.domain.evidence import NoParameters
from bot.domain.json_values import canonical
from bot.domain.plans import Advice, Planned
from bot.fixes.authorize_dns_between_security_groups import FIX

RULE = "dns_blocked_by_security_group"


def blocked(client: list[str], server: list[str], direction: str = "ingress", protocol: str = "udp") -> dict[str, Any]:
    """Return one blocked class."""
    return {"client_group_ids": client, "server_group_ids": server, "protocol": protocol, "direction": direction}


def both(client: list[str], server: list[str], direction: str = "ingress") -> list[dict[str, Any]]:
    """Return the class over udp and over tcp."""
    return [blocked(client, server, direction, protocol) for protocol in ("udp", "tcp")]


def diffs(plan: Planned | Advice) -> dict[str, list[str]]:
    """Return the added lines of each step by its target's group and direction."""
    assert isinstance(plan, Planned)
    return {
        f"{step.parameters['security_group_id']} {step.parameters['direction']}": [
            line for line in step.diff if line.startswith("+")
        ]
        for step in plan.steps
    }


def test_two_node_groups_open_to_each_other(bench: Any) -> None:
    """CoreDNS on both sides: each group takes 53 from the other, in a step of its own."""
    blue, green = sorted((bench.group("blue"), bench.group("green")))
    found = {"blocked": [*both([blue], [green]), *both([green], [blue])]}

    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules(blue, green)))

    assert diffs(plan) == {
        f"{blue} ingress": [f"+ udp 53 from {green}", f"+ tcp 53 from {green}"],
        f"{green} ingress": [f"+ udp 53 from {blue}", f"+ tcp 53 from {blue}"],
    }


def test_only_the_missing_protocol_is_opened(bench: Any) -> None:
    """Where udp passes and tcp does not, the plan holds tcp alone."""
    pods, nodes = bench.group("pods"), bench.group("nodes")
    found = {"blocked": [blocked([pods], [nodes], "ingress", "tcp")]}

    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules(pods, nodes)))

    assert diffs(plan) == {f"{nodes} ingress": [f"+ tcp 53 from {pods}"]}


def test_outbound_rules_go_on_the_client_side(bench: Any) -> None:
    """A pod group without outbound DNS gets it, towards the CoreDNS side's group."""
    pods, nodes = bench.group("pods"), bench.group("nodes")
    found = {"blocked": [*both([pods], [nodes], "egress"), *both([pods], [nodes], "ingress")]}

    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules(pods, nodes)))

    assert diffs(plan) == {
        f"{pods} egress": [f"+ udp 53 to {nodes}", f"+ tcp 53 to {nodes}"],
        f"{nodes} ingress": [f"+ udp 53 from {pods}", f"+ tcp 53 from {pods}"],
    }


def test_the_fewest_rules_are_taken(bench: Any) -> None:
    """Three client classes that share one group need one opening, not three."""
    common, one, two, dns = (bench.group(name) for name in ("common", "one", "two", "dns"))
    found = {"blocked": [*both([common, one], [dns]), *both([common, two], [dns]), *both([common], [dns])]}

    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules(common, one, two, dns)))

    assert diffs(plan) == {f"{dns} ingress": [f"+ udp 53 from {common}", f"+ tcp 53 from {common}"]}


def test_of_equal_choices_the_group_that_fewest_carry_is_taken(
    bench: Any, worker_nodes: Callable[..., WorkerNodes]
) -> None:
    """A group of one interface is opened rather than one of three."""
    wide, narrow = sorted((bench.group("one"), bench.group("two")))  # the id alone would choose the first
    dns = bench.group("dns")
    nodes = worker_nodes([wide, narrow], [wide], [wide], [dns])
    found = {"blocked": both([wide, narrow], [dns])}

    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules(wide, narrow, dns), nodes))

    assert diffs(plan) == {f"{dns} ingress": [f"+ udp 53 from {narrow}", f"+ tcp 53 from {narrow}"]}
    assert isinstance(plan, Planned)
    assert f"{dns} (1 interface on 1 of 4 nodes) will take port 53 udp and tcp from {narrow}" in plan.blast_radius


def test_no_two_steps_read_the_same_state(bench: Any) -> None:
    """Applying one step leaves what the others read as the plan saw it, and all of it can be undone."""
    blue, green = bench.group("blue"), bench.group("green")
    found = {"blocked": [*both([blue], [green]), *both([green], [blue]), *both([blue], [green], "egress")]}
    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules(blue, green)))
    assert isinstance(plan, Planned)
    before = bench.rules(blue, green)

    effects = []
    for step in plan.steps:
        assert canonical(FIX.read(step, bench.reading())) == canonical(step.before)
        effects.append(FIX.apply(step, bench.writing()))
    for step, effect in zip(plan.steps, effects, strict=True):
        back = FIX.inverse(step, effect)
        assert back is not None
        FIX.apply(back, bench.writing("plan2"))

    assert len(plan.steps) == 3
    assert bench.rules(blue, green) == before


def test_too_many_combinations_are_advice(bench: Any) -> None:
    """The finding lists 50 at most; a plan from a part of them would not verify."""
    found = {"blocked": [blocked([f"sg-{index}"], ["sg-dns"]) for index in range(50)]}

    plan = FIX.plan(bench.case(RULE, found, NoParameters(), bench.rules("sg-dns")))

    assert isinstance(plan, Advice)
    assert "50 or more" in plan.reason


def test_unknown_groups_are_advice(bench: Any) -> None:
    """Without the groups of one side nothing can be opened."""
    plan = FIX.plan(bench.case(RULE, {"blocked": both([], ["sg-dns"])}, NoParameters(), bench.rules("sg-dns")))

    assert isinstance(plan, Advice)
    assert "not known" in plan.reason
