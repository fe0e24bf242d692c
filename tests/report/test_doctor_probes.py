"""What the doctor says of the probes in other networks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.doctor.checks import CheckState
from bot.doctor.probes import check_probes
from bot.domain.cluster import ClusterTarget
from bot.domain.evidence import Collected, Gap
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.network_lookups import Connection, Contact, EndpointLookups, NetworkLooked
from bot.domain.permissions import KubernetesPermission, Use
from bot.domain.places import OnPremises, PodProbe
from bot.report.permissions import Need
from tests.report.test_reports import NOON, diagnosis

HQ = OnPremises(name="hq", cidrs=("10.64.0.0/10",), probe=PodProbe(kubeconfig="/hq.yaml", selector="app=dnsprobe"))
TARGET = ClusterTarget(name="cluster-prod", eks_name="cluster-prod", region="eu-west-1", on_premises=(HQ,))
RULE = "private_endpoint_lookups_fail"
NEED = Need(
    permission=KubernetesPermission(verb="create", resource="pods/exec"), use=Use.PROBE, units=("endpoint_lookups",),
    disables=(RULE,), gathers=True,
)  # fmt: skip
CLIENT = Client(kind=ClientKind.ON_PREMISES, place="hq")
ASKED = Lookup(
    client=CLIENT, server="10.64.0.2", through_service=False, transport=Transport.UDP, external=False, name="a.",
    answer=Answer.NXDOMAIN,
)  # fmt: skip
REACHED = Connection(client=CLIENT, address="10.0.0.5", contact=Contact.TIMED_OUT)
LOOKED = NetworkLooked(place="hq", looked_from="pod dns/a", lookups=(ASKED,), connections=(REACHED,))
NO_TOOL = replace(ASKED, answer=Answer.NOT_ASKED, detail="the image has neither dig nor nslookup")
NO_CURL = replace(REACHED, contact=Contact.NOT_TRIED, detail="the image has no curl")


def found(*networks: NetworkLooked, gap: Gap | None = None, name: str = "a") -> EndpointLookups:
    """Return what the probes gave."""
    gaps = (gap,) if gap else ()
    return EndpointLookups(name=name, private_addresses=(), networks=networks, gaps=gaps)


@pytest.mark.parametrize(
    ("seen", "state", "said"),
    [
        (found(LOOKED), CheckState.OK, "pod dns/a looks names up at 10.64.0.2"),
        (found(replace(LOOKED, lookups=(NO_TOOL,))), CheckState.MISSING, "neither dig nor nslookup"),
        (found(replace(LOOKED, connections=(NO_CURL,))), CheckState.NOTE, "443 is reached from there is not seen"),
        (
            found(gap=Gap(what="lookups from hq", reason="403 Forbidden.", grant="pods/exec: create")),
            CheckState.MISSING, "403 Forbidden. Grant pods/exec: create.",
        ),
        (
            found(gap=Gap(what="lookups from hq", reason="none runs", setting="probe")),
            CheckState.MISSING, "none runs Look at `probe` of this network",
        ),
        (found(gap=Gap(what="lookups from hq", reason="no answer")), CheckState.UNKNOWN, "no answer"),
        (found(name=""), CheckState.NOTE, "its probe was not asked"),
        (Gap(what="endpoint_lookups", reason="needs ControlPlane"), CheckState.UNKNOWN, "needs ControlPlane"),
        (None, CheckState.UNKNOWN, "no playbook gathers it"),
    ],
    ids=["answers", "no tool", "no curl", "refused", "no pod", "silent", "not needed", "not gathered", "not asked for"],
)  # fmt: skip
def test_each_probe_is_told_with_what_it_lacks(
    seen: EndpointLookups | Gap | None, state: CheckState, said: str
) -> None:
    """One line a network; what is lost without it is named where something is lost."""
    subject = diagnosis()
    if seen is not None:
        gap, value = (seen, None) if isinstance(seen, Gap) else (None, seen)
        evidence = Collected(
            id="endpoint_lookups", collector="endpoint_lookups", parameters={}, value=value, gap=gap, calls=(),
            collected_at=NOON, took_ms=1, summary="s",
        )  # fmt: skip
        subject = replace(subject, evidence=(evidence,))

    (check,) = check_probes(TARGET, subject, [NEED])

    assert (check.subject, check.state) == ("cluster-prod, lookups from hq", state)
    assert said in check.text
    assert check.disables == ((RULE,) if state in {CheckState.MISSING, CheckState.UNKNOWN} else ())


def test_a_network_without_a_probe_is_a_note() -> None:
    """Nobody sees what resolves there, and nothing is missing that was asked for."""
    (check,) = check_probes(replace(TARGET, on_premises=(replace(HQ, probe=None),)), diagnosis(), [NEED])

    assert (check.state, check.disables) == (CheckState.NOTE, (RULE,))
    assert "no probe is set" in check.text
