from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from bot.collectors.coredns_addon_scheduling import CorednsAddon, CorednsAddonScheduling
from bot.collectors.coredns_pods import CorednsPods
from bot.collectors.corefile import Corefile
from bot.collectors.query_log_switch import QueryLogSwitch
from bot.dns.corefile.parsing import parse_corefile
from bot.domain.cluster import ClusterTarget
from bot.domain.deadline import Deadline
from bot.domain.findings import Finding, Judgement, Kind, Severity, Verdict
from bot.domain.json_values import digest_of_text
from bot.domain.plans import Advice, Fix, PlanCase, Planned, Reading, Step, WriterKind, Writing
from bot.domain.settling import Progressing
from bot.errors import EvidenceUnavailable, NotFound, WorldChanged
from bot.fixes.enable_coredns_query_log import FIX, Parameters, TakeUp
from bot.kubernetes.addon_configuration import held_text, with_text
from bot.kubernetes.coredns import CorednsSetup

TARGET = ClusterTarget(
    name="prod", eks_name="cluster-prod", region="eu-west-1", aws_writer=True, kubernetes_writer=True
)
NOW = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
TEXT = (
    ".:53 {\n    errors\n    forward . /etc/resolv.conf\n    reload\n}\ncorp.example:53 {\n    forward . 10.64.0.2\n}\n"
)
LOGGING = TEXT.replace("    errors\n", "    log\n    errors\n")
CONFIGURATION = "replicaCount: 3\ncorefile: |\n" + "".join(f"  {line}\n" for line in TEXT.splitlines())
ADDON = CorednsAddon(
    version="v1.11.4-eksbuild.2",
    status="ACTIVE",
    issues=(),
    configuration=CONFIGURATION,
    digest=digest_of_text(CONFIGURATION),
    autoscaling=False,
)
SWITCH = QueryLogSwitch(written="", checked_by="CoreDNS 1.15.0 itself", sha256=digest_of_text(TEXT), reloads=True)
HELD = replace(SWITCH, in_addon=True)
OLD, NEW = ("[INFO] plugin/reload: Running configuration SHA512 = " + letter * 128 + "\n" for letter in "ab")
QUERY = '[INFO] 10.0.1.7:33238 - 36534 "A IN a.example. udp 54 false 512" NOERROR qr,aa,rd 147 0.000473434s\n'


def case(
    switch: QueryLogSwitch = SWITCH,
    *,
    addon: CorednsAddon | None = None,
    text: str = TEXT,
    lasting: int = 0,
    **parameters: Any,
) -> PlanCase:
    """Return what is planned from: one Deployment; the add-on where the switch says that it holds the Corefile."""
    owner = CorednsAddonScheduling(addon=addon or (ADDON if switch.in_addon else None))
    corefile = Corefile(exists=True, text=text, blocks=parse_corefile(text).blocks)
    pods = CorednsPods(
        deployment_exists=True,
        desired_replicas=2,
        deployments=("coredns",),
        setup=CorednsSetup(container="coredns"),
        pods=(),
        deployment_annotations=(),
    )
    finding = Finding(
        rule="ndots_amplification",
        title="",
        kind=Kind.CAUSE,
        playbook="query-log",
        severity=Severity.WARNING,
        judgement=Judgement(verdict=Verdict.UNKNOWN, summary=""),
    )
    return PlanCase(
        plan_id="plan1",
        target=TARGET,
        finding=finding,
        parameters=Parameters(**parameters),
        evidence={Corefile: corefile, CorednsPods: pods, CorednsAddonScheduling: owner, QueryLogSwitch: switch},
        lasting_seconds=lasting,
    )


def planned(*arguments: Any, **named: Any) -> Step:
    """Return the one step of the plan."""
    found = FIX.plan(case(*arguments, **named))
    assert isinstance(found, Planned), found
    (step,) = found.steps
    return step


def described(**changes: Any) -> dict[str, Any]:
    """Return the add-on as EKS describes it."""
    return {"addonVersion": ADDON.version, "status": "ACTIVE", "configurationValues": CONFIGURATION, **changes}


