"""Lookups of the private endpoint's name from a peer or an on-premises network fail, or answer other addresses (D8).

A symptom: it says from where, never why. PROBLEM: a probe there got no address, or, for an endpoint with private access
alone, one outside the cluster's VPC. HEALTHY: a probe in every such network got the private addresses, or others of an
endpoint that is public, too. UNKNOWN: a network has no probe or it could not be used, whatever the configuration
promises; or the answers are addresses of the VPC that are no interface's any more, since EKS replaces them.

In a playbook: `{rule: private_endpoint_lookups_fail, severity: critical}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.collectors.eks_cluster import EksCluster
from bot.collectors.vpc_dns import VpcDns
from bot.domain.evidence import Gap
from bot.domain.findings import Case, Judgement, Kind, Rule, Verdict, healthy, nothing_to_check, unknown
from bot.domain.json_values import JsonObject
from bot.domain.lookups import Answer, Lookup
from bot.domain.network_lookups import EndpointLookups
from bot.domain.phrases import count
from bot.rules._home_addresses import at_home


def judge(case: Case) -> Judgement:
    """Sort what the probes were answered."""
    found, cluster, dns = case.need(EndpointLookups), case.need(EksCluster), case.need(VpcDns)
    if not (case.target.peers or case.target.on_premises or found.gaps or dns.gaps):
        return nothing_to_check("no peer and no network on premises is configured")
    if not (cluster.endpoint_private or found.gaps or dns.gaps):
        return nothing_to_check("private access is off, so that public DNS answers the endpoint's name")
    made = [one for network in found.networks for one in network.asked]
    failing = [one for one in made if _fails(one, cluster, found, dns)]
    missing = (*_unseen(found), *dns.gaps, *_moved(made, found, dns))
    if failing:
        return _problem(found, made, failing, missing)
    lines = tuple(_line(found, one) for one in made)
    if missing:
        seen = f"{len(found.networks)} of {len(found.networks) + len(found.unprobed) + len(found.gaps)} networks"
        return unknown(
            f"Not known whether {found.name or 'the name'} resolves from every network: looked up from {seen}.",
            *missing,
            proof=lines,
        )
    return healthy(f"{found.name} resolves from {count(len(found.networks), 'network')} that has to.", *lines)


def _fails(one: Lookup, cluster: EksCluster, found: EndpointLookups, dns: VpcDns) -> bool:
    """Return whether a lookup failed; other addresses than private ones are a failure where there are no others."""
    if one.answer is not Answer.ANSWERED:
        return True
    return not cluster.endpoint_public and not _inside(one, found, dns)


def _inside(one: Lookup, found: EndpointLookups, dns: VpcDns) -> bool:
    return all(at_home(address, found, dns) for address in one.addresses)


def _unseen(found: EndpointLookups) -> Iterator[Gap]:
    yield from found.gaps
    for name in found.unprobed:
        reason = f"nothing there looks names up; name a `probe` for it, or ask by hand: `dig {found.name}`"
        yield Gap(what=f"lookups from {name}", reason=reason, setting="probe")
    for network in found.networks:
        if not network.asked:
            reason = f"{network.looked_from}: {network.why_unasked}"
            yield Gap(what=f"lookups from {network.place}", reason=reason)


def _moved(made: Sequence[Lookup], found: EndpointLookups, dns: VpcDns) -> Iterator[Gap]:
    """Yield answers from the cluster's VPC none of which is an interface's: they may just have been replaced."""
    for one in made:
        known = set(one.addresses) & set(found.private_addresses)
        if one.answer is Answer.ANSWERED and not known and _inside(one, found, dns):
            reason = f"{', '.join(one.addresses)} is no interface of the control plane now: EKS may have replaced it"
            yield Gap(what=f"lookups from {one.client.place}", reason=reason)


def _problem(
    found: EndpointLookups, made: Sequence[Lookup], failing: Sequence[Lookup], missing: tuple[Gap, ...]
) -> Judgement:
    first = failing[0]
    places = list(dict.fromkeys(one.client.place for one in failing))
    said = first.answer.value if first.answer is not Answer.ANSWERED else f"answered {', '.join(first.addresses)}"
    return Judgement(
        verdict=Verdict.PROBLEM,
        summary=(
            f"{found.name} does not resolve to its private addresses from {len(places)} of {len(found.networks)} "
            f"networks looked from ({', '.join(places)}): {first.server} {said}."
        ),
        proof=tuple(_line(found, one) for one in made),
        details={"name": found.name, "places": list(places), "answers": [_row(one) for one in failing]},
        missing=missing,
        failing=tuple(failing),
    )


def _row(one: Lookup) -> JsonObject:
    return {
        "place": one.client.place,
        "server": one.server,
        "answer": one.answer.value,
        "addresses": list(one.addresses),
    }


def _line(found: EndpointLookups, one: Lookup) -> str:
    network = found.of(one.client.place)
    by = f" ({network.looked_from})" if network else ""
    said = ", ".join(one.addresses) if one.answer is Answer.ANSWERED else f"{one.answer.value} ({one.detail})"
    return f"{one.client.place}{by}: {one.name} at {one.server}: {said}"


RULE = Rule(
    name="private_endpoint_lookups_fail",
    title="The private endpoint's name does not resolve from another network",
    check="Lookups of the private endpoint's name from other networks",
    kind=Kind.SYMPTOM,
    judge=judge,
    needs=(EksCluster, EndpointLookups, VpcDns),
    looks_from_elsewhere=True,
    problem_refuted_by=((EksCluster, "private access that is off, so that public DNS answers the name"),),
    healthy_refuted_by=((EndpointLookups, "a network from which the name got no address, or nobody looked"),),
)
