"""What `bot.network` says about a world, and whether it is what the kernel says.

The one module of the lab, besides the fuzzer's test, that imports `bot.network`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TypeAlias

from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.lookups import Transport
from bot.network.answers import DescribedInterface, belonging, network, network_acls, security_group_rules, subnets
from bot.network.classes import evaluate_pairs
from bot.network.evaluate import VpcBook, evaluate
from bot.network.model import Interface, PrefixList, Vpc
from bot.network.ports import DNS, PortRange, count
from bot.network.reachability import Block, End, Hop, Reachability, State
from lab.fuzz.kernel import Outcome, Pair, Stretch
from lab.fuzz.packets import Flow
from lab.fuzz.places import Place
from lab.fuzz.worlds import World
from lab.vpc_ruleset import Stage

_HOPS = {
    Stage.CLIENT_GROUPS: Hop.CLIENT_GROUPS,
    Stage.CLIENT_SUBNET_OUT: Hop.CLIENT_SUBNET_OUT,
    Stage.SERVER_SUBNET_IN: Hop.SERVER_SUBNET_IN,
    Stage.SERVER_GROUPS: Hop.SERVER_GROUPS,
    Stage.SERVER_SUBNET_OUT: Hop.SERVER_SUBNET_OUT,
    Stage.CLIENT_SUBNET_IN: Hop.CLIENT_SUBNET_IN,
}
_STAGES = {hop: stage for stage, hop in _HOPS.items()}
_ORDER = list(_HOPS)

Answers: TypeAlias = Mapping[tuple[str, str, Transport], Reachability]
"""By client's and server's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One thing about one pair on which the bot and the kernel differ."""

    world: str
    client: str
    server: str
    transport: Transport
    about: str
    bot: str
    kernel: str

    def __str__(self) -> str:
        """Return one line."""
        way = f"{self.client} to {self.server}, {self.transport}/53"
        return f"{self.world}: {way}, {self.about}: bot.network says {self.bot}, the kernel {self.kernel}"


def vpc_of(world: World) -> Vpc:
    """Return the world as the bot reads it."""
    rules = security_group_rules(world.answers.rules)
    held = tuple(one.interface for one in belonging([*map(DescribedInterface.of, world.answers.interfaces)]))
    groups = {group for each in held for group in each.security_group_ids} | {each.security_group_id for each in rules}
    return Vpc(
        interfaces=held,
        rules=rules,
        read_group_ids=frozenset(groups),
        prefix_lists=tuple(
            PrefixList(id=each, name=each, entries=tuple(map(network, cidrs)))
            for each, cidrs in world.answers.prefix_lists.items()
        ),
        acls=network_acls(world.answers.acls),
        subnets=subnets(world.subnets, world.route_tables),
    )


def answers_of(world: World) -> Iterator[tuple[str, Answers]]:
    """Yield the bot's answers twice: judged by classes of pairs, as its rules do it, and pair by pair."""
    vpc = vpc_of(world)
    holders = {
        place.address: next(i for i in vpc.interfaces if i.id == place.interface.id) for place in world.places.places
    }
    ends = {place.address: _end(world, place, holders[place.address]) for place in world.places.places}
    ends = {
        place.address: replace(
            ends[place.address],
            leaves_as=None
            if place.leaves_as == place.address
            else replace(ends[place.leaves_as], client_ports=ends[place.address].client_ports),
        )
        for place in world.places.places
    }
    resolver = End(interface=None, address=ip_address(world.places.resolver))
    outside = [End(interface=None, address=ip_address(world.places.outside))] if world.places.outside else []
    servers = [*ends.values(), resolver, *outside]
    by_class = {
        (str(client.address), str(server.address), answer.transport): answer
        for found in evaluate_pairs(vpc, ends.values(), servers).classes
        for client, server in found.pairs()
        for answer in found.answers
    }
    yield "classes of pairs", by_class
    book = VpcBook.of(vpc)
    yield (
        "pair by pair",
        {
            (str(client.address), str(server.address), transport): evaluate(book, client, server, transport)
            for client in ends.values()
            for server in servers
            for transport in Transport
        },
    )


def _end(world: World, place: Place, holder: Interface) -> End:
    return End(
        interface=holder,
        address=ip_address(place.address),
        client_ports=PortRange(*world.client_ports[place.address]),
        mode=place.mode or EnforcingMode.STRICT,
    )


def disagreements(
    world: World, pairs: Sequence[Pair], outcomes: Mapping[Flow, Outcome], answers: Iterable[tuple[str, Answers]]
) -> list[Disagreement]:
    """Return the differences of every way of judging; what each is about names the way."""
    return [
        replace(each, about=f"{each.about} ({how})")
        for how, said in answers
        for each in _compared(world, pairs, outcomes, said)
    ]


