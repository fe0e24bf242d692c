"""Install NodeLocal DNSCache as this cluster needs it: addresses, domain, selector, kube-proxy's mode (B1, B2).

With kube-proxy in iptables or nftables mode it takes the DNS service's address beside its own; where IPVS or Cilium
leads that address it takes its own alone, which the kubelets must give to pods. The address that pods ask already and
where nobody answers is taken, else 169.254.20.10 or the next that is free.

Not offered where pods with a branch interface work in strict mode: their packets never see the node's own addresses,
and the NOTRACK rules take CoreDNS from them, too (B5, B6). The manifest is checked against the API server's own schemas
before it is shown (where they cannot be read the plan says so); the first step lets the API check and admit all of it
without keeping anything. The undo deletes, by uid, exactly what was made; what an interrupted plan left behind, being
the same, is taken over and not deleted.

Cost: two calls an object, and a GET every 2 s until the DaemonSet's pods are Ready. Playbook:

    fixes:
      - fix: install_node_local_dns
        risk: high
        with: {image: "registry.k8s.io/dns/k8s-dns-node-cache:1.26.4", timeout: 5m}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from bot.collectors.branch_pods import BranchPods
from bot.collectors.kube_dns import KubeDns
from bot.collectors.kube_proxy_pods import KubeProxyPods
from bot.collectors.manifest_schemas import ManifestSchemas
from bot.collectors.node_local_dns import NodeLocalDns
from bot.collectors.vpc_cni import VpcCni
from bot.dns.node_local_corefile import is_link_local
from bot.domain.enforcing_mode import EnforcingMode
from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.lookup_matrix import LookupMatrix
from bot.domain.permissions import KubernetesPermission
from bot.domain.phrases import and_more, count
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.domain.ports import Resource
from bot.domain.settling import COMPLETE, Settled, waiting_for
from bot.errors import EvidenceUnavailable
from bot.fixes import _made_objects as made
from bot.kubernetes.node_local_dns import LOCAL_ADDRESS
from bot.kubernetes.node_local_manifest import KINDS, NodeLocalManifest
from bot.kubernetes.resources import DAEMON_SETS, KUBE_SYSTEM
from bot.kubernetes.rollouts import unfinished

NAME = "install_node_local_dns"
_TRY = "try"
_RESOURCES = {one.plural: one for one in KINDS.values()}
_ABSENT: JsonObject = {"uid": ""}
_TAKEN = frozenset(
    {"169.254.169.123", "169.254.169.249", "169.254.169.250", "169.254.169.251", "169.254.169.253", "169.254.169.254"}
    | {"169.254.170.2", "169.254.170.23"}
)
"""Link-local addresses that AWS answers at itself: time, KMS, the resolver, instance and pod credentials."""
_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the playbook may choose."""

    image: str = "registry.k8s.io/dns/k8s-dns-node-cache:1.26.4"
    """Of node-cache. A cluster without a way to registry.k8s.io names its own copy."""
    timeout: timedelta = timedelta(minutes=5)
    """How long its pods may take until all are Ready."""


def plan(case: PlanCase) -> Planned | Advice:
    """Plan to try and then create each object of the manifest, or say why not."""
    refused = _refused(case)
    if refused:
        return refused
    found = case.need(NodeLocalDns)
    dns = case.need(KubeDns)
    address = _address(case, found)
    own_alone = _leads_it_away(case, found)
    if own_alone and not _asked(case, address):
        return Advice(
            reason=f"{own_alone}, so that it can only answer at an address of its own, which no pod is told to ask.",
            text=(f"Let the kubelets give pods {address} (clusterDNS) on new nodes first, and install it then.",),
        )
    manifest = NodeLocalManifest(
        namespace=dns.namespace,
        local_address=address,
        cluster_ip="" if own_alone else dns.cluster_ip,
        domain=case.need(LookupMatrix).cluster_domain,
        selector=dict(part.split("=", 1) for part in dns.selector.split(",")),
        image=case.parameters.image,
        plan_id=case.plan_id,
    )
    objects = manifest.objects()
    wrong, unchecked = _checked(objects, case)
    if wrong:
        return Advice(reason=f"The API would not take the manifest: {'; '.join(wrong)}.")
    steps = [_try_step(objects, manifest), *(_create_step(*one, case) for one in objects)]
    return Planned(steps=tuple(steps), blast_radius=_touches(manifest, own_alone, case) + unchecked)


def _checked(objects: tuple[tuple[Resource, JsonObject], ...], case: PlanCase) -> tuple[list[str], str]:
    """Return what the API server has no place for, and, where its schemas are not known, what the plan says of it."""
    why = "it was not asked for them"
    try:
        known = case.need(ManifestSchemas)
        if known.asked:
            return [one for _, body in objects for one in known.misfits(body)], ""
    except EvidenceUnavailable as error:
        why = error.reason
    return [], f" The manifest was not checked against the API server's schemas before the first step does: {why}"


