from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.lookups import Transport
from bot.network.ports import PortRange
from bot.network.reachability import Hop, Reachability
from bot.sandbox.aws.far_end import AwsFarEnd
from lab.dead_runs import RECORDS, locked_records, names_of
from lab.fuzz.judging import Answers, answers_of
from lab.fuzz.kernel import Kernel, pairs_of
from lab.fuzz.places import draw_places
from lab.fuzz.session import Score, fuzz
from lab.fuzz.through_aws import through_aws
from lab.fuzz.worlds import World, draw_world
from lab.namespaces import Run
from lab.tests.tables import Tell
from lab.vpc_ruleset import Stage

VERDICTS = "evaluator against kernel: worlds, pair verdicts, disagreements"


def _last(scores: Iterator[Score]) -> Score:
    return list(scores)[-1]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_evaluator_and_kernel_agree_in_random_worlds(run: Run, tell: Tell, seed: int) -> None:
    """State, share, which source ports, every hop, the first hop, entry and groups to blame: for each pair alike.

    Pods with branch interfaces are there in strict and in standard mode, their own node, others and a peered VPC asked.
    """
    score = _last(fuzz(run, seed=seed, worlds=8))
    tell(VERDICTS, f"seed {seed}", score.worlds, score.verdicts, len(score.disagreements))

    assert [str(each) for each in score.disagreements] == []
    assert score.verdicts >= 2000
    assert score.answered > 500
    assert score.partly > 20
    assert len(score.refused_at) >= 5
    assert Stage.NOBODY not in score.refused_at


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_they_agree_where_simulated_aws_answers(run: Run, tell: Tell) -> None:
    """The same with worlds written by AWS calls and read back, with AWS's ids, defaults and forms."""
    with AwsFarEnd(seed=3) as aws:
        score = _last(fuzz(run, seed=20, worlds=4, answered_by_aws=lambda world: through_aws(aws, world)))
    tell(VERDICTS, "seed 20, through simulated AWS", score.worlds, score.verdicts, len(score.disagreements))

    assert [str(each) for each in score.disagreements] == []
    assert score.verdicts >= 800


def _without_hop(hop: Hop) -> Callable[[Reachability], Reachability]:
    return lambda answer: replace(answer, blocks=tuple(each for each in answer.blocks if each.hop is not hop))


def _shifted(answer: Reachability) -> Reachability:
    """Let one port more be open at the lower end of each closed range of answers' ports."""
    return replace(
        answer,
        blocks=tuple(
            each
            if each.ports.size == 1
            else replace(
                each, closed=tuple(PortRange(item.first + 1, item.last) for item in each.closed if item.size > 1)
            )
            for each in answer.blocks
        ),
    )


def _other_entry(answer: Reachability) -> Reachability:
    return replace(answer, blocks=tuple(replace(each, entry_number=None) for each in answer.blocks))


def _other_groups(answer: Reachability) -> Reachability:
    return replace(answer, blocks=tuple(replace(each, group_ids=()) for each in answer.blocks))


def _only_first(answer: Reachability) -> Reachability:
    return replace(answer, blocks=answer.blocks[:1])


@pytest.mark.parametrize(
    ("wrong", "about"),
    [
        pytest.param(_without_hop(Hop.CLIENT_GROUPS), "hop", id="a hop never blamed: client's groups"),
        pytest.param(_without_hop(Hop.CLIENT_SUBNET_IN), "hop", id="a hop never blamed: answer in"),
        pytest.param(_shifted, "source port", id="one port off"),
        pytest.param(_other_entry, "entry", id="another entry"),
        pytest.param(_other_groups, "groups", id="other groups"),
        pytest.param(_only_first, "hops", id="only one hop blamed"),
        pytest.param(lambda answer: replace(answer, blocks=()), "state", id="everything allowed"),
    ],
)
def test_a_wrong_evaluator_is_found_out(run: Run, wrong: Callable[[Reachability], Reachability], about: str) -> None:
    """An evaluator that is wrong in one small thing disagrees with the kernel within a few worlds, and about that."""

    def answers(world: World) -> Iterator[tuple[str, Answers]]:
        for how, said in answers_of(world):
            yield how, {key: wrong(answer) for key, answer in said.items()}

    found: list[str] = []
    for score in fuzz(run, seed=11, worlds=15, answers=answers):
        found = [each.about for each in score.disagreements]
        if any(about in each for each in found):
            break

    assert any(about in each for each in found)


