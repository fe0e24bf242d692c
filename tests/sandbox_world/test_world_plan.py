from __future__ import annotations

import ipaddress
from itertools import chain

import pytest

from bot.app import load_units
from bot.commands.sandboxes import list_scenarios
from bot.errors import ConfigurationError
from bot.sandbox.world.plan import draw_plan
from bot.sandbox.world.scenario import ByFix, ByFixThenHand
from bot.sandbox.world.scenario_catalogue import all_look_alikes, all_scenarios, find_scenario


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_same_seed_draws_the_same_world(seed: int) -> None:
    """A world can be built again from its seed."""
    assert draw_plan(seed) == draw_plan(seed)


def test_seeds_differ_in_what_a_diagnosis_could_hang_on() -> None:
    """CIDRs, zones, node counts, node groups, ACLs and where pods get addresses vary."""
    plans = [draw_plan(seed) for seed in range(1, 30)]
    assert len({plan.home.cidr for plan in plans}) > 3
    assert {len(plan.home.subnets) for plan in plans} == {2, 3}
    assert {len(plan.nodes) for plan in plans} == {3, 4, 5}
    assert {plan.home.acl_entry_number is not None for plan in plans} == {True, False}
    assert len({plan.node_groups for plan in plans}) == len(plans)
    nodes = list(chain.from_iterable(plan.nodes for plan in plans))
    assert {(bool(node.prefix), bool(node.second_address)) for node in nodes} == {
        (True, False),
        (False, True),
        (False, False),
    }


@pytest.mark.parametrize(("seed", "nodes"), [(1, None), (2, 7), (3, 1000), (3, 5000)])
def test_addresses_lie_in_their_subnet_and_appear_once(seed: int, nodes: int | None) -> None:
    """No two interfaces or pods share an address, and prefixes overlap nothing."""
    plan = draw_plan(seed, nodes)
    seen: set[str] = set()
    for node in plan.nodes:
        subnet = ipaddress.ip_network(plan.home.subnets[node.subnet].cidr)
        prefix = [str(address) for address in ipaddress.ip_network(node.prefix)] if node.prefix else []
        for address in [node.address, *filter(None, [node.second_address]), *node.pod_addresses, *prefix]:
            assert ipaddress.ip_address(address) in subnet
            assert address not in seen
            seen.add(address)


def test_a_world_of_one_node_is_refused() -> None:
    """CoreDNS needs two."""
    with pytest.raises(ValueError, match="at least 2 nodes"):
        draw_plan(1, 1)


def test_what_scenarios_name_is_there() -> None:
    """Rules, collectors and fixes that a scenario names are units; some fault and some health is played."""
    units, scenarios = load_units(), (*all_scenarios(), *all_look_alikes())
    named = {
        name
        for one in scenarios
        for name in (one.root_cause, one.symptom, *one.explains, *one.not_to_blame, *one.weighed)
    }

    assert named - {""} <= units.rules.keys()
    assert {name for one in scenarios for name in one.blinds} <= units.collectors.keys()
    assert {
        one.healed_by.fix for one in scenarios if isinstance(one.healed_by, ByFix | ByFixThenHand)
    } <= units.fixes.keys()
    assert [one.name for one in scenarios if one.broken is not bool(one.healed_by)] == []
    assert {bool(one.root_cause) for one in all_scenarios()} == {True, False}


def test_a_look_alike_stands_beside_its_scenario_and_has_no_root_cause() -> None:
    """Every fault has one; the rule that names the fault is what must not be blamed."""
    root_causes = {one.name: one.root_cause or one.symptom for one in all_scenarios() if one.broken}
    beside = {one.name.removesuffix("-look-alike"): one for one in all_look_alikes()}
    assert beside.keys() == root_causes.keys()
    assert {name: one.root_cause for name, one in beside.items()} == dict.fromkeys(root_causes, "")
    assert [name for name, one in beside.items() if root_causes[name] not in one.not_to_blame] == []


def test_the_command_lists_every_name_that_can_be_played(capsys: pytest.CaptureFixture[str]) -> None:
    """Scenarios, each with its look-alike under it."""
    list_scenarios()

    listed = [line.strip().partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    names = [name for name in listed if name != "root cause"]
    assert sorted(names) == sorted(one.name for one in (*all_scenarios(), *all_look_alikes()))
    assert names.index("network-acl-look-alike") == names.index("network-acl") + 1


def test_an_unknown_scenario_names_the_nearest() -> None:
    """A typing error says what was meant."""
    with pytest.raises(ConfigurationError, match="Did you mean security-group"):
        find_scenario("security-groups")
