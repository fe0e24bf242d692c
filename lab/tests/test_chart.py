from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.permissions import KubernetesPermission, Use
from bot.report.deployment import deployment_files
from bot.report.permissions import Need
from lab.chart import CHART, VALUE_SETS, render, values_file
from lab.errors import LabError
from lab.programs import Programs, built_programs

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def programs() -> Programs:
    """The built programs; helm is one of them."""
    return built_programs()


def _one(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = [document for document in objects if document["kind"] == kind]
    return found


def _pod(objects: Objects) -> dict[str, Any]:
    pod: dict[str, Any] = _one(objects, "Deployment")["spec"]["template"]["spec"]
    return pod


def _environment(objects: Objects) -> dict[str, Any]:
    return {entry["name"]: entry for entry in _pod(objects)["containers"][0]["env"]}


def test_there_are_three_value_sets() -> None:
    """The three ways to install that the tests and the README speak of."""
    assert VALUE_SETS == ("http-postgres-irsa", "pod-identity", "socket-mode-sqlite")


@pytest.mark.parametrize("name", VALUE_SETS)
def test_configuration_arrives_as_written(name: str, programs: Programs) -> None:
    """dnsbot.yaml holds the clusters and approvals of the values, with their numbers and quotes unharmed."""
    written = yaml.safe_load(values_file(name).read_text())["config"]

    arrived = yaml.safe_load(_one(render(programs, name), "ConfigMap")["data"]["dnsbot.yaml"])

    assert arrived == written


@pytest.mark.parametrize("name", VALUE_SETS)
def test_bot_resolves_by_the_node_and_runs_alone(name: str, programs: Programs) -> None:
    """Cluster DNS may be down, and two processes would answer one click twice."""
    deployment = _one(render(programs, name), "Deployment")["spec"]

    assert deployment["template"]["spec"]["dnsPolicy"] == "Default"
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("name", VALUE_SETS)
def test_secrets_are_references(name: str, programs: Programs) -> None:
    """No rendered object holds a token or a password: only the name of the Secret that does."""
    objects = render(programs, name)
    environment = _environment(objects)

    assert not [document for document in objects if document["kind"] == "Secret"]
    for variable in {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"} & set(environment):
        assert "value" not in environment[variable]
        assert environment[variable]["valueFrom"]["secretKeyRef"]["name"] == "dnsbot-slack"


def test_socket_mode_lets_nobody_in(programs: Programs) -> None:
    """Nothing listens for Slack: no Service, no Ingress, an empty ingress policy, no signing secret."""
    objects = render(programs, "socket-mode-sqlite")

    assert {document["kind"] for document in objects}.isdisjoint({"Service", "Ingress"})
    assert _one(objects, "NetworkPolicy")["spec"]["ingress"] == []
    assert "SLACK_APP_TOKEN" in _environment(objects)
    assert "SLACK_SIGNING_SECRET" not in _environment(objects)


def test_http_mode_lets_slack_in_at_one_path(programs: Programs) -> None:
    """/healthz and all else stay inside."""
    objects = render(programs, "http-postgres-irsa")

    (rule,) = _one(objects, "Ingress")["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [("/slack/events", "Exact")]
    assert "--proxy=10.0.0.0/16" in _pod(objects)["containers"][0]["args"]
    assert "SLACK_SIGNING_SECRET" in _environment(objects)
    assert "SLACK_APP_TOKEN" not in _environment(objects)


def test_postgresql_comes_from_a_secret_and_needs_no_volume(programs: Programs) -> None:
    """The schema is brought up to date before the bot starts; nothing is kept in the pod."""
    objects = render(programs, "http-postgres-irsa")
    pod = _pod(objects)

    assert [container["args"] for container in pod["initContainers"]] == [["migrate", "--grant-to=dnsbot"]]
    assert _environment(objects)["DATABASE_URL"]["valueFrom"]["secretKeyRef"]["name"] == "dnsbot-database"
    assert {volume["name"] for volume in pod["volumes"]} == {"tmp", "config"}
    assert not [document for document in objects if document["kind"] == "PersistentVolumeClaim"]


def test_sqlite_lies_on_the_volume(programs: Programs) -> None:
    """The file is in the only folder besides /tmp that can be written."""
    objects = render(programs, "socket-mode-sqlite")
    mounts = {mount["name"]: mount["mountPath"] for mount in _pod(objects)["containers"][0]["volumeMounts"]}

    assert _environment(objects)["DATABASE_URL"]["value"] == f"sqlite:///{mounts['data']}/dnsbot.db"
    assert _one(objects, "PersistentVolumeClaim")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_writing_roles_come_only_when_asked_for(programs: Programs) -> None:
    """By default nothing that may change an object is installed."""
    names = {document["metadata"]["name"] for document in render(programs, "socket-mode-sqlite")}
    with_writer = {document["metadata"]["name"] for document in render(programs, "pod-identity")}

    assert "dnsbot-write" not in names
    assert "dnsbot-write" in with_writer


def _bindings(objects: Objects, name: str) -> set[tuple[str, str, str]]:
    """Return kind, namespace and group of what binds a role of this name."""
    return {
        (document["kind"], document["metadata"].get("namespace", ""), document["subjects"][0]["name"])
        for document in objects
        if document["kind"].endswith("Binding") and document["roleRef"]["name"] == name
    }


@pytest.fixture
def chart_with_a_role_for_nodes(tmp_path: Path) -> Path:
    """The chart as it is made once a unit sees nodes."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    exec_in_pods = KubernetesPermission(verb="create", resource="pods/exec")
    need = Need(permission=exec_in_pods, use=Use.NODE, units=("unit",), disables=(), gathers=True)
    made = deployment_files([need])["chart/files/dnsbot-node.yaml"]
    (chart / "files" / "dnsbot-node.yaml").write_text(made, encoding="utf-8")
    return chart


def test_seeing_nodes_comes_only_when_asked_for_and_needed(
    programs: Programs, chart_with_a_role_for_nodes: Path
) -> None:
    """By default, and as long as nothing needs it, nothing is installed; else it is bound in one namespace alone."""
    switch = ["rbac.node.enabled=true"]
    by_default = render(programs, "pod-identity", chart=chart_with_a_role_for_nodes)
    in_vain = render(programs, "pod-identity", switch, chart=_without_the_role(chart_with_a_role_for_nodes))
    switched_on = render(programs, "pod-identity", switch, chart=chart_with_a_role_for_nodes)

    assert _bindings(by_default, "dnsbot-node") == set()
    assert _bindings(in_vain, "dnsbot-node") == set()
    assert _bindings(switched_on, "dnsbot-node") == {("RoleBinding", "kube-system", "dnsbot-node")}
    assert "dnsbot-node" in {
        document["metadata"]["name"] for document in switched_on if document["kind"] == "ClusterRole"
    }


def _without_the_role(chart: Path) -> Path:
    bare = chart.parent / "bare"
    shutil.copytree(chart, bare)
    (bare / "files" / "dnsbot-node.yaml").unlink()
    return bare


def test_reader_and_writer_never_share_a_service_account(programs: Programs) -> None:
    """Where service accounts are bound, the writing role goes to one that the pod does not run as."""
    objects = render(programs, "pod-identity")
    bound = {
        document["roleRef"]["name"]: {one["name"] for one in document["subjects"] if one["kind"] == "ServiceAccount"}
        for document in objects
        if document["kind"] == "ClusterRoleBinding"
    }

    assert bound == {"dnsbot-read": {"dnsbot"}, "dnsbot-look-up": {"dnsbot"}, "dnsbot-write": {"dnsbot-write"}}
    assert _pod(objects)["serviceAccountName"] == "dnsbot"


def test_irsa_stands_on_the_service_account_and_pod_identity_does_not(programs: Programs) -> None:
    """Pod Identity is an association in AWS; its agent's address is let out instead."""
    irsa = _one(render(programs, "socket-mode-sqlite"), "ServiceAccount")
    objects = render(programs, "pod-identity")
    accounts = [document for document in objects if document["kind"] == "ServiceAccount"]
    egress = _one(objects, "NetworkPolicy")["spec"]["egress"]

    assert irsa["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == "arn:aws:iam::111122223333:role/dnsbot"
    assert all("annotations" not in account["metadata"] for account in accounts)
    assert any({"ipBlock": {"cidr": "169.254.170.23/32"}} in rule.get("to", []) for rule in egress)


def test_changed_configuration_restarts_the_bot(programs: Programs) -> None:
    """The pod template carries a checksum of dnsbot.yaml."""
    before = _one(render(programs, "socket-mode-sqlite"), "Deployment")
    after = _one(
        render(programs, "socket-mode-sqlite", ["config.clusters.cluster-prod.channel=C0000000000"]), "Deployment"
    )

    assert before["spec"]["template"]["metadata"] != after["spec"]["template"]["metadata"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        pytest.param("slak.mode=http", "additional properties 'slak'", id="misspelt value"),
        pytest.param("slack.mode=webhook", "/slack/mode", id="unknown mode"),
        pytest.param("slack.existingSecret=", "/slack/existingSecret", id="no Secret for Slack"),
        pytest.param("image.repository=", "/image/repository", id="no image"),
        pytest.param("aws.roleArn=", "/aws/roleArn", id="IRSA without a role"),
        pytest.param("aws.roleArn=dnsbot", "/aws/roleArn", id="a role's name for its ARN"),
        pytest.param("ingress.enabled=true", "/slack/mode", id="Ingress in Socket Mode"),
        pytest.param("ingress.enabled=true", "/listen/proxies", id="Ingress without its proxies"),
        pytest.param("rbac.groups.read=system:masters", "/rbac/groups/read", id="a group that EKS refuses"),
        pytest.param("config.clusters.cluster-prod.region=", "/region", id="a cluster without region"),
        pytest.param("extraEnv[0].name=SLACK_BOT_TOKEN", "/extraEnv/0/name", id="a secret as plain value"),
        pytest.param("listen.port=80", "/listen/port", id="a port that needs root"),
        pytest.param("replicas=2", "additional properties 'replicas'", id="a second replica"),
    ],
)
def test_values_that_cannot_work_are_refused(setting: str, said: str, programs: Programs) -> None:
    """Helm stops before anything is installed, and names the value."""
    with pytest.raises(LabError) as refused:
        render(programs, "socket-mode-sqlite", [setting])

    assert said in str(refused.value)
