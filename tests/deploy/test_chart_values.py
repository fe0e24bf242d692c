from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from bot.__main__ import app
from bot.app import SHUTDOWN_GRACE_SECONDS
from bot.commands.options import LogFormat, LogLevel
from bot.settings.load import load_settings
from bot.slack.connection_limits import networks

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "chart"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEPLOYMENT = (CHART / "templates" / "deployment.yaml").read_text()
SETS = sorted((CHART / "ci").glob("*-values.yaml"))
_FREE = {
    "resources",
    "annotations",
    "affinity",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "clusters",
    "approvals",
    "askers",
    "retention",
    "audit",
    "labels",
}


def _paths(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and key not in _FREE:
            yield from _paths(value, f"{path}.")
        else:
            yield path


@pytest.mark.parametrize("file", SETS, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_configuration_of_each_value_set_is_one_that_the_bot_reads(file: Path, tmp_path: Path) -> None:
    """The bot's own loader takes `config`; a key that it does not know would be an error."""
    config, mounted = tmp_path / "dnsbot.yaml", tmp_path / "kubeconfig.yaml"
    mounted.touch()
    written = yaml.safe_dump(yaml.safe_load(file.read_text())["config"])
    config.write_text(written.replace("/etc/dnsbot-kubeconfig/kubeconfig.yaml", str(mounted)))

    settings = load_settings(config, {})

    assert "cluster-prod" in settings.clusters


@pytest.mark.parametrize("path", sorted(_paths(VALUES)))
def test_every_value_is_explained_and_checked(path: str) -> None:
    """Each value stands in the chart's README and in the schema, which knows no others."""
    place = SCHEMA
    for key in path.split("."):
        assert place["additionalProperties"] is False
        place = place["properties"][key]

    assert f"`{path}`" in (CHART / "README.md").read_text()


def test_readme_explains_no_value_that_is_gone() -> None:
    """The table holds values that exist."""
    rows = re.findall(r"^\| (`[^|]+`) \|", (CHART / "README.md").read_text(), re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}

    assert explained == set(_paths(VALUES))


def test_pod_and_image_agree() -> None:
    """User, configuration file, database folder, address and port are those of the Dockerfile."""
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "runAsUser: 10001" in DEPLOYMENT
    assert "DNSBOT_CONFIG=/etc/dnsbot/dnsbot.yaml" in DOCKERFILE
    assert "{name: DNSBOT_CONFIG, value: /etc/dnsbot/dnsbot.yaml}" in DEPLOYMENT
    assert "DATABASE_URL=sqlite:////var/lib/dnsbot/dnsbot.db" in DOCKERFILE
    assert "value: sqlite:////var/lib/dnsbot/dnsbot.db" in (CHART / "templates" / "_helpers.tpl").read_text()
    listen = VALUES["listen"]
    command = ["run", "--host", listen["host"], "--port", str(listen["port"])]
    command += ["--health-host", listen["host"], "--health-port", str(listen["healthPort"])]
    assert f"CMD {json.dumps(command)}" in DOCKERFILE
    assert f"EXPOSE {listen['port']} {listen['healthPort']}" in DOCKERFILE


def test_probes_ask_the_health_port() -> None:
    """Whoever fills the port of deliveries does not have the pod ended; the image asks as the kubelet does."""
    probes = re.findall(r"(\w+)Probe:\n +httpGet: {path: (\S+), port: (\w+)}", DEPLOYMENT)

    assert {kind: (path, port) for kind, path, port in probes} == {
        "startup": ("/healthz", "health"),
        "liveness": ("/healthz", "health"),
        "readiness": ("/readyz", "health"),
    }
    assert "- {name: health, containerPort: {{ .Values.listen.healthPort }}, protocol: TCP}" in DEPLOYMENT
    assert f"http://127.0.0.1:{VALUES['listen']['healthPort']}/healthz" in DOCKERFILE


def test_program_takes_the_options_of_the_pod() -> None:
    """What stands after `run` in the chart is what `dnsbot run -h` lists."""
    given = set(re.findall(r'- "(--[a-z-]+)=', DEPLOYMENT))
    run = get_command(app).commands["run"]  # type: ignore[attr-defined]  # a group
    known = {option: parameter.default for parameter in run.params for option in parameter.opts}

    assert {"--host", "--port", "--health-host", "--health-port", "--proxy", "--log-level", "--log-format"} == given
    assert given <= set(known)
    assert known["--health-host"] == "127.0.0.1"
    assert known["--health-port"] == VALUES["listen"]["healthPort"]


def test_ingress_names_its_proxies() -> None:
    """The value set with an Ingress names them, and the schema asks for it."""
    values = [yaml.safe_load(file.read_text()) for file in SETS]
    with_ingress = [one for one in values if one.get("ingress", {}).get("enabled")]
    asked = [rule["then"]["properties"]["listen"] for rule in SCHEMA["allOf"] if "listen" in rule["then"]["properties"]]

    assert [networks(one["listen"]["proxies"]) != () for one in with_ingress] == [True]
    assert asked == [{"properties": {"proxies": {"minItems": 1}}}]


def test_chart_and_program_have_one_version() -> None:
    """`appVersion` is the image's default tag."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()

    assert f'version = "{chart["appVersion"]}"' in project


def test_pod_is_given_longer_to_end_than_the_bot_takes() -> None:
    """SIGKILL does not come while running work is still being ended."""
    assert VALUES["terminationGracePeriodSeconds"] > SHUTDOWN_GRACE_SECONDS
    assert SCHEMA["properties"]["terminationGracePeriodSeconds"]["minimum"] > SHUTDOWN_GRACE_SECONDS


def test_nothing_may_be_changed_unless_asked_for() -> None:
    """Out of the box the writing role is not installed, and what is read goes over no service account."""
    assert VALUES["rbac"]["write"]["enabled"] is False
    assert VALUES["rbac"]["serviceAccount"] is False


def test_log_options_of_the_chart_are_those_of_the_program() -> None:
    """The schema lists what `--log-level` and `--log-format` take, and the defaults agree."""
    run = get_command(app).commands["run"]  # type: ignore[attr-defined]  # a group
    known = {option: parameter for parameter in run.params for option in parameter.opts}
    for name, kind in (("level", LogLevel), ("format", LogFormat)):
        assert SCHEMA["properties"]["log"]["properties"][name]["enum"] == [one.value for one in kind]
        assert VALUES["log"][name] == kind(known[f"--log-{name}"].default).value


def test_what_is_scraped_is_the_health_port() -> None:
    """The monitor finds its own Service by its labels, and asks the port where the metrics are."""
    text = (CHART / "templates" / "servicemonitor.yaml").read_text()

    assert text.count("app.kubernetes.io/component: metrics") == 2
    assert "targetPort: health" in text
    assert "{port: health, path: /metrics," in text
