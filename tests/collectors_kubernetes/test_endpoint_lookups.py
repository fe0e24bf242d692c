"""Lookups of the private endpoint's name from other networks, by each kind of probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pytest

from bot.collectors.control_plane import ControlPlane
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.endpoint_lookups import COLLECTOR
from bot.collectors.resolver_rules import AccountResolver, ResolverRules
from bot.domain.cluster import PodName
from bot.domain.json_values import RawObject
from bot.domain.lookups import Answer, ClientKind
from bot.domain.network_lookups import Contact, EndpointLookups
from bot.domain.places import HOME, FunctionProbe, InstanceProbe, OnPremises, Peer, Place, PodProbe, Probe
from bot.domain.ports import ExecResult, ProbeQuestion
from bot.errors import AccessDenied, EvidenceUnavailable
from bot.network.model import Interface
from bot.network.names import Direction, EndpointAddress, ResolverEndpoint
from tests.looking import TARGET, Ends, as_stored, collect_through

HOST = "abc.gr7.eu-west-1.eks.amazonaws.com"
TOOLS = Place(name="tools", region="eu-west-1", account="210987654321", vpc_id="vpc-peer")
PODS = PodProbe(kubeconfig="/etc/tools.yaml", context="tools", selector="app=dnsprobe")
CLUSTER = EksCluster(
    name="cluster-prod", arn="arn:aws:eks:eu-west-1:111122223333:cluster/cluster-prod", account="111122223333",
    status="ACTIVE", version="1.33", vpc_id="vpc-home", cluster_security_group_id="sg-1", security_group_ids=(),
    subnet_ids=(), endpoint=f"https://{HOST}", endpoint_public=False, endpoint_private=True,
    service_cidr="172.20.0.0/16", auto_mode=False,
)  # fmt: skip
PLANE = ControlPlane(
    interfaces=tuple(
        Interface(id=f"eni-{at}", instance_id="", subnet_id="", security_group_ids=frozenset(),
                  addresses=frozenset({ip_address(at)}))
        for at in ("10.0.1.5", "10.0.2.6")
    ),
    endpoint_host=HOST,
    endpoint_private=True,
)  # fmt: skip
JSON = (
    '{"server": "10.1.0.2", "rcode": "NOERROR", "silence": "", "addresses": ["10.0.1.5"], '
    '"connections": {"10.0.1.5": "reached", "10.0.2.6": "timed out"}}'
)
DIG = (
    ";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n\n;; ANSWER SECTION:\n"
    f"{HOST}.\t60\tIN\tA\t10.0.1.5\n{HOST}.\t60\tIN\tA\t10.0.2.6\n"
)


def ran(stdout: str = "", stderr: str = "", exit_code: int = 0) -> ExecResult:
    """Return what a program gave."""
    return ExecResult(stdout=stdout.encode(), stderr=stderr.encode(), exit_code=exit_code, cut=False)


def pod(name: str, *, running: bool = True) -> dict[str, Any]:
    """Return a pod as the API answers it."""
    state = {"running": {"startedAt": "2026-11-21T08:00:00Z"}} if running else {"waiting": {"reason": "Pending"}}
    return {
        "metadata": {"name": name, "namespace": "dns", "creationTimestamp": "2026-11-21T08:00:00Z", "uid": name},
        "spec": {"nodeName": "n", "containers": [{"name": "probe", "image": "x"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "probe", "state": state, "ready": running}]},
    }


@dataclass
class Elsewhere:
    """Stands for `NetworkProber`, its reader and its prober."""

    listed: Sequence[Mapping[str, Any]] = ()
    printed: str = JSON
    curl: ExecResult = field(default_factory=lambda: ran("401"))
    refuses: EvidenceUnavailable | None = None
    asked: list[tuple[object, Place, ProbeQuestion]] = field(default_factory=list)

    def cluster(self, probe: PodProbe) -> Any:
        """See `NetworkProber.cluster`."""
        assert probe == PODS
        return self

    pods = cluster

    def list(self, _: object, read: Callable[[RawObject], Any], **selectors: str) -> Sequence[Any]:
        """See `ClusterReader.list`."""
        assert selectors["labels"] == PODS.selector
        return [read(one) for one in self.listed]

    def run(self, name: PodName, container: str, arguments: Sequence[str]) -> ExecResult:
        """See `PodProber.run`."""
        assert (name.namespace, container) == ("dns", "probe")
        if self.refuses:
            raise self.refuses
        if arguments[0] == "cat":
            return ran("nameserver 10.1.0.2\n")
        if arguments[0] == "curl":
            return self.curl
        return ran(stderr="DiG 9.18\n") if arguments[1] == "-v" else ran(DIG)

    def command(self, probe: InstanceProbe, place: Place, question: ProbeQuestion) -> str:
        """See `NetworkProber.command`."""
        self.asked.append((probe, place, question))
        return self.printed

    def invoke(self, probe: FunctionProbe, place: Place, question: ProbeQuestion) -> str:
        """See `NetworkProber.invoke`."""
        self.asked.append((probe, place, question))
        return self.printed


def gathered(elsewhere: Elsewhere, probe: Probe | None, cluster: EksCluster = CLUSTER) -> EndpointLookups:
    """Run the collector with one peer."""
    target = replace(TARGET, peers=(Peer(place=TOOLS, probe=probe),))
    held = {EksCluster: cluster, ControlPlane: PLANE}
    found, _ = collect_through(COLLECTOR, Ends(network_prober=elsewhere), needed=held, target=target)
    assert isinstance(found, EndpointLookups)
    assert as_stored(found) == found
    assert COLLECTOR.summarise(found)
    return found


def test_a_pod_asks_its_own_server_and_connects_to_each_interface() -> None:
    """The first pod that runs; the client is the network, and the API's 401 counts as reached."""
    found = gathered(Elsewhere(listed=[pod("a", running=False), pod("b")]), PODS)

    (network,) = found.networks
    assert network.looked_from == "pod dns/b of context tools"
    assert [(one.server, one.answer, one.addresses) for one in network.lookups] == [
        ("10.1.0.2", Answer.ANSWERED, ("10.0.1.5", "10.0.2.6"))
    ]
    assert (network.lookups[0].client.kind, network.lookups[0].client.place) == (ClientKind.PEER, "tools")
    assert [(one.address, one.contact) for one in network.connections] == [
        ("10.0.1.5", Contact.REACHED), ("10.0.2.6", Contact.REACHED)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("curl", "contact"),
    [
        (ran("000", "curl: (28) Connection timed out after 3001 ms", 28), Contact.TIMED_OUT),
        (ran("000", "curl: (7) Failed to connect: Connection refused", 7), Contact.REFUSED),
        (ran("000", "curl: (7) Failed to connect: No route to host", 7), Contact.FAILED),
        (ran("000", "curl: (35) TLS connect error", 35), Contact.FAILED),
        (ran("", "executable file not found in $PATH", 127), Contact.NOT_TRIED),
        (ran("403"), Contact.REACHED),
    ],
)
def test_what_curl_says_becomes_what_came_of_the_connection(curl: ExecResult, contact: Contact) -> None:
    """An image without curl tries nothing, which says nothing about the way."""
    (network,) = gathered(Elsewhere(listed=[pod("b")], curl=curl), PODS).networks

    assert {one.contact for one in network.connections} == {contact}