def _compared(
    world: World, pairs: Sequence[Pair], outcomes: Mapping[Flow, Outcome], answers: Answers
) -> list[Disagreement]:
    """Return every difference: state, ports, share, first hop, all hops, entry numbers, group ids."""
    found = []
    for pair in pairs:
        for transport in Transport:
            answer = answers[pair.client.address, pair.server_address, transport]
            for about, bot, kernel in _differences(world, pair, transport, outcomes, answer):
                found.append(
                    Disagreement(
                        world=world.name,
                        client=pair.client.address,
                        server=pair.server_address,
                        transport=transport,
                        about=about,
                        bot=str(bot),
                        kernel=str(kernel),
                    )
                )
    return found


def _differences(
    world: World, pair: Pair, transport: Transport, outcomes: Mapping[Flow, Outcome], answer: Reachability
) -> Iterator[tuple[str, object, object]]:
    flows = pair.flows(transport)
    seen = {flow.client_port: outcomes[flow] for flow in flows}
    blocked = any(not outcome.answered for outcome in seen.values())
    outside = pair.server_address == world.places.outside
    if outside and any(each.hop is Hop.CLIENT_GROUPS for each in answer.unread):
        return  # a rule that references a group of the peer VPC, which the bot does not read
    truth = State.BLOCKED if blocked else State.UNDECIDED if outside else State.ALLOWED
    if answer.state is not truth:
        yield "state", answer.state, truth
        return
    for port, outcome in seen.items():
        yield from _about_port(port, outcome, answer)
    share = _share(pair.stretches, {port for port, outcome in seen.items() if not outcome.answered})
    if abs(answer.share - share) > 1e-12:  # noqa: PLR2004  # as floats allow
        yield "share of source ports without answer", answer.share, share
    for block in answer.blocks:
        yield from _about_block(world, pair, seen, block)


def _about_port(port: int, outcome: Outcome, answer: Reachability) -> Iterator[tuple[str, object, object]]:
    says = sorted((_STAGES[block.hop] for block in answer.blocks if _closes(block, port)), key=_ORDER.index)
    if says != (true := sorted(outcome.would_refuse, key=_ORDER.index)):
        yield f"hops that stop source port {port}", [str(each) for each in says], [str(each) for each in true]
    first = outcome.refused_at[0] if outcome.refused_at else None
    if (says[0] if says else None) != first:
        yield f"first hop that stops source port {port}", says[0] if says else None, first


def _closes(block: Block, port: int) -> bool:
    return block.ports == DNS or any(each.first <= port <= each.last for each in block.closed)


def _share(parts: Iterable[Stretch], closed: set[int]) -> float:
    parts = tuple(parts)
    size = sum(part.last - part.first + 1 for part in parts)
    return sum(part.last - part.first + 1 for part in parts if part.first in closed) / size


def _about_block(
    world: World, pair: Pair, seen: Mapping[int, Outcome], block: Block
) -> Iterator[tuple[str, object, object]]:
    stage = _STAGES[block.hop]
    if stage in {Stage.CLIENT_GROUPS, Stage.SERVER_GROUPS}:
        place = pair.sender if stage is Stage.CLIENT_GROUPS else pair.server
        true = _groups(world, place.interface.id) if place else ()
        if block.group_ids != true:
            yield f"groups to blame at {stage}", block.group_ids, true
        return
    sizes: dict[int, int] = {}
    closed = 0
    for part in pair.stretches:
        entry = seen[part.first].would_refuse.get(stage)
        if entry is not None:
            size = part.last - part.first + 1
            sizes[entry] = sizes.get(entry, 0) + size
            closed += size
    most = max(sorted(sizes), key=lambda number: sizes[number], default=None)
    if block.entry_number != most:
        yield f"entry to blame at {stage}", block.entry_number, most
    if block.ports != DNS and count(block.closed) != closed:
        yield f"ports closed at {stage}", count(block.closed), closed
    if block.counterpart is None or ip_address(
        (pair.server_address, pair.client.address)[_is_far_client(stage)]
    ) not in (block.counterpart):
        yield f"counterpart at {stage}", block.counterpart, "the other end's subnet"


def _is_far_client(stage: Stage) -> bool:
    return stage in {Stage.SERVER_SUBNET_IN, Stage.SERVER_SUBNET_OUT}


def _groups(world: World, interface_id: str) -> tuple[str, ...]:
    row = next(row for row in world.answers.interfaces if row["NetworkInterfaceId"] == interface_id)
    return tuple(sorted(group["GroupId"] for group in row["Groups"]))
