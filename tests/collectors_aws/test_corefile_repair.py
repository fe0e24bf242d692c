"""With which Corefile CoreDNS would start again, and where it is found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.collectors import coredns_addon_scheduling, corefile, corefile_repair
from bot.collectors.coredns_addon_scheduling import CorednsAddonScheduling
from bot.collectors.coredns_logs import CorednsLogs
from bot.collectors.coredns_pods import CorednsPod, CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.corefile_repair import LAST_APPLIED, CorefileRepair
from bot.dns.coredns_pod_log import coredns_pod_log
from bot.dns.pod_log import PodLog
from bot.dns.timestamped import TimedLine
from bot.domain.corefile_program import CorefileAnswer
from bot.domain.json_values import digest_of_text
from bot.domain.ports import Resource
from bot.domain.remembered import Memory, Remembered, nothing_remembered
from bot.errors import AccessDenied, HistoryUnavailable, NotFound
from tests.collectors_aws.conftest import CannedAws
from tests.collectors_aws.test_query_log_switch import NO_ADDON, described
from tests.looking import NOW, Ends, as_stored, collect_through

GOOD = ".:53 {\n    errors\n    ready\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n    reload\n}\n"
SLIP = GOOD.replace("errors", "erors")
HOPELESS = GOOD.replace("forward . /etc/resolv.conf", "forward .")
LOSING = GOOD.replace("    reload\n", "    reload never\n")


@dataclass
class Cluster:
    """The ConfigMaps, and the ReplicaSets of CoreDNS."""

    text: str
    applied: str = ""
    others: dict[str, str] = field(default_factory=dict)
    """By ConfigMap; each is mounted by an older ReplicaSet, the first by the oldest."""
    denied: bool = False
    immutable: bool = False

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> Any:
        """Return a ConfigMap."""
        held = self.text if name == "coredns" else self.others.get(name)
        if (resource.plural, namespace) != ("configmaps", "kube-system") or held is None:
            raise NotFound("there is none")
        applied = {LAST_APPLIED: json.dumps({"data": {"Corefile": self.applied}})} if self.applied else {}
        return {"metadata": {"annotations": applied}, "data": {"Corefile": held}, "immutable": self.immutable}

    def list(self, resource: Resource, read: Any, *, namespace: str, labels: str, fields: str = "") -> Any:
        """Return the ReplicaSets."""
        del fields
        assert (resource.plural, namespace, labels) == ("replicasets", "kube-system", "k8s-app=kube-dns")
        if self.denied:
            raise AccessDenied("may not list replicasets", grant="replicasets.apps: list in kube-system")
        return [read(replica_set(at, name)) for at, name in enumerate(("coredns", *self.others, "coredns"))]


def replica_set(at: int, config_map: str) -> dict[str, Any]:
    """Return a ReplicaSet whose pods mount a ConfigMap; `at` says how new it is."""
    return {
        "metadata": {
            "name": f"coredns-{at}",
            "creationTimestamp": f"2026-11-2{at}T09:00:00Z",
            "ownerReferences": [{"kind": "Deployment", "name": "coredns", "controller": True}],
        },
        "spec": {"template": {"spec": pod_spec(config_map)}},
    }


def pod_spec(config_map: str = "coredns") -> dict[str, Any]:
    """Return how such a pod runs CoreDNS."""
    return {
        "nodeName": "a",
        "volumes": [{"name": "config", "configMap": {"name": config_map}}],
        "containers": [
            {
                "name": "coredns",
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}},
            }
        ],
    }


def pods(*, ready: bool = True) -> CorednsPods:
    """Return one CoreDNS pod that runs."""
    raw = {
        "metadata": {"name": "one", "namespace": "kube-system", "creationTimestamp": "2026-11-21T08:00:00Z"},
        "spec": pod_spec(),
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": "coredns", "ready": ready, "state": {"running": {"startedAt": "2026-11-21T08:00:00Z"}}}
            ],
        },
    }
    made = CorednsPod.of(raw, container="coredns")
    return CorednsPods(
        deployment_exists=True,
        desired_replicas=1,
        deployments=("coredns",),
        pods=(replace(made, ready=ready),),
        deployment_annotations=(),
    )


def look(
    cluster: Cluster,
    answers: dict[str, Any] | None = None,
    *,
    program: Any = None,
    ready: bool = True,
    logs: CorednsLogs | None = None,
    remembered: Remembered = nothing_remembered,
) -> tuple[CorefileRepair, tuple[str, ...]]:
    """Return the evidence as it is stored, and the calls that it cost."""
    ends = Ends(reader=cluster, aws_reader=CannedAws(answers or NO_ADDON))
    read, _ = collect_through(corefile.COLLECTOR, ends, corefile_program=program)
    owner, _ = collect_through(coredns_addon_scheduling.COLLECTOR, ends)
    needed = {Corefile: read, CorednsAddonScheduling: as_stored(owner), CorednsPods: pods(ready=ready)}
    needed |= {CorednsLogs: logs} if logs else {}
    found, calls = collect_through(
        corefile_repair.COLLECTOR, ends, needed=needed, corefile_program=program, remembered=remembered
    )
    kept: CorefileRepair = as_stored(found)
    assert corefile_repair.COLLECTOR.summarise(kept)
    return kept, tuple(calls)


def test_where_nothing_is_wrong_nothing_is_read() -> None:
    """A healthy diagnosis costs no call more."""
    assert look(Cluster(GOOD)) == (CorefileRepair(), ())


def test_the_smallest_edit_that_loads_is_found() -> None:
    """By our grammar where no program is named; older ones are not looked for."""
    found, calls = look(Cluster(SLIP, others={"coredns-old": HOPELESS}))

    assert found == CorefileRepair(
        fault="line 2: Unknown directive 'erors'",
        text=GOOD,
        text_sha256=digest_of_text(GOOD),
        edits=("line 2: `erors` becomes `errors`",),
        checked_by="the bot's own grammar",
        former_sha256=digest_of_text(SLIP),
    )
    assert len(calls) == 1


def test_coredns_itself_is_asked_about_each_edit() -> None:
    """What it says decides: here it knows no `errors` either, so that the line goes, and that is said."""

    def program(text: str, file: str, _folders: Any) -> CorefileAnswer:
        word = next((word for word in ("erors", "errors") if word in text), "")
        error = f"{file}:2 - Error during parsing: Unknown directive '{word}'" if word else ""
        return CorefileAnswer(coredns="1.15.0", error=error)

    found, _ = look(Cluster(SLIP), program=program)

    assert (found.edits, found.checked_by) == (("line 2: `erors` goes",), "CoreDNS 1.15.0 itself")


@pytest.mark.parametrize(
    ("cluster", "origin"),
    [
        (Cluster(HOPELESS, applied=GOOD), f"the annotation {LAST_APPLIED} of ConfigMap kube-system/coredns"),
        (
            Cluster(HOPELESS, applied=HOPELESS, others={"coredns-a": GOOD + "# old\n", "coredns-b": GOOD}),
            "ConfigMap kube-system/coredns-b, which the older ReplicaSet coredns-2 mounts",
        ),
        (Cluster(LOSING, applied=GOOD), f"the annotation {LAST_APPLIED} of ConfigMap kube-system/coredns"),
        (Cluster(HOPELESS, others={"coredns-a": SLIP}), ""),
    ],
    ids=["last applied", "the newest older ReplicaSet", "an edit that loses something", "none that loads"],
)
def test_the_last_good_one_is_taken_where_no_edit_is_good(cluster: Cluster, origin: str) -> None:
    """Held against the same checker."""
    found, _ = look(cluster)

    assert (found.origin, found.text, found.edits) == (origin, GOOD if origin else "", ())


def test_what_an_edit_loses_is_said_where_no_good_one_is_known() -> None:
    """It loads, and that is better than a pod that ends."""
    found, _ = look(Cluster(LOSING, denied=True))

    assert (found.loses, found.text) == (("what `reload` was to do",), GOOD.replace("    reload\n", ""))
    assert "may not list replicasets" in found.unread[0]


@pytest.mark.parametrize(
    ("held", "origin", "in_addon"),
    [(GOOD, "the configuration of the EKS add-on coredns", False), (HOPELESS, "", True), ("", "", False)],
    ids=["the good one", "the broken one, too", "none"],
)
def test_the_add_ons_own_corefile_is_the_good_one_unless_it_is_the_broken_one(
    held: str,
    origin: str,
    in_addon: bool,  # noqa: FBT001  # a table
) -> None:
    """Where somebody broke the ConfigMap by hand it is what EKS would write."""
    values = json.dumps({"corefile": held} if held else {})

    found, _ = look(Cluster(HOPELESS), described(configurationValues=values))

    assert (found.origin, found.in_addon) == (origin, in_addon)


def test_an_add_on_that_holds_the_broken_one_is_asked_by_its_schema() -> None:
    """It may refuse the mended one."""
    answers = described(configurationValues=json.dumps({"corefile": SLIP}))
    answers["eks:DescribeAddonConfiguration"] = {
        "configurationSchema": json.dumps({"properties": {"corefile": {"maxLength": 9}}})
    }

    found, _ = look(Cluster(SLIP), answers)

    assert (found.in_addon, found.text) == (True, GOOD)
    assert found.addon_refuses.startswith("the schema of v1.11.4-eksbuild.2 refuses it: $.corefile")


def test_a_plugin_that_the_probe_asks_is_put_in() -> None:
    """Nothing is refused, and the pods are never ready."""
    found, _ = look(Cluster(GOOD.replace("    ready\n", "")), ready=False)

    assert (found.lacks, found.edits) == ("ready", ("the server block for all names gets the plugin `ready`",))
    assert found.text == GOOD.replace("    errors\n    ready\n", "    ready\n    errors\n")


def test_what_pods_say_counts_where_the_grammar_knows_no_fault() -> None:
    """A plugin that this CoreDNS was not built with."""
    text = GOOD.replace("    errors\n", "    errors\n    ads\n")
    line = TimedLine(at=NOW, text="/etc/coredns/Corefile:3 - Error during parsing: Unknown directive 'ads'")
    log = PodLog(pod="one", lines=(line,), whole=True)

    found, _ = look(
        Cluster(text), logs=CorednsLogs(pods=(coredns_pod_log(log, NOW),), pods_total=1, window_seconds=900)
    )

    assert (found.fault, found.text) == ("line 3: Unknown directive 'ads'", GOOD)
    assert found.loses == ("what `ads` was to do",)


def test_a_config_map_that_takes_no_change_is_told() -> None:
    """Another one has to be mounted."""
    assert look(Cluster(SLIP, immutable=True))[0].immutable


def stored_corefile(text: str, **changes: Any) -> Memory:
    """Return what an earlier diagnosis found in the same ConfigMap."""
    place = {"namespace": "kube-system", "config_map": "coredns", "key": "Corefile"}
    return Memory(at=NOW, value={**place, "text": text, "sha256": digest_of_text(text), "refusal": None, **changes})


def test_an_earlier_diagnosis_knows_the_last_good_one() -> None:
    """The newest that nothing was found against, all of whose text was kept, in the same place."""
    known = [
        stored_corefile(HOPELESS),
        stored_corefile(GOOD + "# refused\n", refusal={"line": 1}),
        stored_corefile(GOOD + "# left out", sha256=digest_of_text(GOOD)),
        stored_corefile(GOOD + "# of another\n", config_map="other"),
        stored_corefile(GOOD),
    ]

    found, _ = look(Cluster(HOPELESS), remembered=lambda *asked: known if asked == ("cluster-prod", "corefile") else [])

    assert (found.text, found.origin) == (GOOD, "the bot's own history, as it stood at 2026-11-21T09:00:00Z")


def test_a_history_that_is_down_is_told() -> None:
    """None is known, and that is not all that could be."""

    def down(_cluster: str, _collector: str) -> list[Memory]:
        raise HistoryUnavailable("no connection")

    found, _ = look(Cluster(HOPELESS), remembered=down)

    assert (found.text, found.unread) == ("", ("the history: no connection",))