@pytest.mark.parametrize("probe", [InstanceProbe(instance_id="i-0bbb"), FunctionProbe(function="dnsbot-probe")])
def test_instance_and_function_print_the_same(probe: Probe) -> None:
    """Both are asked at the peer's own place, with the name and the interfaces' addresses."""
    elsewhere = Elsewhere()

    (network,) = gathered(elsewhere, probe).networks

    asked = ProbeQuestion(name=HOST, addresses=("10.0.1.5", "10.0.2.6"))
    assert elsewhere.asked == [(probe, TOOLS, asked)]
    assert (network.lookups[0].answer, network.lookups[0].addresses) == (Answer.ANSWERED, ("10.0.1.5",))
    assert [one.contact for one in network.connections] == [Contact.REACHED, Contact.TIMED_OUT]


@pytest.mark.parametrize(
    ("rcode", "silence", "addresses", "answer"),
    [
        ("NXDOMAIN", "", "[]", Answer.NXDOMAIN),
        ("NOERROR", "", "[]", Answer.NXDOMAIN),
        ("SERVFAIL", "", "[]", Answer.SERVFAIL),
        ("REFUSED", "", "[]", Answer.REFUSED),
        ("", "timed out", "[]", Answer.TIMED_OUT),
        ("", "Network is unreachable", "[]", Answer.NOT_ASKED),
    ],
)
def test_an_answer_without_addresses_is_told_apart(rcode: str, silence: str, addresses: str, answer: Answer) -> None:
    """By the code that came, or by the silence."""
    text = f'{{"server": "10.1.0.2", "rcode": "{rcode}", "silence": "{silence}", "addresses": {addresses}, '
    found = gathered(Elsewhere(printed=f'{text}"connections": {{}}}}'), FunctionProbe(function="dnsbot-probe"))

    assert [one.answer for one in found.networks[0].lookups] == [answer]


