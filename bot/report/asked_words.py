"""What became of what was asked about, in words: each name with its answers by vantage point, and the pod."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.domain.asked import NameAnswer
from bot.domain.diagnosis import Diagnosis
from bot.domain.lookups import Answer
from bot.domain.phrases import count, with_grant

_POINTS_SHOWN = 4


def asked_words(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield a sentence for each kind of answer about each name, then one about the pod."""
    by_name: dict[str, list[NameAnswer]] = {}
    for one in diagnosis.names:
        by_name.setdefault(one.name, []).append(one)
    for name, answers in by_name.items():
        yield from _name(name, answers)
    if diagnosis.question.pod is not None:
        yield _pod(diagnosis)


def _name(name: str, answers: Sequence[NameAnswer]) -> Iterator[str]:
    told = [one for one in answers if one.answer is not Answer.NOT_ASKED]
    if not told:
        why = next((one.detail for one in answers if one.detail), "no reason is known")
        yield f"{name}: could not be asked: {why}."
        return
    alike: dict[str, list[NameAnswer]] = {}
    for one in told:
        alike.setdefault(_answer(one), []).append(one)
    for said, points in sorted(alike.items(), key=lambda item: -len(item[1])):
        yield f"{name}: {said}, {_points(points, told)}."
    if len(told) < len(answers):
        yield f"{name}: not asked from {count(len(answers) - len(told), 'further vantage point')}."


def _answer(one: NameAnswer) -> str:
    if one.empty:
        return "exists, without an IPv4 address"
    if len(one.told) > 1:
        return " and ".join(f"{answer} over {transport}" for transport, answer in one.over.items())
    if one.answer is Answer.NXDOMAIN:
        return "does not exist (NXDOMAIN)"
    return ", ".join(one.addresses) or one.answer.value


def _points(points: Sequence[NameAnswer], told: Sequence[NameAnswer]) -> str:
    if len(points) == len(told):
        servers = Counter(one.server for one in points)
        clients = len({one.client for one in points})
        return f"says every server that was asked ({', '.join(servers)}), from {count(clients, 'client')}"
    shown = [f"{one.seen_from} at {one.server}" for one in points[:_POINTS_SHOWN]]
    more = [f"{len(points) - _POINTS_SHOWN} more"] if len(points) > _POINTS_SHOWN else []
    return f"from {'; '.join([*shown, *more])}"


def _pod(diagnosis: Diagnosis) -> str:
    pod, gap = str(diagnosis.question.pod), diagnosis.asked_pod_gap
    if gap is not None:
        return f"Pod {pod}: could not be asked: {with_grant(gap.reason, gap.grant)}"
    made = [one for one in diagnosis.matrix.lookups if one.client.pod == pod] if diagnosis.matrix else []
    told = [one for one in made if one.answer is not Answer.NOT_ASKED]
    bad = Counter(one.answer.value for one in told if one.answer is not Answer.ANSWERED)
    failed = "".join(f", {number} {answer}" for answer, number in bad.items())
    node = f" on {told[0].client.node}" if told and told[0].client.node else ""
    answered = sum(one.answer is Answer.ANSWERED for one in told)
    return f"Pod {pod}{node}: {answered} of {count(len(told), 'lookup')} from it answered{failed}."
