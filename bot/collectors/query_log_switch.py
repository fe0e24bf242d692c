"""Whether CoreDNS's query log could be switched on, and where: the add-on's configuration or the ConfigMap (C10).

The Corefile with the plugin `log` in its root block is made here and held against CoreDNS itself where COREFILE_CHECK
names a program that links it, else against the bot's own grammar. Where the configuration of the EKS add-on coredns
holds the Corefile (`corefile`), that is where it has to be changed: what its version takes says its schema. Cost: the
Corefile's ConfigMap and, where the add-on holds the Corefile, `eks:DescribeAddonConfiguration` (both shared with other
collectors). In a playbook: `{collector: query_log_switch}`.
Sources: CoreDNS, plugin/log, plugin/reload; EKS API Reference, DescribeAddonConfiguration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.collectors._corefile_check import check_corefile
from bot.collectors._corefile_files import coredns_version, folders_of
from bot.collectors.coredns_addon_scheduling import ADDON, COREFILE, CorednsAddonScheduling
from bot.collectors.coredns_metrics import CorednsMetrics
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.dns.coredns_metrics import CorednsCounters
from bot.dns.corefile.editing import log_of, with_log
from bot.dns.corefile.imports import Folders
from bot.dns.corefile.reading import read_corefile
from bot.domain.evidence import Collector
from bot.domain.json_values import RawObject, digest_of_text
from bot.domain.permissions import AwsPermission, KubernetesPermission
from bot.domain.reading import reading
from bot.domain.redaction import NOT_STORED
from bot.domain.views import View
from bot.errors import EvidenceUnavailable, NotEditable, NotFound
from bot.kubernetes.addon_configuration import held_text, refusals, with_text
from bot.kubernetes.members import text, text_map
from bot.kubernetes.resources import CONFIG_MAPS, KUBE_SYSTEM

_LEAST_SECONDS = 10.0
"""A process that runs for less tells no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLogSwitch:
    """What stands in the way of the query log, if anything."""

    written: str
    """How the root block logs queries now, as it is written: `log`, `log . {combined}`; empty: it does not."""
    refused: str = ""
    """Why the Corefile cannot have the plugin: no root block, or CoreDNS would not start with it; empty: it can."""
    open: str = ""
    """What could not be told about the Corefile with the plugin: imports that were not read; empty: nothing."""
    checked_by: str
    """Who says so: `CoreDNS 1.15.0 itself` or `the bot's own grammar`."""
    sha256: str
    """Of the Corefile that was judged."""
    reloads: bool
    """Whether CoreDNS takes up a changed Corefile by itself: the plugin reload stands in some block."""
    queries_per_second: float | None = None
    """Of all pods together, on average since each started; None: not all of them told."""
    in_addon: bool = False
    """Whether the configuration of the EKS add-on coredns holds the Corefile, so that EKS writes the ConfigMap."""
    addon_refuses: str = ""
    """Why that configuration cannot be sent with the query log on; empty: it can, or it holds no Corefile."""


def collect(look: View) -> QueryLogSwitch:
    """Read the Corefile whole, edit it, and have the edited one judged."""
    corefile, pods = look.need(Corefile), look.find(CorednsPods)
    data = _data(look, corefile)
    held = data.get(corefile.key, "")
    mounts = pods.setup.mounts if pods and pods.setup else ()
    folders = folders_of(look, corefile.namespace, mounts, {corefile.config_map: data}, held)
    written, wanted, refused = _edited(held, corefile.path, folders)
    checked = check_corefile(
        read_corefile(wanted, file=corefile.path, folders=folders),
        wanted,
        corefile.path,
        folders,
        version=coredns_version(pods),
        program=look.corefile_program,
    )
    refusal, (in_addon, addon_refuses) = checked.refusal, _in_addon(look)
    return QueryLogSwitch(
        written=written,
        refused=refused or (f"line {refusal.line}: {refusal.message}" if refusal else ""),
        open="; ".join(one.reason for one in checked.unknown[:3]),
        checked_by=checked.by,
        sha256=digest_of_text(held),
        reloads=any(block.plugin("reload") for block in corefile.blocks),
        queries_per_second=_queries_per_second(look),
        in_addon=in_addon,
        addon_refuses=addon_refuses,
    )


