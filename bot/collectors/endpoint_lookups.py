"""Lookups of the private endpoint's name from other networks, and connections to the API from there (D7, D8).

Each peer and network on premises that has a `probe` is looked from: pods of a cluster there, an instance by Systems
Manager, or a function of Lambda. It asks the resolver that its host or pod really uses, and connects to port 443 of the
control plane's interfaces. From on premises the addresses of the inbound endpoint are asked, too: whether a forwarder
is all that is missing there. A network without a probe is named: what it answers is not known. Cost: from pods four
execs and one for each interface and inbound address; else one command or invocation a network, side by side.

```yaml
gather:
  - collector: endpoint_lookups
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace

from bot.collectors._asking import Asked, PodSession
from bot.collectors.control_plane import ControlPlane
from bot.collectors.eks_cluster import EksCluster
from bot.collectors.resolver_rules import ResolverRules
from bot.dns.connecting import curl_arguments, read_curl
from bot.dns.host_names import valid_host_name
from bot.dns.lookup_tools import READ_RESOLV_CONF
from bot.dns.probe_answer import ServerAnswer, read_probe_answer
from bot.dns.resolv_conf import parse_resolv_conf
from bot.domain.cluster import ClusterTarget, PodName
from bot.domain.evidence import Collector, Gap
from bot.domain.lookups import Answer, Client, ClientKind, Lookup, Transport
from bot.domain.network_lookups import Connection, Contact, EndpointLookups, NetworkLooked
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.places import HOME, FunctionProbe, InstanceProbe, Place, PlaceKind, PodProbe, Probe
from bot.domain.ports import PodProber, ProbeQuestion
from bot.domain.reading import reading
from bot.domain.views import NetworkView
from bot.errors import EvidenceUnavailable
from bot.kubernetes.pods import Pod
from bot.kubernetes.resources import PODS
from bot.linux.programs import program_missing
from bot.network.names import Direction

_AT_ONCE = 8
_MOST_ADDRESSES = 4
"""Interfaces that are connected to from each network: EKS makes two to four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Network:
    """One network that must resolve the name."""

    name: str
    kind: ClientKind
    place: Place
    """Whose account and region an instance or a function is asked for in."""
    probe: Probe | None
    inbound: tuple[str, ...] = ()
    """Addresses of the inbound endpoint that are asked from there themselves."""

    @property
    def client(self) -> Client:
        """Who asks from there."""
        return Client(kind=self.kind, place=self.name)


def collect(look: NetworkView) -> EndpointLookups:
    """Look the name up from every network with a probe."""
    cluster, plane = look.need(EksCluster), look.need(ControlPlane)
    addresses = tuple(sorted({str(address) for one in plane.interfaces for address in one.addresses}))
    networks = list(_networks(look.target, _inbound(look, cluster)))
    if not (networks and cluster.endpoint_private and valid_host_name(cluster.endpoint_host)):
        return EndpointLookups(name="", private_addresses=addresses)
    question = ProbeQuestion(name=cluster.endpoint_host, addresses=addresses[:_MOST_ADDRESSES])
    probed = [one for one in networks if one.probe is not None]
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="look from") as pool:
        made = [
            pool.submit(copy_context().run, _looked, look, one, replace(question, servers=one.inbound))
            for one in probed
        ]
        found = [one.result() for one in made]
    return EndpointLookups(
        name=cluster.endpoint_host,
        private_addresses=addresses,
        networks=tuple(one for one in found if isinstance(one, NetworkLooked)),
        unprobed=tuple(one.name for one in networks if one.probe is None),
        gaps=tuple(one for one in found if isinstance(one, Gap)),
    )


def _inbound(look: NetworkView, cluster: EksCluster) -> tuple[str, ...]:
    """Return where the inbound endpoints of the cluster's VPC answer, as far as they could be listed."""
    known = look.find(ResolverRules)
    endpoints = [one for account in known.accounts for one in account.endpoints] if known else []
    own = [one for one in endpoints if one.direction is Direction.INBOUND and one.vpc_id == cluster.vpc_id]
    return tuple(sorted({str(one.address) for endpoint in own for one in endpoint.addresses}))[:_MOST_ADDRESSES]


def _networks(target: ClusterTarget, inbound: tuple[str, ...]) -> Iterator[_Network]:
    for peer in target.peers:
        yield _Network(name=peer.place.name, kind=ClientKind.PEER, place=peer.place, probe=peer.probe)
    for site in target.on_premises:
        yield _Network(name=site.name, kind=ClientKind.ON_PREMISES, place=HOME, probe=site.probe, inbound=inbound)


def _looked(look: NetworkView, network: _Network, question: ProbeQuestion) -> NetworkLooked | Gap:
    try:
        match network.probe:
            case PodProbe() as pods:
                return _from_pods(look, network, pods, question)
            case InstanceProbe() as instance:
                printed = look.networks.command(instance, network.place, question)
                return _printed(network, f"instance {instance.instance_id}", printed, question)
            case FunctionProbe() as function:
                printed = look.networks.invoke(function, network.place, question)
                return _printed(network, f"function {function.function}", printed, question)
    except EvidenceUnavailable as error:
        return Gap.of(f"lookups from {network.name}", error)
    return Gap(what=f"lookups from {network.name}", reason="it has no probe", setting="probe")


def _printed(network: _Network, looked_from: str, printed: str, question: ProbeQuestion) -> NetworkLooked:
    """Return what our function or document printed."""
    found = read_probe_answer(printed, looked_from)
    return NetworkLooked(
        place=network.name,
        looked_from=looked_from,
        lookups=(_lookup(network, found.own, question),),
        connections=tuple(
            Connection(client=network.client, address=address, contact=contact, detail=detail)
            for address, contact, detail in found.connections
        ),
        directly=tuple(_lookup(network, one, question) for one in found.further),
    )


