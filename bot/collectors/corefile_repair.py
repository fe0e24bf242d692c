"""With which Corefile CoreDNS would start again: the smallest edit that loads, or the last good one that is known.

Where nothing is wrong with the Corefile nothing is read. Where CoreDNS refuses it, or a readiness probe asks a plugin
that it lacks, edits are made one after the other and held against CoreDNS itself where COREFILE_CHECK names a program
that links it, else against the bot's own grammar. Where no edit is accepted, or one would take away what CoreDNS does,
the last good one is taken: of the EKS add-on's configuration, of the annotation that `kubectl apply` leaves, of a
ConfigMap that an older ReplicaSet mounts, of an earlier diagnosis in the bot's own history. Cost, where something is
wrong: the Corefile's ConfigMap (shared), one list of ReplicaSets and at most three ConfigMaps, one look into the
history, and, where the add-on holds the Corefile, its schema (shared). In a
playbook: `{collector: corefile_repair}`.
Sources: Kubernetes documentation, "Declarative Management", kubectl.kubernetes.io/last-applied-configuration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.collectors._corefile_check import Checked, check_corefile
from bot.collectors._corefile_files import coredns_version, folders_of
from bot.collectors.coredns_addon_scheduling import ADDON, COREFILE, CorednsAddonScheduling
from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.coredns_log import CorednsLineKind
from bot.dns.corefile.editing import with_plugin
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.parsing import parse_corefile
from bot.dns.corefile.reading import read_corefile
from bot.dns.corefile.repairing import Edit, mended
from bot.dns.corefile.tree import CorefileRefusal
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject, digest_of_text
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.phrases import timestamp
from bot.domain.reading import reading
from bot.domain.redaction import NOT_STORED
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, HistoryUnavailable, NotEditable, NotFound
from bot.kubernetes.addon_configuration import held_text, refusals, with_text
from bot.kubernetes.coredns import PROBED, coredns_setup
from bot.kubernetes.members import optional_text, part, text, text_map
from bot.kubernetes.owners import controller_of
from bot.kubernetes.resources import CONFIG_MAPS, KUBE_SYSTEM, REPLICA_SETS
from bot.kubernetes.workloads import template_spec

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MOST_OLDER = 3
_REFUSALS = (CorednsLineKind.COREFILE_ERROR, CorednsLineKind.START_FAILED, CorednsLineKind.RELOAD_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefileRepair:
    """What is wrong with the Corefile, and the one that would do."""

    fault: str = ""
    """Empty: nothing that an edit would mend, and all else is empty, too."""
    lacks: str = ""
    """The plugin that a readiness probe asks and no server block has; empty: CoreDNS refuses the Corefile."""
    text: str = ""
    """The whole Corefile that would do; empty: none is known."""
    text_sha256: str = ""
    """Of that text, before anything of it was left out of the evidence."""
    edits: tuple[str, ...] = ()
    """What was edited in the present one; empty: `origin` says where the text comes from."""
    loses: tuple[str, ...] = ()
    """What CoreDNS would do no longer."""
    origin: str = ""
    """Where a last good one was found."""
    checked_by: str = ""
    """Who accepts it: `CoreDNS 1.15.0 itself` or `the bot's own grammar`."""
    open: str = ""
    """What could not be told about it: files that it names, imports that were not read."""
    former_sha256: str = ""
    """Of the Corefile as it stands."""
    immutable: bool = False
    """Whether the ConfigMap takes no change."""
    in_addon: bool = False
    """Whether the configuration of the EKS add-on coredns holds the present Corefile, so that EKS writes it back."""
    addon_refuses: str = ""
    """Why that configuration cannot be sent with the other Corefile; empty: it can, or it holds none."""
    unread: tuple[str, ...] = ()
    """Where a last good one could have stood and could not be looked for."""


@dataclass(slots=True, kw_only=True)
class _Search:
    """Looks for a Corefile that would do."""

    look: View
    corefile: Corefile
    pods: CorednsPods | None
    found: RawObject
    held: str
    folders: Folders
    unread: list[str] = field(default_factory=list)

    def checked(self, candidate: str) -> Checked:
        """Hold a text against CoreDNS, or our grammar."""
        path = self.corefile.path
        return check_corefile(
            read_corefile(candidate, file=path, folders=self.folders),
            candidate,
            path,
            self.folders,
            version=coredns_version(self.pods),
            program=self.look.corefile_program,
        )

    def judged(self, candidate: str) -> CorefileRefusal | None:
        """Return why a text is refused."""
        return self.checked(candidate).refusal

    def edited(self, refusal: CorefileRefusal | None, lacks: str) -> tuple[str, tuple[Edit, ...]]:
        """Return the smallest edit that is accepted; an empty text: there is none."""
        if refusal is None:
            try:
                wanted = with_plugin(self.held, lacks, file=self.corefile.path, folders=self.folders)
            except NotEditable:
                return "", ()
            edit = Edit(text=wanted, does=f"the server block for all names gets the plugin `{lacks}`")
            return ("", ()) if self.judged(wanted) else (wanted, (edit,))
        made = mended(self.held, refusal, self.judged, file=self.corefile.path)
        return (made.text, made.edits) if made else ("", ())

    def last_good(self, lacks: str) -> tuple[str, str]:
        """Return a Corefile that stood there or is meant to, and where it was found; empty: none."""
        for origin, candidate in self._candidates():
            blocks = parse_corefile(candidate, file=self.corefile.path, folders=self.folders).blocks
            serves = any(block.has("kubernetes") for block in blocks)
            answers = not lacks or any(block.has(lacks) for block in blocks)
            if candidate != self.held and serves and answers and self.judged(candidate) is None:
                return candidate, origin
        return "", ""

    def _candidates(self) -> Iterator[tuple[str, str]]:
        configured = self.configured
        if configured:
            yield f"the configuration of the EKS add-on {ADDON}", configured
        applied = self._applied()
        if applied:
            yield f"the annotation {LAST_APPLIED} of ConfigMap {self.corefile.where}", applied
        yield from self._older()
        yield from self._remembered()

    @property
    def configured(self) -> str:
        """The Corefile that the add-on's configuration holds; empty: none."""
        owner = self.look.find(CorednsAddonScheduling)
        try:
            return (held_text(owner.addon.configuration, COREFILE) or "") if owner and owner.addon else ""
        except NotEditable:
            return ""

    def _applied(self) -> str:
        noted = text_map(part(self.found, "metadata"), "annotations").get(LAST_APPLIED, "")
        try:
            data = json.loads(noted).get("data") if noted else None
        except (ValueError, AttributeError):
            return ""
        held = data.get(self.corefile.key) if isinstance(data, dict) else None
        return held if isinstance(held, str) else ""

    def _older(self) -> Iterator[tuple[str, str]]:
        """Yield the Corefiles of other ConfigMaps that older ReplicaSets mount, the newest first."""
        pods, namespace = self.pods, self.corefile.namespace
        if pods is None or not pods.deployments:
            return
        try:
            with reading(f"list ReplicaSets of {pods.selector} in {namespace}"):
                sets = self.look.cluster.list(REPLICA_SETS, _mounted, namespace=namespace, labels=pods.selector)
        except EvidenceUnavailable as error:
            self.unread.append(f"older ReplicaSets: {error.reason}")
            return
        owned = [one for one in sets if one.deployment in pods.deployments and one.config_map]
        newest_first = sorted(owned, key=lambda one: one.made, reverse=True)
        others = {one.config_map: one for one in reversed(newest_first) if one.config_map != self.corefile.config_map}
        for older in list(reversed(others.values()))[:_MOST_OLDER]:
            config_map, key, name = older.config_map, older.key, older.name
            try:
                with reading(f"get ConfigMap {namespace}/{config_map}"):
                    data = text_map(self.look.cluster.get(CONFIG_MAPS, config_map, namespace=namespace), "data")
            except NotFound:
                continue
            except EvidenceUnavailable as error:
                self.unread.append(f"ConfigMap {config_map}: {error.reason}")
                continue
            if key in data:
                yield f"ConfigMap {namespace}/{config_map}, which the older ReplicaSet {name} mounts", data[key]

    def _remembered(self) -> Iterator[tuple[str, str]]:
        """Yield the Corefiles of earlier diagnoses that nothing was found against, the newest first."""
        try:
            found = self.look.remember("corefile")
        except HistoryUnavailable as error:
            self.unread.append(f"the history: {error}")
            return
        for memory in found:
            value, held = memory.value, memory.value.get("text")
            here = [value.get(name) for name in ("namespace", "config_map", "key")]
            same = here == [self.corefile.namespace, self.corefile.config_map, self.corefile.key]
            good = same and not value.get("refusal")
            if good and isinstance(held, str) and digest_of_text(held) == value.get("sha256"):
                yield f"the bot's own history, as it stood at {timestamp(memory.at)}", held


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mounted:
    """A ReplicaSet, and which ConfigMap holds its pods' Corefile."""

    name: str
    deployment: str
    made: str
    config_map: str
    key: str