@pytest.mark.parametrize(
    "printed", ["", "[]", "{}", JSON.replace("10.0.1.5", "x"), JSON.replace("[", "{").replace("]", "}")]
)
def test_an_answer_of_another_shape_is_a_gap(printed: str) -> None:
    """Whoever put another function there learns it, and nothing is concluded."""
    found = gathered(Elsewhere(printed=printed), FunctionProbe(function="other"))

    assert (found.networks, [gap.what for gap in found.gaps]) == ((), ["lookups from tools"])


def test_a_network_without_a_probe_is_named_and_one_whose_probe_fails_is_a_gap() -> None:
    """Neither was looked from."""
    refused = Elsewhere(listed=[pod("b")], refuses=AccessDenied("403", grant="pods/exec"))

    assert gathered(Elsewhere(), None).unprobed == ("tools",)
    assert [gap.grant for gap in gathered(refused, PODS).gaps] == ["pods/exec"]
    assert [gap.setting for gap in gathered(Elsewhere(), PODS).gaps] == ["probe"]


def test_nothing_is_asked_where_public_dns_answers_anyway() -> None:
    """Private access is off."""
    found = gathered(Elsewhere(), PODS, replace(CLUSTER, endpoint_private=False))

    assert (found.name, found.networks, found.looked_from) == ("", (), "")


INBOUND = ResolverEndpoint(
    id="rslvr-in-1", direction=Direction.INBOUND, account="111122223333", region="eu-west-1", vpc_id="vpc-home",
    status="OPERATIONAL", security_group_ids=("sg-in",),
    addresses=(EndpointAddress(address=ip_address("10.0.1.9"), subnet_id="subnet-1", status="ATTACHED"),),
)  # fmt: skip
RESOLVER = ResolverRules(
    accounts=(
        AccountResolver(
            place=HOME, account="111122223333", region="eu-west-1", rules=(), associations=(),
            endpoints=(
                INBOUND, replace(INBOUND, id="rslvr-in-2", vpc_id="vpc-other"),
                replace(INBOUND, id="rslvr-out-1", direction=Direction.OUTBOUND),
            ),
        ),
    )
)  # fmt: skip
WITH_ASKED = JSON.replace(
    '"connections"',
    '"asked": {"10.0.1.9": {"rcode": "NOERROR", "silence": "", "addresses": ["10.0.1.5"]}}, "connections"',
)


@pytest.mark.parametrize(
    ("probe", "elsewhere"),
    [
        (PODS, Elsewhere(listed=[pod("b")])),
        (FunctionProbe(function="dnsbot-probe"), Elsewhere(printed=WITH_ASKED)),
        (InstanceProbe(instance_id="mi-0a"), Elsewhere(printed=WITH_ASKED)),
    ],
    ids=["pods", "function", "instance"],
)
def test_from_on_premises_the_inbound_endpoint_is_asked_itself(probe: Probe, elsewhere: Elsewhere) -> None:
    """That of the cluster's VPC, whatever the DNS server there forwards; peers' way is judged from AWS's answers."""
    site = OnPremises(name="hq", cidrs=("10.64.0.0/10",), probe=probe)
    target = replace(TARGET, on_premises=(site,), peers=(Peer(place=TOOLS, probe=probe),))
    held = {EksCluster: CLUSTER, ControlPlane: PLANE, ResolverRules: RESOLVER}

    found, _ = collect_through(COLLECTOR, Ends(network_prober=elsewhere), needed=held, target=target)

    assert isinstance(found, EndpointLookups)
    assert [one.servers for _, place, one in elsewhere.asked if place == HOME] in ([("10.0.1.9",)], [])
    assert [one.servers for _, place, one in elsewhere.asked if place == TOOLS] in ([()], [])
    hq = found.of("hq")
    assert hq is not None
    assert [(one.server, one.answer) for one in hq.directly] == [("10.0.1.9", Answer.ANSWERED)]
    assert found.answered(hq.directly) is True


def test_a_network_on_premises_is_asked_by_an_account_of_the_clusters() -> None:
    """Systems Manager knows a host there by the cluster's own account and region."""
    elsewhere = Elsewhere()
    site = OnPremises(name="hq", cidrs=("10.64.0.0/10",), probe=InstanceProbe(instance_id="mi-0a"))
    held = {EksCluster: CLUSTER, ControlPlane: PLANE}

    found, calls = collect_through(
        COLLECTOR, Ends(network_prober=elsewhere), needed=held, target=replace(TARGET, on_premises=(site,))
    )

    assert [(place.name, found.networks[0].lookups[0].client.kind) for _, place, _ in elsewhere.asked] == [
        ("home", ClientKind.ON_PREMISES)
    ]
    assert set(calls) == {"ssm:SendCommand", "ssm:GetCommandInvocation"}