def _refused(case: PlanCase) -> Advice | None:
    """Return why it may not be installed here."""
    found, dns = case.need(NodeLocalDns), case.need(KubeDns)
    there = ", ".join(cache.title for cache in found.caches)
    if there:
        return Advice(reason=f"NodeLocal DNSCache is there already: DaemonSet {there}.")
    if not dns.cluster_ip or not dns.selector:
        return Advice(reason="There is no DNS Service with a selector that it could ask for cluster names.")
    if ip_address(dns.cluster_ip).version != ip_address(LOCAL_ADDRESS).version:
        return Advice(reason="The cluster's family is IPv6, for which this manifest is not made.")
    strangers = _strangers(case)
    if strangers:
        return Advice(
            reason=f"Pods are told to ask {', '.join(strangers)}, which is not a link-local address that a cache "
            "could use.",
        )
    return _breaks_branch_pods(case)


def _strangers(case: PlanCase) -> list[str]:
    named = case.finding.judgement.details.get("nameservers")
    servers = [str(one) for one in named] if isinstance(named, list | tuple) else []
    return [one for one in servers if not is_link_local(one)]


def _breaks_branch_pods(case: PlanCase) -> Advice | None:
    """Refuse where pods would lose DNS with it: those in strict mode, or of unknown mode (B5, B6)."""
    branch, cni = case.need(BranchPods), case.need(VpcCni)
    standard = EnforcingMode.STANDARD
    struck = [f"{pod.namespace}/{pod.name}" for pod in branch.pods if cni.mode_of(pod) is not standard]
    if branch.gaps:
        return Advice(reason=f"Not known whether pods would lose DNS by it: {branch.gaps[0].reason}.")
    if not struck:
        return None
    return Advice(
        reason=(
            f"{count(len(struck), 'pod')} with a branch interface would lose DNS: {and_more(struck, 5)}. In strict "
            "mode their packets never see the node's own addresses, and the cache's NOTRACK rules take CoreDNS from "
            "them."
        ),
        text=(
            "Set POD_SECURITY_GROUP_ENFORCING_MODE=standard on aws-node (VPC CNI 1.11 or newer) and roll these pods.",
        ),
    )


def _leads_it_away(case: PlanCase, found: NodeLocalDns) -> str:
    """Say what leads the DNS service's address to CoreDNS whatever the cache does; empty: its rules come first."""
    proxy = case.need(KubeProxyPods)
    if proxy.replaced_by:
        return f"{proxy.replaced_by} leads the DNS service's address before a packet is made"
    return "kube-proxy's IPVS holds the DNS service's address" if found.kube_proxy_mode == "ipvs" else ""


def _asked(case: PlanCase, address: str) -> bool:
    return any(address in one.nameservers for one in case.need(LookupMatrix).resolvers if one.uses_cluster_dns)


def _address(case: PlanCase, found: NodeLocalDns) -> str:
    """Return the link-local address that pods ask in vain, else the usual one or the next that is free."""
    told = {server for one in case.need(LookupMatrix).resolvers if one.uses_cluster_dns for server in one.nameservers}
    asked = sorted(server for server in told if is_link_local(server) and server not in _TAKEN)
    if asked:
        return asked[0]
    first = ip_address(LOCAL_ADDRESS)
    tried = (str(first + more) for more in range(_TRIES))
    return next(one for one in tried if one not in _TAKEN and one not in found.addresses)


def _touches(manifest: NodeLocalManifest, own_alone: str, case: PlanCase) -> str:
    taken = f"{manifest.local_address} and {manifest.cluster_ip}" if manifest.cluster_ip else manifest.local_address
    proxy = case.need(KubeProxyPods)
    why = f" ({own_alone})" if own_alone else ""
    return (
        f"A pod on the host's network with NET_ADMIN on every node ({proxy.nodes_total} EC2 nodes) takes {taken}{why}: "
        "queries of all pods there go through it and, where it stops without removing its rules, to nobody. Pods with "
        "a branch interface that are made later in strict mode would get no answer."
    )


def _try_step(objects: tuple[tuple[Resource, JsonObject], ...], manifest: NodeLocalManifest) -> Step:
    return Step(
        fix=NAME,
        action=_TRY,
        target=f"NodeLocal DNSCache's manifest in {manifest.namespace}",
        parameters={"objects": [{"resource": one.plural, "body": body} for one, body in objects]},
        before={"uids": [""] * len(objects)},
        diff=tuple(f"  {body['kind']} {manifest.namespace}/{made.name_of(body)}" for _, body in objects),
        undo="Nothing is kept of it.",
        command="kubectl apply --dry-run=server -f node-local-dns.yaml",
        writer=WriterKind.KUBERNETES,
    )