def _mounted(raw: RawObject) -> _Mounted:
    config_map, key = coredns_setup(template_spec(raw)).source
    owner = controller_of(raw)
    metadata = part(raw, "metadata")
    return _Mounted(
        name=text(metadata, "name"),
        deployment=owner.name if owner.kind == "Deployment" else "",
        made=optional_text(metadata, "creationTimestamp"),
        config_map=config_map,
        key=key,
    )


def collect(look: View) -> CorefileRepair:
    """Find out what is wrong, and with what it would not be."""
    corefile, pods = look.need(Corefile), look.find(CorednsPods)
    refusal = corefile.refusal or _refused_by_pods(corefile, look.find(CorednsLogs))
    lacks = "" if refusal else _lacks(corefile, pods)
    if not corefile.exists or not (refusal or lacks):
        return CorefileRepair()
    found = _config_map(look, corefile)
    data = text_map(found, "data")
    held = data.get(corefile.key, "")
    mounts = pods.setup.mounts if pods and pods.setup else ()
    folders = folders_of(look, corefile.namespace, mounts, {corefile.config_map: data}, held)
    search = _Search(look=look, corefile=corefile, pods=pods, found=found, held=held, folders=folders)
    wanted, edits = search.edited(refusal, lacks)
    loses = tuple(edit.loses for edit in edits if edit.loses)
    good, origin = search.last_good(lacks) if not wanted or loses else ("", "")
    if good:
        wanted, edits, loses = good, (), ()
    checked = search.checked(wanted) if wanted else None
    in_addon = bool(search.configured) and search.configured == held
    return CorefileRepair(
        fault=_fault(corefile, refusal, lacks),
        lacks=lacks,
        text=wanted,
        text_sha256=digest_of_text(wanted) if wanted else "",
        edits=tuple(edit.does for edit in edits),
        loses=loses,
        origin=origin,
        checked_by=checked.by if checked else "",
        open="; ".join(one.reason for one in checked.unknown[:3]) if checked else "",
        former_sha256=digest_of_text(held),
        immutable=found.get("immutable") is True,
        in_addon=in_addon,
        addon_refuses=_addon_refuses(look, wanted) if in_addon and wanted else "",
        unread=tuple(search.unread),
    )