@pytest.mark.parametrize("mode", EnforcingMode)
def test_a_wrong_enforcing_mode_is_found_out(run: Run, mode: EnforcingMode) -> None:
    """A bot that takes every pod with a branch interface for one of this mode disagrees with the kernel, soon."""

    def answers(world: World) -> Iterator[tuple[str, Answers]]:
        places = [replace(place, mode=place.mode and mode) for place in world.places.places]
        yield from answers_of(replace(world, places=replace(world.places, places=tuple(places))))

    scores = fuzz(run, seed=12, worlds=4, answers=answers)

    assert any(score.disagreements for score in scores)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_the_fuzzer_goes_on_until_it_is_ended_and_leaves_nothing(end: signal.Signals) -> None:
    """`python -m lab.fuzz` without a number of worlds tells its score so far when it is ended, and cleans up."""
    command = [sys.executable, "-m", "lab.fuzz", "--seed", "6"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as fuzzing:
        assert fuzzing.stdout is not None
        first = fuzzing.stdout.readline()
        with locked_records():  # another lab that starts or ends writes or removes a record
            owners = {record.name: (record / "owner").read_text().split()[0] for record in RECORDS.iterdir()}
            runs = [run for run, owner in owners.items() if owner == str(fuzzing.pid)]
        fuzzing.send_signal(end)
        last = fuzzing.stdout.read().splitlines()[-1]

    assert first.startswith("seed 6: 1 worlds, ")
    assert last.startswith("seed 6: ")
    assert fuzzing.returncode == 0
    assert [names_of(run) for run in runs] == [[]]
    assert not (RECORDS / runs[0]).exists()


def test_a_disagreement_is_narrowed_to_what_it_needs(run: Run) -> None:
    """For a bot that thinks everything is open what is kept of a refused pair's world is next to nothing."""

    def answers(world: World) -> Iterator[tuple[str, Answers]]:
        for how, said in answers_of(world):
            yield how, {key: replace(answer, blocks=()) for key, answer in said.items()}

    (score,) = fuzz(run, seed=11, worlds=1, answers=answers, narrow=True)

    (kept,) = score.narrowed
    assert "bot.network says allowed, the kernel blocked" in kept.splitlines()[0]
    assert [line for line in kept.splitlines() if line.startswith(("  rule", "  entry"))] == []


def test_narrowing_keeps_to_the_protocol_that_was_found(run: Run) -> None:
    """Where the bot is wrong about tcp in any world, but about udp only with four rules, udp's four rules are kept."""

    def answers(world: World) -> Iterator[tuple[str, Answers]]:
        for how, said in answers_of(world):
            wrong = {Transport.TCP, Transport.UDP} if len(world.answers.rules) >= 4 else {Transport.TCP}
            yield how, {key: replace(answer, blocks=()) if key[2] in wrong else answer for key, answer in said.items()}

    (score,) = fuzz(run, seed=11, worlds=1, answers=answers, narrow=True)

    (kept,) = score.narrowed
    assert "udp/53, state (classes of pairs)" in kept.splitlines()[0]
    assert len([line for line in kept.splitlines() if line.startswith("  rule")]) == 4


def test_a_source_port_on_each_side_of_every_edge_is_tried(run: Run) -> None:
    """An ACL entry for ports 40000 to 41000 splits the client's ports in three, and both ends of each are asked."""
    places = draw_places(random.Random("edges"))  # noqa: S311  # a drawing, no secret
    drawn = draw_world("edges", places, random.Random("edges"))  # noqa: S311  # the same
    entry = {"RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    every = {"Protocol": "-1", **entry}
    some = {"Protocol": "17", "PortRange": {"From": 40000, "To": 41000}, **entry}
    acl = {
        "NetworkAclId": "acl-0",
        "VpcId": "vpc-0f00d",
        "Associations": [{"SubnetId": subnet} for subnet in places.subnets],
        "Entries": [
            {"RuleNumber": 1, "Egress": True, **every},
            {"RuleNumber": 1, "Egress": False, "Protocol": "17", "PortRange": {"From": 53, "To": 53}, **entry},
            {"RuleNumber": 2, "Egress": False, **some},
        ],
    }
    rules = [
        {
            "SecurityGroupRuleId": f"sgr-{group}-{egress}",
            "GroupId": group,
            "IsEgress": egress,
            "IpProtocol": "-1",
            "FromPort": -1,
            "ToPort": -1,
            "CidrIpv4": "0.0.0.0/0",
        }
        for group in {held["GroupId"] for row in drawn.answers.interfaces for held in row["Groups"]}
        for egress in (True, False)
    ]
    world = replace(
        drawn,
        answers=replace(drawn.answers, acls=[acl], rules=rules),
        client_ports={place.address: (32768, 60999) for place in places.places},
    )
    pairs = pairs_of(world)
    pair = next(
        each
        for each in pairs
        if each.server
        and each.server.interface.subnet_id != each.client.interface.subnet_id
        and each.server.interface.instance_id != each.client.interface.instance_id
    )

    with Kernel(run, places) as kernel:
        outcomes = kernel.outcomes(world, [pair])
    by_port = {flow.client_port: outcomes[flow].answered for flow in pair.flows("udp")}

    assert by_port == {32768: False, 39999: False, 40000: True, 41000: True, 41001: False, 60999: False}
    _, by_pair = list(answers_of(world))[1]
    answer = by_pair[pair.client.address, pair.server_address, Transport.UDP]
    assert answer.share == 1 - 1001 / 28232