def _create_step(resource: Resource, body: JsonObject, case: PlanCase) -> Step:
    namespace, name = made.namespace_of(body), made.name_of(body)
    target = f"{body['kind']} {namespace}/{name}"
    seconds = int(case.parameters.timeout.total_seconds())
    return Step(
        fix=NAME,
        action=made.CREATE,
        target=target,
        parameters={"resource": resource.plural, "body": body},
        before=_ABSENT,
        diff=tuple(f"+ {line}" for line in _lines(body)),
        undo=f"Delete {target}, if it is still the one that was made.",
        command=f"kubectl create -f {name}-{str(body['kind']).lower()}.yaml",
        writer=WriterKind.KUBERNETES,
        settles_within_seconds=seconds if resource is DAEMON_SETS else 60,
    )


def _lines(body: JsonObject) -> Iterator[str]:
    """Yield an object as people read it: the Corefile as it is, the rest as JSON without outer braces."""
    data = body.get("data")
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield f"{key}: |"
            yield from (f"  {line}" for line in str(value).splitlines())
        return
    yield from json.dumps(body.get("spec") or body["metadata"], indent=1, sort_keys=True).splitlines()[1:-1]


def _objects(step: Step) -> Iterator[tuple[Resource, JsonObject]]:
    """Yield the objects that a step is about."""
    listed = step.parameters["objects"] if step.action == _TRY else [step.parameters]
    assert isinstance(listed, list | tuple)  # noqa: S101  # as planned
    for one in listed:
        assert isinstance(one, Mapping)  # noqa: S101  # the same
        body = one["body"]
        assert isinstance(body, Mapping)  # noqa: S101  # the same
        yield _RESOURCES[str(one["resource"])], body


def read(step: Step, look: Reading) -> JsonValue:
    """Return the uid of the object of this name, or of all that are tried; an absent one has the uid "".

    What an interrupted plan left behind, as this one would make it, counts as absent: it is kept.
    """
    uids: list[JsonValue] = [made.uid_of(look.cluster, *one) for one in _objects(step)]
    return {"uids": uids} if step.action == _TRY else {"uid": uids[0]}


def apply(step: Step, writing: Writing) -> JsonObject:
    """Let the API try all objects, create one, or delete one by its uid; return the uid of what was made or kept."""
    if step.action == _TRY:
        for resource, body in _objects(step):
            if made.find(writing.cluster, resource, body) is None:
                writing.cluster_writer.create(resource, body, namespace=made.namespace_of(body), dry_run=True)
        return {}
    return made.carry_out(step, writing, *next(_objects(step)))


def settled(step: Step, effects: JsonObject, look: Reading) -> Settled:
    """Return whether every pod of the DaemonSet is Ready; the other objects are complete at once."""
    del effects
    resource, body = next(_objects(step))
    if step.action != made.CREATE or resource is not DAEMON_SETS:
        return COMPLETE
    missing = unfinished("DaemonSet", look.cluster.get(resource, made.name_of(body), namespace=made.namespace_of(body)))
    return waiting_for(missing) if missing else COMPLETE


def inverse(step: Step, effects: JsonObject) -> Step | None:
    """Return the step that deletes exactly what was made; trying made nothing."""
    command = f"kubectl delete -f {made.name_of(next(_objects(step))[1])}-{step.target.split()[0].lower()}.yaml"
    return made.deletion(step, effects, command=command)


FIX = Fix(
    name=NAME,
    title="Install NodeLocal DNSCache",
    does=(
        "Creates NodeLocal DNSCache's ServiceAccount, upstream Service, ConfigMap and DaemonSet, rendered for the "
        "cluster and checked against the API server's schemas, after the API has tried all of them. Refused where pods "
        "with a branch interface work in strict mode. The undo deletes what was made."
    ),
    plan=plan,
    read=read,
    apply=apply,
    settled=settled,
    inverse=inverse,
    permissions=tuple(
        KubernetesPermission(
            verb=verb,
            resource=resource.plural,
            group=resource.group,
            namespace=KUBE_SYSTEM,
            unlocks="install NodeLocal DNSCache, and remove it again",
            follows_dns=True,
        )
        for resource in _RESOURCES.values()
        for verb in ("get", "create", "delete")
    ),
    needs=(NodeLocalDns, KubeDns, KubeProxyPods, LookupMatrix, BranchPods, VpcCni, ManifestSchemas),
    parameters=Parameters,
    rule_parameters=("nameservers",),
)