def _lookup(network: _Network, found: ServerAnswer, question: ProbeQuestion) -> Lookup:
    asked = _asked(found.server, question)
    return Lookup(
        client=network.client,
        server=asked.server,
        through_service=False,
        transport=asked.transport,
        external=False,
        name=asked.name,
        answer=found.answer,
        detail=found.detail,
        addresses=found.addresses,
    )


def _asked(server: str, question: ProbeQuestion) -> Asked:
    return Asked(
        server=server, through_service=False, transport=Transport.UDP, external=False, name=f"{question.name}."
    )


def _from_pods(look: NetworkView, network: _Network, probe: PodProbe, question: ProbeQuestion) -> NetworkLooked:
    """Ask from the first pod that runs. Raises `EvidenceUnavailable` where none does or nothing can be asked there."""
    with reading(f"list pods of {probe.selector} in the cluster of {network.name}"):
        pods = look.networks.cluster(probe).list(PODS, Pod.of, labels=probe.selector)
    running = sorted((pod for pod in pods if _runs(pod)), key=lambda pod: (not pod.ready, pod.namespace, pod.name))
    where = f"context {probe.context}" if probe.context else f"the current context of {probe.kubeconfig}"
    if not running:
        raise EvidenceUnavailable(
            f"{len(pods)} pods of {probe.selector!r} are in {where}, and none runs: there is nothing to look from",
            setting="probe",
        )
    pod, prober = running[0], look.networks.pods(probe)
    session = PodSession(pod=pod, prober=prober)
    server = _nameserver(pod, prober)
    session.prepare(server)
    if session.failure is not None:
        raise session.failure
    made = session.ask(_asked(server, question))
    return NetworkLooked(
        place=network.name,
        looked_from=f"pod {session.name} of {where}",
        lookups=(replace(made, client=network.client),),
        connections=tuple(_connections(pod, prober, network.client, question)),
        directly=tuple(
            replace(session.ask(_asked(address, question)), client=network.client) for address in question.servers
        ),
    )


def _runs(pod: Pod) -> bool:
    return pod.container.running_since is not None and not pod.terminating


def _nameserver(pod: Pod, prober: PodProber) -> str:
    """Return the first server of the pod's resolv.conf, which its programs ask."""
    printed = prober.run(PodName(namespace=pod.namespace, name=pod.name), pod.container.name, list(READ_RESOLV_CONF))
    servers = parse_resolv_conf(printed.text()).nameservers if printed.exit_code == 0 else ()
    if not servers:
        raise EvidenceUnavailable(
            f"/etc/resolv.conf of pod {pod.namespace}/{pod.name} names no server ({printed.complaint.strip()[:200]}): "
            "use pods whose image has cat and dig"
        )
    return servers[0]


def _connections(pod: Pod, prober: PodProber, client: Client, question: ProbeQuestion) -> Iterator[Connection]:
    """Yield what came of a TLS connection to each address; where the image has no curl, that none was tried."""
    name = PodName(namespace=pod.namespace, name=pod.name)
    for address in question.addresses:
        try:
            result = prober.run(name, pod.container.name, list(curl_arguments(question.name, address)))
            contact, detail = (
                (Contact.NOT_TRIED, "the image has no curl") if program_missing(result) else read_curl(result)
            )
        except EvidenceUnavailable as error:
            contact, detail = Contact.NOT_TRIED, error.reason
        yield Connection(client=client, address=address, contact=contact, detail=detail)


def summarise(found: EndpointLookups) -> str:
    """Say from how many networks the name was looked up, how many answered, and how many have no probe."""
    if not found.name:
        return "no other network has to resolve the endpoint's name"
    total = len(found.networks) + len(found.unprobed) + len(found.gaps)
    answered = sum(one.answer is Answer.ANSWERED for each in found.networks for one in each.asked)
    reached = sum(one.contact is Contact.REACHED for each in found.networks for one in each.tried)
    tried = sum(len(each.tried) for each in found.networks)
    return (
        f"looked up from {len(found.networks)} of {total} networks, {answered} answered; {reached} of {tried} "
        f"connections reached the API; {len(found.unprobed)} without a probe"
    )


def _aws(action: str, unlocks: str, *resources: str) -> Sequence[AwsPermission]:
    """Return what is called at home, for networks on premises, and at peers."""
    limits = resources or ("*",)
    return [AwsPermission(action=action, place=kind, resources=limits, unlocks=unlocks) for kind in PlaceKind]


COLLECTOR = Collector(
    name="endpoint_lookups",
    title="Lookups from other networks",
    evidence=EndpointLookups,
    view=NetworkView,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="list", resource="pods", in_probe_cluster=True, unlocks="pods of another network to look up from"
        ),
        KubernetesPermission(
            verb="create", resource="pods/exec", in_probe_cluster=True, unlocks="looking names up from another network"
        ),
        KubernetesPermission(
            verb="get", resource="pods/exec", in_probe_cluster=True, unlocks="the same, over WebSockets before 1.35"
        ),
        *_aws(
            "ssm:SendCommand",
            "run the document dnsbot-probe on the instance that looks up",
            "arn:aws:ec2:*:*:instance/*",
            "arn:aws:ssm:*:*:document/dnsbot-probe",
            "arn:aws:ssm:*:*:managed-instance/*",
        ),
        *_aws("ssm:GetCommandInvocation", "read what that document printed"),
        *_aws("lambda:InvokeFunction", "ask the function that looks up", "arn:aws:lambda:*:*:function:dnsbot-probe*"),
    ),
    needs=(EksCluster, ControlPlane),
    wants=(ResolverRules,),
    deadline_seconds=25.0,
)
