"""The doctor's part about other networks: whether each one's probe answers, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.doctor.checks import Check, CheckState
from bot.domain.cluster import ClusterTarget
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Gap
from bot.domain.network_lookups import EndpointLookups, NetworkLooked
from bot.domain.permissions import Use
from bot.domain.places import Probe
from bot.report.permissions import Need


def check_probes(target: ClusterTarget, diagnosis: Diagnosis, found: Sequence[Need]) -> Iterator[Check]:
    """Tell of each peer and network on premises what the diagnosis got from its probe."""
    blind = tuple(dict.fromkeys(rule for need in found if need.use is Use.PROBE for rule in need.disables))
    seen = _seen(diagnosis)
    for name, probe in _networks(target):
        subject = f"{target.name}, lookups from {name}"
        if probe is None:
            text = "no probe is set: whether the private endpoint's name resolves there is not seen"
            yield Check(subject=subject, state=CheckState.NOTE, text=text, disables=blind)
        else:
            yield _probed(subject, name, seen, blind)


def _networks(target: ClusterTarget) -> Iterator[tuple[str, Probe | None]]:
    for peer in target.peers:
        yield peer.place.name, peer.probe
    for site in target.on_premises:
        yield site.name, site.probe


def _seen(diagnosis: Diagnosis) -> EndpointLookups | Gap:
    values = (one.value for one in diagnosis.evidence if isinstance(one.value, EndpointLookups))
    gaps = (one.gap for one in diagnosis.evidence if one.collector == "endpoint_lookups" and one.gap)
    return next(values, None) or next(gaps, Gap(what="endpoint_lookups", reason="no playbook gathers it"))


def _probed(subject: str, name: str, seen: EndpointLookups | Gap, blind: tuple[str, ...]) -> Check:
    if isinstance(seen, Gap):
        return _lacking(subject, seen, blind)
    looked = seen.of(name)
    if looked is not None:
        return _looked(subject, looked, blind)
    gap = next((one for one in seen.gaps if one.what.endswith(f" from {name}")), None)
    if gap is not None:
        return _lacking(subject, gap, blind)
    text = "its probe was not asked: the endpoint's private access is off, or it has no name yet"
    return Check(subject=subject, state=CheckState.NOTE, text=text)


def _lacking(subject: str, gap: Gap, blind: tuple[str, ...]) -> Check:
    told = bool(gap.grant or gap.setting)
    grant = f" Grant {gap.grant}." if gap.grant and gap.grant not in gap.reason else ""
    setting = f" Look at `{gap.setting}` of this network in dnsbot.yaml." if gap.setting else ""
    state = CheckState.MISSING if told else CheckState.UNKNOWN
    return Check(subject=subject, state=state, text=f"{gap.reason}{grant}{setting}", disables=blind)


def _looked(subject: str, looked: NetworkLooked, blind: tuple[str, ...]) -> Check:
    if not looked.asked:
        text = f"{looked.looked_from} answers and looks nothing up: {looked.why_unasked}"
        return Check(subject=subject, state=CheckState.MISSING, text=text, disables=blind)
    untried = next((one.detail for one in looked.connections if one not in looked.tried), "")
    text = f"{looked.looked_from} looks names up at {looked.asked[0].server}"
    if untried and not looked.tried:
        text = f"{text}; whether 443 is reached from there is not seen: {untried}"
        return Check(subject=subject, state=CheckState.NOTE, text=text)
    return Check(subject=subject, state=CheckState.OK, text=text)
