"""Who changed what is at fault, in words and in JSON: what was found, nothing found, and what could not be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Collected, Gap
from bot.domain.faulty_objects import FaultyObject, ObjectKind
from bot.domain.findings import Finding
from bot.domain.who_changed import Change, CloudTrail, ManagedObject, ObjectChanges, ObjectManagers, SetBy
from bot.report.diagnosis_words import diagnosis_words
from bot.report.json_report import json_report
from bot.report.markdown import diagnosis_markdown
from tests.report.test_reports import CAUSE, NOON, WELL, diagnosis, evidence_of, told

GROUP = FaultyObject(kind=ObjectKind.SECURITY_GROUP, name="sg-0a", parts=("ingress",))
COREFILE = FaultyObject(kind=ObjectKind.CONFIG_MAP, name="coredns", namespace="kube-system")
REVOKED = Change(
    at=NOON - timedelta(minutes=14), event="RevokeSecurityGroupIngress", by="user/alice", asked="udp/53 from sg-0a"
)
LOOKED = "CloudTrail was looked at for the 90 days up to 2026-11-21T12:00:00Z; events come there some minutes late."


def blaming(*objects: FaultyObject) -> Finding:
    """Return a root cause that consists in the state of these objects."""
    return replace(CAUSE, judgement=replace(CAUSE.judgement, objects=objects))


def trail(*found: ObjectChanges) -> Collected:
    """Return what CloudTrail has of some objects."""
    since = NOON - timedelta(days=90)
    gaps = tuple(one.gap for one in found if one.gap)
    return evidence_of("cloud_trail", CloudTrail(objects=found, since=since, until=NOON, gaps=gaps))


def managers(*found: ManagedObject) -> Collected:
    """Return what managedFields say of some objects."""
    return evidence_of("object_managers", ObjectManagers(objects=found))


def lines(subject: Diagnosis) -> tuple[str, ...]:
    """Return what the report says beside its root cause."""
    return diagnosis_words(subject, at=lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}").causes[0].changed


def with_(finding: Finding, *evidence: Collected) -> Diagnosis:
    """Return a diagnosis with this evidence."""
    return replace(diagnosis(finding, WELL), evidence=evidence)


def test_each_change_is_told_with_time_event_caller_and_what_was_asked() -> None:
    """Then how many more there are, and which time was looked at."""
    made = replace(REVOKED, event="CreateSecurityGroup", asked="", at=NOON - timedelta(hours=2))
    found = ObjectChanges(object=GROUP, changes=(REVOKED, made), more=2)

    title = "Security group sg-0a: "
    assert lines(with_(blaming(GROUP), trail(found))) == (
        f"{title}2026-11-21T11:46:00Z, RevokeSecurityGroupIngress by user/alice (udp/53 from sg-0a).",
        f"{title}2026-11-21T10:00:00Z, CreateSecurityGroup by user/alice. 2 more changes in the same time.",
        LOOKED,
    )


def test_nothing_found_is_said_and_nobody_is_named() -> None:
    """With the time that was looked at; where a page was full, that only the newest events were read."""
    nothing = ObjectChanges(object=GROUP, changes=())

    assert lines(with_(blaming(GROUP), trail(nothing))) == (
        "Security group sg-0a: CloudTrail has no change of it.",
        LOOKED,
    )
    assert lines(with_(blaming(GROUP), trail(replace(nothing, only_newest=True))))[0] == (
        "Security group sg-0a: the newest 50 events of each kind in CloudTrail hold no change of it."
    )


def test_a_refused_lookup_is_no_lookup_that_found_nothing() -> None:
    """The permission is named, and no time is said to have been looked at."""
    gap = Gap(what="changes", reason="Access denied", grant="cloudtrail:LookupEvents")
    refused = ObjectChanges(object=GROUP, changes=(), gap=gap)

    subject = with_(blaming(GROUP), trail(refused))

    assert lines(subject) == (
        "Security group sg-0a: not known. Access denied. Missing permission: cloudtrail:LookupEvents.",
    )
    assert "cloudtrail:LookupEvents" in "".join(diagnosis_words(subject, at=str).unread)


def test_a_collector_that_was_late_leaves_it_unknown() -> None:
    """Nothing is said to have been found or not."""
    late = evidence_of("cloud_trail", None, Gap(what="cloud_trail", reason="CloudTrail: no answer within 5 s"))

    assert lines(with_(blaming(GROUP), late)) == ("Not known from CloudTrail: CloudTrail: no answer within 5 s.",)


def test_managed_fields_name_the_client_and_its_time() -> None:
    """Never a person, nor the older value, and that is said."""
    clients = (SetBy(client="kubectl-edit", at=NOON), SetBy(client="eks", at=None))
    found = ManagedObject(object=COREFILE, member="data", clients=clients)

    (line,) = lines(with_(blaming(COREFILE), managers(found)))
    assert line == (
        "ConfigMap kube-system/coredns: `data` was last set by the client kubectl-edit at 2026-11-21T12:00:00Z; before "
        "that by eks. managedFields name clients, not people, and keep no older value."
    )


def test_managed_fields_that_are_silent_or_unread_are_said_so() -> None:
    """No client is guessed."""
    silent = ManagedObject(object=COREFILE, member="data", clients=())
    unread = replace(silent, gap=Gap(what="f", reason="403 Forbidden", grant="configmaps: get"))

    assert lines(with_(blaming(COREFILE), managers(silent))) == (
        "ConfigMap kube-system/coredns: its managedFields do not say who set `data`, or when.",
    )
    assert lines(with_(blaming(COREFILE), managers(unread))) == (
        "ConfigMap kube-system/coredns: not known. 403 Forbidden. Missing permission: configmaps: get.",
    )


def test_terminal_and_markdown_show_it_under_the_cause() -> None:
    """A finding that names no object has no such heading."""
    subject = with_(blaming(GROUP), trail(ObjectChanges(object=GROUP, changes=(REVOKED,))))

    assert "  Who changed it\n    - Security group sg-0a: 2026-11-21T11:46:00Z, Revoke" in told(subject)
    assert "Who changed it:\n\n- Security group sg-0a: " in diagnosis_markdown(
        diagnosis_words(subject, at=lambda moment: f"{moment:%H:%M}")
    )
    assert "Who changed it" not in told(with_(CAUSE, trail(ObjectChanges(object=GROUP, changes=(REVOKED,)))))


def test_json_has_each_object_with_its_changes() -> None:
    """Times in UTC; an object of which nothing was found has an empty list and the time that was looked at."""
    found = trail(ObjectChanges(object=GROUP, changes=(REVOKED,)))
    silent = managers(ManagedObject(object=COREFILE, member="data", clients=()))

    report = json.loads(json.dumps(json_report(with_(blaming(GROUP, COREFILE), found, silent))))

    cause, well = report["findings"]

    assert cause["changed"] == [
        {
            "object": "security group sg-0a",
            "source": "cloudtrail:LookupEvents",
            "since": "2026-08-23T12:00:00Z",
            "until": "2026-11-21T12:00:00Z",
            "changes": [
                {
                    "at": "2026-11-21T11:46:00Z",
                    "event": "RevokeSecurityGroupIngress",
                    "by": "user/alice",
                    "asked": "udp/53 from sg-0a",
                }
            ],
            "more": 0,
            "reason": "",
        },
        {
            "object": "ConfigMap kube-system/coredns",
            "source": "managedFields",
            "member": "data",
            "changes": [],
            "reason": "",
        },
    ]
    assert well["changed"] == []
