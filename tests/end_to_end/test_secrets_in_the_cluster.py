from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.sandbox.running.running_world import RunningWorld
from bot.sandbox.story import report_reading as reading
from bot.sandbox.world.editing import find, write_corefile
from tests.domain.redaction_corpus import SECRETS, planted
from tests.end_to_end.office import opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CORPUS = {
    "Corefile and log": "AKIAIOSFODNN7EXAMPLE",
    "Corefile comment": "hunter2-in-a-comment",
    "event": "ghp_0123456789abcdefghij0123456789abcdef",
    "event, url": "pa55word-in-a-url",
    "environment": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "node annotation": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
}

FORMS = [form for form in SECRETS if "\n" not in form and form[0] != " " and planted(form)[0].isascii()]
IN_COREFILE = 40
"""Forms that stand in its comments; further ones would be cut away with its end."""
IN_ONE_EVENT = 10


def plant(world: RunningWorld) -> str:
    """Put the corpus into the cluster as careless people do, and return an address that must stay."""
    operator = world.operator
    corefile = world.world.corefile.replace("loadbalance", f"loadbalance\n    {CORPUS['Corefile and log']}")
    comments = "".join(f"# {planted(form)[0]}\n" for form in FORMS[:IN_COREFILE])
    write_corefile(operator, f"# password: {CORPUS['Corefile comment']}\n{corefile}\n{comments}")
    deployment = find(operator, "deployments.apps", "coredns", namespace="kube-system")
    template = deployment["spec"]["template"]
    for container in template["spec"]["containers"]:
        container["env"] = [{"name": "AWS_SECRET_ACCESS_KEY", "value": CORPUS["environment"]}]
    template["metadata"]["annotations"] = {"operator/token": CORPUS["node annotation"]}
    operator.apply(deployment)
    operator.delete_pods(namespace="kube-system", labels="k8s-app=kube-dns")
    pod = operator.get("pods", namespace="kube-system", labels="k8s-app=kube-dns")[0]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    messages = [f"cannot fetch https://bot:{CORPUS['event, url']}@10.1.2.3/x with token {CORPUS['event']}"]
    later = FORMS[IN_COREFILE:]
    messages += [
        " | ".join(planted(form)[0] for form in later[at : at + IN_ONE_EVENT])
        for at in range(0, len(later), IN_ONE_EVENT)
    ]
    for number, message in enumerate(messages):
        operator.apply({
            "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "FailedMount", "count": 1,
            "metadata": {"name": f"planted-{number}", "namespace": "kube-system"},
            "involvedObject": {"kind": "Pod", "namespace": "kube-system", "name": pod["metadata"]["name"],
                               "uid": pod["metadata"]["uid"]},
            "firstTimestamp": now, "lastTimestamp": now,
            "message": message,
        })  # fmt: skip
    return world.world.nodes[0].address


def test_planted_secrets_are_in_no_database_no_message_and_no_log() -> None:
    """Secrets of the cluster reach neither the database file nor Slack nor standard error; addresses do."""
    with RunningWorld(scenario="healthy", seed=9) as world:
        address = plant(world)
        with opened(world) as office:
            ana = office.slack.person("ana")
            assert ana.types("/dns-diagnose cluster-prod").ok
            ana.wait_for(reading.is_report, timeout_seconds=60)
            office.quiet(2.0)
            folder = office.bot.log.parent
            stored = b"".join(file.read_bytes() for file in folder.glob("history.db*")).decode("utf-8", "replace")
            told, logged = office.slack.traffic(), office.bot.log.read_text()

    secrets = [*CORPUS.values(), *(secret for form in FORMS for secret in planted(form)[1])]
    for place, text in {"database": stored, "Slack": told, "log": logged}.items():
        assert [secret for secret in secrets if secret in text] == [], place
    assert "Corefile" in stored
    assert "[redacted]" in stored
    assert address in stored