def _data(look: View, corefile: Corefile) -> dict[str, str]:
    if not corefile.exists:
        raise EvidenceUnavailable(f"there is no Corefile in ConfigMap {corefile.where}")
    try:
        found = look.cluster.get(CONFIG_MAPS, corefile.config_map, namespace=corefile.namespace)
    except NotFound as error:
        raise EvidenceUnavailable(f"ConfigMap {corefile.where} has gone since its Corefile was read") from error
    with reading(f"get ConfigMap {corefile.where}"):
        return text_map(found, "data")


def _edited(held: str, path: str, folders: Folders) -> tuple[str, str, str]:
    """Return how it logs now, the Corefile that is to be judged, and why it cannot be edited."""
    try:
        written = log_of(held, file=path, folders=folders)
        return written, held if written else with_log(held, file=path, folders=folders), ""
    except NotEditable as error:
        return "", held, str(error)


def _queries_per_second(look: View) -> float | None:
    """Return how many queries CoreDNS gets on average, where the metrics of all pods that run tell."""
    metrics = look.find(CorednsMetrics)
    if metrics is None or not metrics.pods or len(metrics.pods) < metrics.pods_total:
        return None
    rates = [_rate(pod.later or pod.counters, look.started_at) for pod in metrics.pods]
    return None if None in rates else sum(rate for rate in rates if rate is not None)


def _rate(counters: CorednsCounters, now: datetime) -> float | None:
    seconds = (now - counters.started_at).total_seconds() if counters.started_at else 0.0
    return counters.queries / seconds if seconds >= _LEAST_SECONDS else None


def _in_addon(look: View) -> tuple[bool, str]:
    """Return whether the add-on holds the Corefile, and why it cannot be sent with the query log on."""
    addon = look.need(CorednsAddonScheduling).addon
    if addon is None:
        return False, ""
    try:
        held = held_text(addon.configuration, COREFILE)
        if held is None:
            return False, ""
        if not addon.whole:
            return True, f"its configuration holds {NOT_STORED}"
        wanted = with_text(addon.configuration, COREFILE, held if log_of(held) else with_log(held))
    except NotEditable as error:
        return True, f"its configuration has no place for it: {error}"
    answer: RawObject = look.aws.read("eks", "DescribeAddonConfiguration", addonName=ADDON, addonVersion=addon.version)
    with reading("eks:DescribeAddonConfiguration"):
        against = refusals(wanted, text(answer, "configurationSchema"))
    return True, f"the schema of {addon.version} refuses it: {'; '.join(against)}" if against else ""


def summarise(found: QueryLogSwitch) -> str:
    """Say how it stands, and through whom it would be changed."""
    if found.written:
        return f"the root block logs queries: {found.written}"
    if found.refused:
        return f"the query log cannot be switched on: {found.refused}"
    through = f"the EKS add-on {ADDON}" if found.in_addon else "the ConfigMap"
    return f"the query log is off and could be switched on through {through}, says {found.checked_by}"


COLLECTOR = Collector(
    name="query_log_switch",
    title="CoreDNS query log: on or off, and who switches it",
    evidence=QueryLogSwitch,
    view=View,
    collect=collect,
    summarise=summarise,
    permissions=(
        KubernetesPermission(
            verb="get",
            resource="configmaps",
            namespace=KUBE_SYSTEM,
            unlocks="whether CoreDNS would start with its query log on",
            follows_dns=True,
        ),
        AwsPermission(
            action="eks:DescribeAddonConfiguration", unlocks="whether the add-on's version takes another Corefile"
        ),
    ),
    needs=(Corefile, CorednsAddonScheduling),
    wants=(CorednsPods, CorednsMetrics),
)