def _fault(corefile: Corefile, refusal: CorefileRefusal | None, lacks: str) -> str:
    if refusal is None:
        return f"it lacks the plugin {lacks}"
    place = f"line {refusal.line}" if refusal.line else "as a whole"
    elsewhere = f" of {refusal.file}" if refusal.file not in ("", corefile.path) else ""
    return f"{place}{elsewhere}: {refusal.message}"


def _refused_by_pods(corefile: Corefile, logs: CorednsLogs | None) -> CorefileRefusal | None:
    """Return what CoreDNS last refused where the Corefile still says so, for what our grammar does not know."""
    said = [
        (one.last_at, one.line.corefile)
        for log in (logs.pods if logs else ())
        for one in log.of(*_REFUSALS)
        if one.line.corefile is not None and (corefile.changed_at is None or one.last_at >= corefile.changed_at)
    ]
    for _, error in sorted(said, key=lambda one: one[0], reverse=True):
        if error.in_corefile and error.word and error.word in corefile.line(error.line):
            return CorefileRefusal(file=corefile.path, line=error.line, message=error.message, plugin=error.plugin)
    return None


def _lacks(corefile: Corefile, pods: CorednsPods | None) -> str:
    """Return the plugin that the readiness probe of a pod that is not ready asks, where no server block has it."""
    if not corefile.blocks or any(block.unread for block in corefile.blocks):
        return ""
    unwell = [pod for pod in (pods.pods if pods else ()) if not pod.ready and not pod.terminating]
    asked = [PROBED[pod.container.readiness_path][0] for pod in unwell if pod.container.readiness_path in PROBED]
    return next((name for name in asked if not any(block.has(name) for block in corefile.blocks)), "")


def _config_map(look: View, corefile: Corefile) -> RawObject:
    try:
        return look.cluster.get(CONFIG_MAPS, corefile.config_map, namespace=corefile.namespace)
    except NotFound as error:
        raise EvidenceUnavailable(f"ConfigMap {corefile.where} has gone since its Corefile was read") from error


def _addon_refuses(look: View, wanted: str) -> str:
    """Return why the add-on cannot be sent the other Corefile."""
    addon = look.need(CorednsAddonScheduling).addon
    if addon is None:
        return ""
    if not addon.whole:
        return f"its configuration holds {NOT_STORED}"
    try:
        configuration = with_text(addon.configuration, COREFILE, wanted)
    except NotEditable as error:
        return f"its configuration has no place for it: {error}"
    answer: RawObject = look.aws.read("eks", "DescribeAddonConfiguration", addonName=ADDON, addonVersion=addon.version)
    with reading("eks:DescribeAddonConfiguration"):
        against = refusals(configuration, text(answer, "configurationSchema"))
    return f"the schema of {addon.version} refuses it: {'; '.join(against)}" if against else ""


def summarise(found: CorefileRepair) -> str:
    """Say what is wrong and what would do."""
    if not found.fault:
        return "nothing in the Corefile is to be repaired"
    if not found.text:
        return f"{found.fault}; no edit is accepted, and no good Corefile is known"
    would: Sequence[str] = found.edits or (f"the last good one is known: {found.origin}",)
    return f"{found.fault}; {'; '.join(would)}; accepted by {found.checked_by}"


COLLECTOR = Collector(
    name="corefile_repair",
    title="A Corefile with which CoreDNS would start",
    evidence=CorefileRepair,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=KUBE_SYSTEM,
            unlocks="a Corefile with which CoreDNS would start: the smallest edit, or the last good one",
            follows_dns=True,
        ),
        KubernetesPermission(
            verb="list",
            resource="replicasets",
            group="apps",
            namespace=KUBE_SYSTEM,
            unlocks="the last good Corefile, in a ConfigMap that an older ReplicaSet mounts",
            follows_dns=True,
        ),
        AwsPermission(
            action="eks:DescribeAddonConfiguration", unlocks="whether the add-on's version takes another Corefile"
        ),
    ),
    needs=(Corefile,),
    wants=(CorednsPods, CorednsLogs, CorednsAddonScheduling),
)