@dataclass
class Far:
    """Both far ends: the ConfigMap, the add-on, two CoreDNS pods with their logs, and what was written."""

    corefile: str = TEXT
    addon: dict[str, Any] = field(default_factory=described)
    logs_: dict[str, str] = field(default_factory=lambda: {"one": OLD, "two": OLD})
    rolled: bool = True
    waiting: str = ""
    """The Corefile that EKS has yet to write into the ConfigMap."""
    gone: bool = False
    sent: list[Any] = field(default_factory=list)
    fix: ClassVar[Fix] = FIX

    def get(self, resource: Any, name: str, *, namespace: str = "") -> dict[str, Any]:
        """Return the ConfigMap or the Deployment."""
        assert namespace == "kube-system"
        if self.gone:
            raise NotFound("there is none")
        if resource.plural == "deployments":
            status = {
                "observedGeneration": 1,
                "replicas": 2,
                "updatedReplicas": 2,
                "readyReplicas": 2 - (not self.rolled),
            }
            return {"metadata": {"name": name, "generation": 1}, "spec": {"replicas": 2}, "status": status}
        return {"metadata": {"resourceVersion": "7"}, "data": {"Corefile": self.corefile}}

    def list(self, _resource: Any, read: Callable[[Any], Any], *, namespace: str, labels: str) -> list[Any]:
        """Return the pods."""
        assert (namespace, labels) == ("kube-system", "k8s-app=kube-dns")
        running = {"name": "coredns", "ready": True, "state": {"running": {"startedAt": "2026-11-30T21:00:00Z"}}}
        return [
            read(
                {
                    "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-30T21:00:00Z"},
                    "spec": {"containers": [{"name": "coredns"}]},
                    "status": {"phase": "Running", "containerStatuses": [running]},
                }
            )
            for name in self.logs_
        ]

    def logs(self, pod: Any, **_range: Any) -> str:
        """Return a pod's log."""
        return self.logs_[pod.name]

    def read(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the add-on."""
        if (service, operation) == ("eks", "DescribeUpdate"):
            return {"update": {"status": "Successful"}}
        assert (service, operation) == ("eks", "DescribeAddon")
        assert parameters == {"clusterName": "cluster-prod", "addonName": "coredns"}
        if self.gone:
            raise NotFound("there is none")
        return {"addon": self.addon}

    def patch(self, resource: Any, name: str, body: Any, *, namespace: str = "") -> dict[str, Any]:
        """Note a patch, and carry it out."""
        self.sent.append((f"{namespace}/{resource.plural}/{name}", body))
        self.corefile = body.get("data", {}).get("Corefile", self.corefile)
        return {}

    def write(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Note an update, and carry it out."""
        self.sent.append((f"{service}:{operation}", parameters))
        self.addon = {**self.addon, "configurationValues": parameters["configurationValues"]}
        self.waiting = held_text(parameters["configurationValues"], "corefile") or ""
        return {"update": {"id": "up-1"}}

    def reading(self) -> Reading:
        """Return what is read through."""
        far: Any = self
        return Reading(cluster=far, aws=far, target=TARGET)

    def apply(self, step: Step) -> Any:
        """Carry a step out."""
        far: Any = self
        writing = Writing(
            cluster=far,
            aws=far,
            target=TARGET,
            cluster_writer=far,
            aws_writer=far,
            deadline=Deadline.after(30),
            plan_id="plan1",
            begun_at=NOW,
        )
        return self.fix.apply(step, writing)

    def settled(self, step: Step, effects: Any) -> tuple[Progressing, str]:
        """Return how far a step has come."""
        found = self.fix.settled(step, effects, self.reading())
        return found.progress, found.text


def back_of(step: Step, effects: Any) -> Step:
    """Return the step that takes it back."""
    back = FIX.inverse(step, effects)
    assert back is not None
    return back


@pytest.mark.parametrize(
    ("switch", "parameters", "reason"),
    [
        (replace(SWITCH, written="log . {combined}"), {}, "logs queries already: `log . {combined}`"),
        (replace(SWITCH, refused="line 3: Unknown directive 'proxy'"), {}, "would not do: line 3: Unknown directive"),
        (SWITCH, {"text": TEXT.replace("10.64.0.2", "[redacted]")}, "holds text that the bot does not store"),
        (HELD, {"addon": replace(ADDON, status="UPDATING")}, "is UPDATING: it takes no update until that has"),
        (HELD, {"addon": replace(ADDON, status="UPDATE_FAILED", issues=("Conflict: x",))}, "is UPDATE_FAILED"),
        (replace(HELD, reloads=False), {}, "writes it some time after it is told to: nothing restarts the pods"),
        (replace(HELD, addon_refuses="the schema of v1 refuses it: $"), {}, "does not take another: the schema of v1"),
        (
            replace(HELD, sha256=digest_of_text(f"{TEXT}# by hand\n")),
            {"text": f"{TEXT}# by hand\n"},
            "is not the one that the EKS add-on coredns is configured with",
        ),
    ],
)
def test_what_cannot_be_switched_is_said_with_why(
    switch: QueryLogSwitch, parameters: dict[str, Any], reason: str
) -> None:
    """A log that is on, a Corefile that would not do or is not whole, an add-on that takes no update."""
    found = FIX.plan(case(switch, **parameters))

    assert isinstance(found, Advice)
    assert reason in found.reason


def test_the_card_says_what_is_written_where_and_who_judged_it() -> None:
    """One line is added, for half an hour or as long as was asked for; the add-on's next update may overwrite it."""
    found = FIX.plan(case(addon=replace(ADDON, configuration=""), lasting=600))
    assert isinstance(found, Planned)
    (step,) = found.steps

    assert [line for line in step.diff if line.startswith(("+", "-"))] == ["+    log"]
    assert (step.ends_after_seconds, planned().ends_after_seconds) == (600, 1800)
    assert (step.writer, step.owner) == (
        WriterKind.KUBERNETES,
        "the EKS add-on coredns, whose next update may overwrite it",
    )
    assert "accepted by CoreDNS 1.15.0 itself" in found.blast_radius
    assert "Not known how much that is" in found.blast_radius
    assert "Not logged: corp.example:53." in found.blast_radius


@pytest.mark.parametrize(
    ("rate", "lasting", "said"),
    [
        (
            2_000.0,
            0,
            "gets 2,000.0 queries a second on average since its pods started, and writes some 160 bytes for each",
        ),
        (2_000.0, 0, "about 576.0 MB in 30 minutes"),
        (2_000.0, 14_400, "about 4.6 GB in 240 minutes"),
        (0.1, 60, "about 0.1 MB in 1 minute"),
    ],
)
def test_the_volume_is_said_where_queries_were_counted(rate: float, lasting: int, said: str) -> None:
    """Queries a second, bytes a line, for as long as it lasts."""
    found = FIX.plan(case(replace(SWITCH, queries_per_second=rate), lasting=lasting))

    assert isinstance(found, Planned)
    assert said in found.blast_radius


def test_the_config_map_is_written_under_what_was_read_and_waited_for() -> None:
    """One PATCH with the resourceVersion; complete once every pod runs another configuration or logs queries."""
    far, step = Far(), planned()
    assert FIX.read(step, far.reading()) == step.before

    effects = far.apply(step)

    data = {"metadata": {"resourceVersion": "7"}, "data": {"Corefile": LOGGING}}
    assert far.sent == [("kube-system/configmaps/coredns", data)]
    waiting = far.settled(step, effects)
    far.logs_["one"] += NEW
    half = far.settled(step, effects)
    far.logs_["two"] = QUERY * 3
    assert (waiting[0], "one, two runs with the former Corefile" in waiting[1]) == (Progressing.WAITING, True)
    assert (half[0], half[1].startswith("two runs")) == (Progressing.WAITING, True)
    assert far.settled(step, effects) == (Progressing.DONE, "")


def test_a_pod_that_refuses_the_corefile_is_a_failure_with_its_words() -> None:
    """Nothing is waited for in vain."""
    far, step = Far(), planned()
    effects = far.apply(step)
    far.logs_["two"] += "[ERROR] plugin/reload: Corefile changed but reload failed: Unknown directive 'log'\n"

    progress, text = far.settled(step, effects)

    assert progress is Progressing.FAILED
    assert text == "two refuses the Corefile and runs on with the former one: Unknown directive 'log'"


def test_a_pod_that_came_meanwhile_runs_with_it() -> None:
    """It read the changed Corefile at its start."""
    far, step = Far(), planned()
    effects = far.apply(step)
    far.logs_ = {"three": NEW}

    assert far.settled(step, effects) == (Progressing.DONE, "")


def test_it_is_off_once_no_query_follows_the_last_reload() -> None:
    """The same step taken back: only `log` goes, and lines of queries before the reload do not count."""
    far, step = Far(), planned()
    back = back_of(step, far.apply(step))
    far.logs_ = {"one": NEW + QUERY, "two": QUERY * 400}
    assert FIX.read(back, far.reading()) == back.before

    effects = far.apply(back)

    assert (far.corefile, FIX.read(step, far.reading())) == (TEXT, step.before)
    assert far.settled(back, effects)[0] is Progressing.WAITING
    far.logs_ = {name: text + OLD for name, text in far.logs_.items()}
    assert far.settled(back, effects) == (Progressing.DONE, "")
    assert back_of(back, effects).parameters == step.parameters


def test_others_changes_stay_and_another_log_is_left_to_a_person() -> None:
    """The Corefile is edited as it stands then; a `log` with arguments is somebody else's."""
    far, step = Far(), planned()
    back = back_of(step, far.apply(step))
    far.corefile = LOGGING.replace("10.64.0.2", "10.64.0.9")
    far.apply(back)
    assert far.corefile == TEXT.replace("10.64.0.2", "10.64.0.9")

    far.corefile = LOGGING.replace("    log\n", "    log a.example\n")
    assert FIX.read(back, far.reading()) == {"log": "log a.example"}
    with pytest.raises(WorldChanged, match="not just log"):
        far.apply(back)


@pytest.mark.parametrize("switch", [SWITCH, HELD], ids=["ConfigMap", "add-on"])
def test_another_corefile_than_the_one_judged_is_not_written(switch: QueryLogSwitch) -> None:
    """What was shown is what would be written, or nothing."""
    far, step = Far(corefile=f"{TEXT}# by hand\n"), planned(switch)
    far.addon["configurationValues"] = f"# by hand\n{CONFIGURATION}"

    with pytest.raises(WorldChanged, match="Diagnose again"):
        far.apply(step)
    assert far.sent == []


@pytest.mark.parametrize("switch", [SWITCH, HELD], ids=["ConfigMap", "add-on"])
def test_what_is_gone_is_said(switch: QueryLogSwitch) -> None:
    """No ConfigMap, no add-on: nothing reads as the log being off."""
    far, step = Far(gone=True), planned(switch)

    found: Any = FIX.read(step, far.reading())

    assert found["log"].endswith(("does not exist", "no EKS add-on coredns"))
    with pytest.raises(WorldChanged):
        far.apply(step)


@pytest.mark.parametrize(
    ("switch", "parameters"),
    [(SWITCH, {"take_up": TakeUp.RESTART}), (replace(SWITCH, reloads=False), {})],
    ids=["as chosen", "no reload"],
)
def test_pods_are_restarted_as_chosen_and_where_nothing_reloads(
    switch: QueryLogSwitch, parameters: dict[str, Any]
) -> None:
    """The Deployment is rolled now and at the end; it is complete when all pods are new and Ready."""
    far, step = Far(rolled=False), planned(switch, **parameters)
    effects = far.apply(step)
    restarted = far.sent[1]
    assert far.settled(step, effects) == (Progressing.WAITING, "coredns: 1 of 2 pods are Ready")
    far.rolled = True
    assert far.settled(step, effects) == (Progressing.DONE, "")

    back = back_of(step, effects)
    far.apply(back)

    assert (restarted[0], far.sent[3]) == ("kube-system/deployments/coredns", restarted)
    assert far.corefile == TEXT


def test_through_the_add_on_the_whole_configuration_is_sent_and_comes_back_byte_for_byte() -> None:
    """Comments, other members and the block's indentation stay; no conflict is overwritten; the undo has its token."""
    far, step = Far(), planned(HELD)
    wanted = CONFIGURATION.replace("      errors\n", "      log\n      errors\n")

    effects = far.apply(step)
    far.logs_ = {"one": OLD + NEW, "two": QUERY}
    unwritten = far.settled(step, effects)
    far.corefile = far.waiting
    done = far.settled(step, effects)
    back = back_of(step, effects)
    far.apply(back)

    assert (step.writer, step.parameters["configuration"]) == (WriterKind.AWS, wanted)
    assert (unwritten[0], done) == (Progressing.WAITING, (Progressing.DONE, ""))
    assert [(sent["configurationValues"], sent["resolveConflicts"]) for _, sent in far.sent] == [
        (wanted, "NONE"),
        (CONFIGURATION, "NONE"),
    ]
    assert len({sent["clientRequestToken"] for _, sent in far.sent}) == 2


def test_pods_are_not_restarted_before_the_add_on_has_written_the_corefile() -> None:
    """It does so after the step; its reload is waited for though a restart was chosen, and the card says why."""
    found = FIX.plan(case(HELD, take_up=TakeUp.RESTART))
    assert isinstance(found, Planned)
    (step,) = found.steps
    far = Far()
    effects = far.apply(step)
    far.corefile = far.waiting

    early = far.settled(step, effects)
    far.logs_ = {"one": OLD + NEW, "two": OLD + NEW}
    late = far.settled(step, effects)

    assert (early[0], late[0]) == (Progressing.WAITING, Progressing.DONE)
    assert "not restarted, since the EKS add-on coredns writes the Corefile some time later" in found.blast_radius


def test_a_configuration_that_others_changed_keeps_their_part() -> None:
    """Only the Corefile's `log` goes from what EKS has then."""
    far, step = Far(), planned(HELD)
    back = back_of(step, far.apply(step))
    far.addon["configurationValues"] = str(step.parameters["configuration"]).replace(
        "replicaCount: 3", "replicaCount: 5"
    )

    far.apply(back)

    assert far.addon["configurationValues"] == CONFIGURATION.replace("replicaCount: 3", "replicaCount: 5")


def test_an_update_that_is_under_way_is_waited_out() -> None:
    """What will stand there is not known: it is not read as changed, so that an end is tried again."""
    far, step = (
        Far(addon=described(status="UPDATING")),
        planned(HELD),
    )

    with pytest.raises(EvidenceUnavailable, match="is UPDATING"):
        FIX.read(step, far.reading())


def test_a_conflict_is_told_with_its_fields() -> None:
    """Whoever edited the ConfigMap by hand sees which field EKS means."""
    far, step = Far(), planned(HELD)
    effects = far.apply(step)
    issue = {"code": "ConfigurationConflict", "message": "Conflicts:\nConfigMap coredns - .data.Corefile"}
    far.addon = described(status="UPDATE_FAILED", health={"issues": [issue]})

    progress, text = far.settled(step, effects)

    assert progress is Progressing.FAILED
    assert "ConfigMap coredns - .data.Corefile" in text


def test_the_add_on_is_rehearsed_where_it_holds_the_corefile() -> None:
    """EKS judges no update beforehand, and that is said."""
    assert FIX.rehearse({QueryLogSwitch: SWITCH}) == ()
    (one,) = FIX.rehearse({QueryLogSwitch: HELD})
    assert one.no_dry_run


def test_yaml_and_json_take_another_corefile_in_place() -> None:
    """Of a block the one line, of a quoted text the value; nothing else moves."""
    as_json = '{"replicaCount": 3, "corefile": ".:53 {\\n    errors\\n}\\n"}'

    edited = with_text(as_json, "corefile", ".:53 {\n    log\n    errors\n}\n")

    assert edited == '{"replicaCount": 3, "corefile": ".:53 {\\n    log\\n    errors\\n}\\n"}'
    assert held_text(edited, "corefile") == ".:53 {\n    log\n    errors\n}\n"
