from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import ConfigurationError
from bot.settings import Settings, load_settings, shipped

FILE = """\
clusters:
  cluster-prod:
    environment: production
    region: eu-west-1
    role_arn: arn:aws:iam::111122223333:role/dnsbot-read
    writer_role_arn: arn:aws:iam::111122223333:role/dnsbot-write
    kubeconfig: kubeconfig.yaml
    context: cluster-prod
    channel: C0123456789
    workload_selector: app=shop
    peers:
      - vpc_id: vpc-0aaa
    on_premises_cidrs: [10.64.0.0/10]
approvals:
  production: {required: 1, requester_may_approve: false, user_groups: [S01], expires_after: 45m}
digests:
  - {channel: C0123456789, cron: "0 9 * * mon-fri", timezone: Europe/Paris, clusters: [cluster-prod]}
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    """Settings from the file's text after replacing one piece, and an environment."""

    def read(old: str = "", new: str = "", **environment: str) -> Settings:
        assert old in FILE
        file = tmp_path / "dnsbot.yaml"
        file.write_text(FILE.replace(old, new, 1) if old else FILE)
        return load_settings(file, environment)

    return read


def test_file_becomes_settings(load: Callable[..., Settings]) -> None:
    """Names default to the key, paths are relative to the file, durations are read."""
    settings = load()
    cluster = settings.clusters["cluster-prod"]

    assert cluster.target.eks_name == "cluster-prod"
    assert cluster.kubeconfig == settings.file.parent / "kubeconfig.yaml"
    assert settings.approvals["production"].expires_after == timedelta(minutes=45)
    assert settings.database_url == "sqlite:///dnsbot.db"


def test_writers_are_told_apart(load: Callable[..., Settings]) -> None:
    """A writer role opens AWS fixes; with a kubeconfig only a writer context opens Kubernetes fixes."""
    without = load().clusters["cluster-prod"].target
    with_context = load("context: cluster-prod", "writer_context: w").clusters["cluster-prod"].target

    assert (without.aws_writer, without.kubernetes_writer) == (True, False)
    assert with_context.kubernetes_writer


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("environment: production", "environment: prodution", 3, ["no policy of its own name", "production?"]),
        ("    region: eu-west-1\n", "", 2, ["clusters.cluster-prod.region", "missing"]),
        ("channel: C0", "chanel: C0", 9, ["clusters.cluster-prod.chanel", "no known key", "channel?"]),
        ("user_groups: [S01], ", "", 15, ["neither users nor user_groups"]),
        ("expires_after: 45m", "expires_after: 45", 15, ["a duration such as 90s, 30m or 2h"]),
        ("10.64.0.0/10", "10.64.0.1/10", 13, ["has host bits set"]),
        ("Europe/Paris", "Europe/Pariss", 17, ["time zone"]),
        ("required: 1", "required: 0", 15, ["greater than or equal to 1"]),
        ("    kubeconfig: kubeconfig.yaml\n", "", 2, ["need `kubeconfig`"]),
    ],
    ids=["environment", "missing", "unknown", "nobody", "duration", "cidr", "zone", "required", "context"],
)
def test_error_names_key_file_and_line(
    load: Callable[..., Settings], old: str, new: str, line: int, words: list[str]
) -> None:
    """An operator is told where the mistake stands and what was probably meant."""
    with pytest.raises(ConfigurationError) as caught:
        load(old, new)

    assert f"dnsbot.yaml:{line}: " in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    """No configuration: the error says where it was sought and how to give another."""
    with pytest.raises(ConfigurationError, match="--config FILE"):
        load_settings(tmp_path / "absent.yaml", {})


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL"])
def test_blank_secret_refuses_to_start(load: Callable[..., Settings], name: str) -> None:
    """A secret that is set but blank is a mistake, in every mode."""
    with pytest.raises(ConfigurationError, match=f"{name} is set but blank"):
        load(**{name: "  "})


def test_secrets_never_show_in_a_repr(load: Callable[..., Settings]) -> None:
    """Settings may end up in a traceback: their text holds no secret."""
    settings = load(SLACK_BOT_TOKEN="xoxb-planted", DATABASE_URL="postgresql://bot:planted@db/x")

    assert "planted" not in repr(settings)


@pytest.mark.parametrize("folder", ["playbooks", "templates", "migrations"])
def test_shipped_folders_are_found(folder: str) -> None:
    """Playbooks, templates and migrations stand beside the package, or inside the wheel."""
    assert any(shipped(folder).iterdir())
