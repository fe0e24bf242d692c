from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.askers import AskerPolicy
from bot.domain.cluster import NodeProbe
from bot.domain.places import (
    HOME,
    FunctionProbe,
    InstanceProbe,
    OnPremises,
    Peer,
    Place,
    PodProbe,
    Probe,
    PublicResolution,
)
from bot.errors import ConfigurationError
from bot.settings.clusters import ClusterEntry
from bot.settings.files import shipped
from bot.settings.load import Settings, load_settings

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
      - {name: shared, vpc_id: vpc-0aaa, role_arn: "arn:aws:iam::222233334444:role/read"}
      - {vpc_id: vpc-0bbb, region: eu-central-1, probe: {ssm_instance: i-0bbb}}
    on_premises_cidrs: [10.64.0.0/10]
approvals:
  production: {required: 1, requester_may_approve: false, user_groups: [S01], expires_after: 45m}
digests:
  - {channel: C0123456789, cron: "0 9 * * mon-fri", timezone: Europe/Paris, clusters: [cluster-prod]}
"""

SAME_DIGEST = "{channel: C0123456789, cron: 0 9 * * mon-fri, timezone: Europe/Paris}"
HOME_WRITER = "arn:aws:iam::111122223333:role/dnsbot-write"
ON_PREMISES = "on_premises: [{name: hq, cidrs: [10.64.0.0/10], probe: {kubeconfig: hq.yaml, selector: app=dnsprobe}}]"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    """Settings from the file's text after replacing one piece, and an environment."""

    def read(old: str = "", new: str = "", **environment: str) -> Settings:
        assert old in FILE
        file = tmp_path / "dnsbot.yaml"
        for name in ("kubeconfig.yaml", "hq.yaml"):
            (tmp_path / name).touch()
        file.write_text(FILE.replace(old, new, 1) if old else FILE)
        return load_settings(file, environment)

    return read


def test_file_becomes_settings(load: Callable[..., Settings]) -> None:
    """Names default to the key, paths are relative to the file, durations are read."""
    settings = load()
    cluster = settings.clusters["cluster-prod"]

    assert cluster.target.eks_name == "cluster-prod"
    assert cluster.kubeconfig == str(settings.file.parent / "kubeconfig.yaml")
    assert settings.approvals["production"].expires_after == timedelta(minutes=45)
    assert settings.database_url == "sqlite:///dnsbot.db"


def test_everybody_may_ask_until_askers_are_named(load: Callable[..., Settings]) -> None:
    """Three at once a person and five a cluster, unless told otherwise."""
    assert load().askers == AskerPolicy(at_once_per_person=3, at_once_per_cluster=5)
    assert load().askers.everybody

    named = load(
        "digests:",
        "askers: {users: [U01], user_groups: [S01], machines: [alertmanager], at_once_per_person: 1}\ndigests:",
    ).askers

    assert named == AskerPolicy(users=("U01",), user_groups=("S01",), machines=("alertmanager",), at_once_per_person=1)
    assert not named.everybody


def test_digests_say_when_which_channel_is_told_of_which_clusters(load: Callable[..., Settings]) -> None:
    """Without clusters it is told of all; how late one is made up, and when it is silent, may be said."""
    (written,) = load().digests
    (other,) = load("clusters: [cluster-prod]}", "grace: 2h, quiet: true}\nretention: {series: 30d}").digests

    assert (written.channel, written.cron.text, written.timezone) == ("C0123456789", "0 9 * * mon-fri", "Europe/Paris")
    assert (written.clusters, written.grace, written.quiet) == (("cluster-prod",), timedelta(hours=1), False)
    assert (other.clusters, other.grace, other.quiet) == (("cluster-prod",), timedelta(hours=2), True)
    assert load("digests:", "retention: {series: 30d}\ndigests:").series_kept_for == timedelta(days=30)
    assert load().series_kept_for == timedelta(days=365)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"0 9 * * mon-fri"', '"0 25 * * *"', "hour '25': expected a number from 0 to 23"),
        ("Europe/Paris", "Europe/Pariss", "a time zone such as Europe/Paris"),
        ("clusters: [cluster-prod]}", "clusters: [cluster-prd]}", "'cluster-prd' is not a cluster of this file"),
        ("clusters: [cluster-prod]}", "grace: 2d}", "a time up to 24h"),
        ("{channel: C0123456789,", '{channel: " ",', "the ID of a Slack channel"),
        ("digests:", f"digests:\n  - {SAME_DIGEST}", "is there twice"),
        ("digests:", "retention: {series: 2h}\ndigests:", "a day at least"),
    ],
)  # fmt: skip
def test_a_digest_that_cannot_be_is_refused(load: Callable[..., Settings], old: str, new: str, said: str) -> None:
    """With what is expected, and where."""
    with pytest.raises(ConfigurationError, match=said):
        load(old, new)


@pytest.mark.parametrize("key", ["users", "user_groups", "machines"])
def test_blank_asker_is_refused(load: Callable[..., Settings], key: str) -> None:
    """It names nobody, and would shut everybody else out."""
    with pytest.raises(ConfigurationError, match=r"not a blank text|a member ID|the ID of a Slack user group"):
        load("digests:", f'askers: {{{key}: [" "]}}\ndigests:')


def test_writers_are_told_apart(load: Callable[..., Settings]) -> None:
    """A writer role opens AWS fixes; with a kubeconfig only a writer context opens Kubernetes fixes."""
    without = load().clusters["cluster-prod"].target
    with_context = load("context: cluster-prod", "writer_context: w").clusters["cluster-prod"].target

    assert (without.aws_writer, without.kubernetes_writer) == (True, False)
    assert with_context.kubernetes_writer


def test_peers_get_a_name_a_region_and_an_account(load: Callable[..., Settings]) -> None:
    """What is not written is the VPC's id, the cluster's region, and the account of what reads the cluster."""
    shared, other = load().clusters["cluster-prod"].target.peers

    assert shared.place == Place(name="shared", region="eu-west-1", account="222233334444", vpc_id="vpc-0aaa")
    assert other == Peer(
        place=Place(name="vpc-0bbb", region="eu-central-1", account="111122223333", vpc_id="vpc-0bbb"),
        probe=InstanceProbe(instance_id="i-0bbb"),
    )


def test_what_reads_and_changes_at_each_place(load: Callable[..., Settings]) -> None:
    """A peer without a role is read as the cluster is, and is changed only as a role of its own."""
    cluster = load("region: eu-central-1", f"writer_role_arn: {HOME_WRITER}").clusters["cluster-prod"]
    shared, other = cluster.target.peers

    assert cluster.reading_roles == {
        HOME: "arn:aws:iam::111122223333:role/dnsbot-read",
        shared.place: "arn:aws:iam::222233334444:role/read",
        other.place: "arn:aws:iam::111122223333:role/dnsbot-read",
    }
    assert cluster.writing_roles == {HOME: HOME_WRITER, other.place: HOME_WRITER}
    assert [cluster.target.has_aws_writer(place) for place in (HOME, shared.place, other.place)] == [True, False, True]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_roles_of_every_partition_are_taken(load: Callable[..., Settings], partition: str) -> None:
    """China and GovCloud have partitions of their own."""
    cluster = load("arn:aws:iam::2222", f"arn:{partition}:iam::2222").clusters["cluster-prod"]

    assert cluster.target.peers[0].place.account == "222233334444"


@pytest.mark.parametrize(
    ("written", "probe"),
    [
        ("{lambda: dnsprobe}", FunctionProbe(function="dnsprobe")),
        (
            "{kubeconfig: /dev/null, context: peer, selector: app=p}",
            PodProbe(kubeconfig="/dev/null", context="peer", selector="app=p"),
        ),
    ],
    ids=["function", "pods"],
)
def test_each_kind_of_probe_is_read(load: Callable[..., Settings], written: str, probe: Probe) -> None:
    """A peer may be looked up from by an instance, a function, or the pods of a cluster there."""
    cluster = load("{ssm_instance: i-0bbb}", written).clusters["cluster-prod"]

    assert cluster.target.peers[1].probe == probe


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("on_premises_cidrs: [10.64.0.0/10]", OnPremises(name="on-premises", cidrs=("10.64.0.0/10",))),
        (
            ON_PREMISES,
            OnPremises(
                name="hq",
                cidrs=("10.64.0.0/10",),
                probe=PodProbe(kubeconfig="hq.yaml", selector="app=dnsprobe"),
            ),
        ),
    ],
    ids=["short", "long"],
)
def test_networks_on_premises_have_two_forms(load: Callable[..., Settings], written: str, expected: OnPremises) -> None:
    """The short form is one network without a probe; paths are relative to the file."""
    settings = load("on_premises_cidrs: [10.64.0.0/10]", written)

    (network,) = settings.clusters["cluster-prod"].target.on_premises
    if isinstance(expected.probe, PodProbe):
        path = str(settings.file.parent / expected.probe.kubeconfig)
        expected = replace(expected, probe=replace(expected.probe, kubeconfig=path))
    assert network == expected


def test_public_resolution_is_unknown_until_it_is_told(load: Callable[..., Settings]) -> None:
    """What nobody wrote down is neither blocked nor open."""
    untold, told = load(), load("channel: C0", "public_resolution: blocked\n    channel: C0")

    found = [settings.clusters["cluster-prod"].target.public_resolution for settings in (untold, told)]
    assert found == [PublicResolution.UNKNOWN, PublicResolution.BLOCKED]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", None),
        ("node_probe: {image: r/probe:1}", NodeProbe(image="r/probe:1", namespace="kube-system")),
        ("node_probe: {image: r/probe:1, namespace: dns}", NodeProbe(image="r/probe:1", namespace="dns")),
    ],
    ids=["off", "default namespace", "own namespace"],
)
def test_nodes_are_seen_only_where_a_probe_is_configured(
    load: Callable[..., Settings], written: str, expected: NodeProbe | None
) -> None:
    """Running commands on nodes is off until an operator says what with."""
    settings = load("channel: C0", f"{written}\n    channel: C0")

    assert settings.clusters["cluster-prod"].target.node_probe == expected


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("environment: production", "environment: prodution", 3, ["no policy of its own name", "production?"]),
        ("    region: eu-west-1\n", "", 2, ["clusters.cluster-prod.region", "missing"]),
        ("channel: C0", "chanel: C0", 9, ["clusters.cluster-prod.chanel", "no known key", "channel?"]),
        ("user_groups: [S01], ", "", 16, ["neither users nor user_groups"]),
        ("expires_after: 45m", "expires_after: 45", 16, ["a duration such as 90s, 30m or 2h"]),
        ("10.64.0.0/10", "10.64.0.1/10", 14, ["has host bits set"]),
        ("Europe/Paris", "Europe/Pariss", 18, ["time zone"]),
        ("required: 1", "required: 0", 16, ["greater than or equal to 1"]),
        ("    kubeconfig: kubeconfig.yaml\n", "", 2, ["need `kubeconfig`"]),
        (
            "kubeconfig: kubeconfig.yaml",
            "kubeconfig: k.yaml",
            7,
            ["cluster-prod.kubeconfig", "there is no file", "k.yaml"],
        ),
        (
            "ssm_instance: i-0bbb",
            "kubeconfig: k.yaml, selector: app=p",
            13,
            ["peers.1.probe.kubeconfig", "there is no file", "k.yaml"],
        ),
        ("arn:aws:iam::111122223333:role/dnsbot-read", "dnsbot-read", 5, ["role_arn", "ARN of an IAM role"]),
        ("role/dnsbot-write", "user/dnsbot-write", 6, ["writer_role_arn", "ARN of an IAM role"]),
        ("arn:aws:iam::2222", "arn:aws-iso:iam::2222", 12, ["peers.0.role_arn", "ARN of an IAM role"]),
        ("eu-central-1", "Frankfurt", 13, ["peers.1.region", "an AWS region such as"]),
        ("vpc_id: vpc-0aaa", "vpc_id: shared", 12, ["peers.0.vpc_id", "vpc-"]),
        ("vpc_id: vpc-0aaa, role_arn", "vpc_id: vpc-0aaa, role", 12, ["peers.0.role", "no known key", "role_arn?"]),
        ("vpc_id: vpc-0bbb", "vpc_id: vpc-0aaa", 13, ["vpc-0aaa is a peer already"]),
        ("vpc_id: vpc-0bbb", "vpc_id: vpc-0bbb, name: shared", 13, ["peers.1.name", "'shared' is the name of another"]),
        ("name: shared", "name: home", 12, ["peers.0.name", "'home' is the name of another"]),
        ("name: shared", 'name: "the shared one"', 12, ["peers.0.name"]),
        (
            "name: shared",
            f"name: shared, writer_role_arn: {HOME_WRITER}",
            12,
            ["of account 111122223333", "lies in one"],
        ),
        ("ssm_instance: i-0bbb", "ssm_instance: i-0bbb, lambda: f", 13, ["peers.1.probe", "exactly one of"]),
        ("ssm_instance: i-0bbb", "selector: app=p", 13, ["peers.1.probe", "exactly one of"]),
        ("ssm_instance: i-0bbb", "kubeconfig: k.yaml", 13, ["peers.1.probe", "`kubeconfig` needs `selector`"]),
        ("ssm_instance: i-0bbb", "ssm_instance: i-0bbb, context: c", 13, ["peers.1.probe", "no other kind of probe"]),
        ("ssm_instance: i-0bbb", "ssm_instance: web", 13, ["peers.1.probe.ssm_instance"]),
        ("on_premises_cidrs: [10.64.0.0/10]", "public_resolution: maybe", 14, ["'unknown', 'blocked' or 'open'"]),
        ("channel: C0123456789", "node_probe: {namespace: dns}", 9, ["node_probe.image", "missing"]),
        ("channel: C0123456789", 'node_probe: {image: "r/my probe"}', 9, ["node_probe.image"]),
        ("channel: C0123456789", "node_probe: {image: r/p, namespace: Kube_System}", 9, ["node_probe.namespace"]),
        ("channel: C0123456789", 'debug_image: "r/my tools"', 9, ["debug_image"]),
        ("channel: C0123456789", "resolver_interface_price: 0.125", 9, ["resolver_interface_price"]),
        (
            "channel: C0123456789",
            "resolver_interface_price: $0.1 USD",
            9,
            ["an amount and a currency such as 0.125 USD"],
        ),
        ("channel: C0123456789", "watch: 5m", 9, ["`watch` needs `channel`"]),
        ("channel: C0123456789", "watch: 10s", 9, ["1m to 24h"]),
        ("channel: C0123456789", "node_probe: {image: r/p, role: x}", 9, ["node_probe.role", "no known key"]),
        ("on_premises_cidrs:", f"{ON_PREMISES}\n    on_premises_cidrs:", 15, ["short form", "one of the two"]),
        ("on_premises_cidrs: [10.64.0.0/10]", ON_PREMISES.replace("hq", "shared"), 14, ["on_premises.0.name"]),
        ("on_premises_cidrs: [10.64.0.0/10]", "on_premises: [{name: hq, cidrs: []}]", 14, ["on_premises.0.cidrs"]),
        ("expires_after: 45m", "expires_after: 0s", 16, ["approvals.production.expires_after", "from 1s to 30d"]),
        ("expires_after: 45m", "expires_after: 999999d", 16, ["approvals.production.expires_after", "from 1s to 30d"]),
        ("user_groups: [S01]", "users: ['', ' ']", 16, ["approvals.production.users.0", "a member ID"]),
        ("user_groups: [S01]", "users: ['@ana']", 16, ["approvals.production.users.0", "a member ID"]),
        ("user_groups: [S01]", "user_groups: [admins]", 16, ["approvals.production.user_groups.0", "user group"]),
        (
            "required: 1, requester_may_approve: false, user_groups: [S01]",
            "required: 5, users: [U01]",
            16,
            ["required", "no plan"],
        ),
        ("required: 1", "required: true", 16, ["approvals.production.required", "valid integer"]),
        (
            "channel: C0123456789\n    workload",
            "channel: '#x <!here>'\n    workload",
            9,
            ["channel", "ID of a Slack channel"],
        ),
        ("{channel: C0123456789", "{channel: general", 18, ["digests.0.channel", "ID of a Slack channel"]),
        ("app=shop", "'a=b=c,,;'", 10, ["workload_selector", "a label selector"]),
        ("context: cluster-prod", "context: p\n    writer_context: p", 9, ["writer_context", "another identity"]),
        ("  cluster-prod:\n", "  c 1 <!channel>:\n", 2, ["people can type"]),
        ("  cluster-prod:\n", "  '':\n", 2, ["people can type"]),
        ("region: eu-west-1", "region: ' '", 4, ["region", "an AWS region"]),
        ("clusters:\n", "clusters: !ours\n", 1, ["the tag !ours"]),
        ("[10.64.0.0/10]", "[" * 5_000, 14, ["nested more than 40 deep"]),
        ("region: eu-west-1", 'region: "\x00"', 4, ["a character that no text holds"]),
    ],
    ids=[
        "environment",
        "missing",
        "unknown",
        "nobody",
        "duration",
        "cidr",
        "zone",
        "required",
        "context",
        "a name for a role",
        "a user for a role",
        "another partition",
        "region",
        "vpc",
        "peer's key",
        "vpc twice",
        "name twice",
        "home",
        "name with spaces",
        "two accounts",
        "two probes",
        "no probe",
        "pods of no kind",
        "context without kubeconfig",
        "no such kubeconfig",
        "no such kubeconfig of a probe",
        "no instance",
        "public resolution",
        "node probe without an image",
        "no image",
        "no namespace",
        "no debug image",
        "a price without a currency",
        "a price of no form",
        "watch without a channel",
        "watched too often",
        "node probe's key",
        "both forms",
        "name of a peer",
        "no network",
        "no time to approve",
        "for ever",
        "blank users",
        "a name for a user",
        "a name for a group",
        "more than there are",
        "a switch for a number",
        "a name for a channel",
        "a name for a digest's channel",
        "no selector",
        "reads and writes alike",
        "a cluster that cannot be typed",
        "a cluster without a name",
        "a blank region",
        "a tag",
        "nested",
        "NUL",
    ],
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


def test_the_example_of_the_docs_is_one_that_the_bot_reads(tmp_path: Path) -> None:
    """Whoever copies it gets no error, and finds every setting of a cluster in it."""
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    example = re.search(r"```yaml\n(clusters:\n.*?)```", page, re.DOTALL)
    assert example is not None
    (tmp_path / "dnsbot.yaml").write_text(example[1])
    for name in set(re.findall(r"kubeconfig: ([\w.]+)", example[1])):
        (tmp_path / name).touch()

    load_settings(tmp_path / "dnsbot.yaml", {})

    for setting in ClusterEntry.model_fields:
        assert f"{setting}:" in example[1], setting


def test_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    """No configuration: the error says where it was sought and how to give another."""
    with pytest.raises(ConfigurationError, match="--config FILE"):
        load_settings(tmp_path / "absent.yaml", {})


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    """With its line, and no class of ours."""
    (tmp_path / "dnsbot.yaml").write_text("")
    with pytest.raises(ConfigurationError, match=r"dnsbot\.yaml:1: is empty\.$"):
        load_settings(tmp_path / "dnsbot.yaml", {})


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


def test_the_program_that_asks_coredns_is_an_absolute_path_to_a_program(
    load: Callable[..., Settings], tmp_path: Path
) -> None:
    """Unset: none; anything but a program stops the start."""
    program = tmp_path / "corefile-check"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(ConfigurationError, match="COREFILE_CHECK"):
        load(COREFILE_CHECK=str(program))
    program.chmod(0o755)

    assert load().corefile_check is None
    assert load(COREFILE_CHECK="").corefile_check is None
    assert load(COREFILE_CHECK=str(program)).corefile_check == program
    with pytest.raises(ConfigurationError, match="COREFILE_CHECK"):
        load(COREFILE_CHECK="corefile-check")


def test_the_audit_chain_has_keys_a_file_and_a_channel(load: Callable[..., Settings], tmp_path: Path) -> None:
    """The newest key comes first; the file is found from that of the settings; without a key there is a plain chain."""
    text = "audit: {heads: kept/heads, channel: C1}\ndigests:"
    loaded = load("digests:", text, AUDIT_KEY=f"{'n' * 32}, {'o' * 32}").audit
    assert (loaded.seals.keys, loaded.heads) == ((b"n" * 32, b"o" * 32), tmp_path / "kept" / "heads")
    assert loaded.channel == "C1"
    assert load().audit.seals.label == "plain"


@pytest.mark.parametrize("key", ["short", f"{'n' * 32},short", f"{'n' * 32},"])
def test_a_short_audit_key_is_refused(load: Callable[..., Settings], key: str) -> None:
    """A key that can be guessed seals nothing."""
    with pytest.raises(ConfigurationError, match="AUDIT_KEY holds a key of fewer than 32 characters"):
        load(AUDIT_KEY=key)


WINDOWS = (
    "expires_after: 45m, timezone: Europe/Paris, windows: [mon-fri 08:00-18:00], "
    "freezes: [{since: 2026-12-20, until: 2027-01-03, reason: sales}], "
    "break_glass: {users: [U03], expires_after: 10m, channel: C9}}"
)


def test_windows_freezes_and_break_glass_belong_to_an_environment(load: Callable[..., Settings]) -> None:
    """They come as they were written; without them there is no restriction, and nobody may break the glass."""
    changes = load("expires_after: 45m}", WINDOWS).changes["production"]
    assert (changes.timezone, [one.text for one in changes.windows]) == ("Europe/Paris", ["mon-fri 08:00-18:00"])
    assert [(str(one.since), str(one.until), one.reason) for one in changes.freezes] == [
        ("2026-12-20", "2027-01-03", "sales")
    ]
    assert changes.glass is not None
    assert (changes.glass.users, changes.glass.channel) == (("U03",), "C9")
    assert (changes.glass.expires_after, load().changes["production"].glass) == (timedelta(minutes=10), None)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        pytest.param("mon-fri 08", "mon-fry 08", "'fry'|is no day of the week", id="day"),
        pytest.param("08:00-18:00", "18:00-08:00", "begins before it ends", id="times"),
        pytest.param("until: 2027-01-03", "until: 2026-01-03", "ends before it begins", id="freeze"),
        pytest.param("users: [U03], ", "", "nobody could break the glass", id="nobody"),
        pytest.param("expires_after: 10m", "expires_after: 2h", "a time up to 1h", id="too-long"),
        pytest.param("Europe/Paris", "Europe/Pariss", "a time zone such as", id="timezone"),
    ],
)
def test_nonsense_about_changes_is_refused(load: Callable[..., Settings], old: str, new: str, why: str) -> None:
    """With the place in the file: a typo must neither open nor shut anything."""
    assert old in WINDOWS
    with pytest.raises(ConfigurationError, match=why):
        load("expires_after: 45m}", WINDOWS.replace(old, new, 1))


@pytest.mark.parametrize(
    "selector", ["app=shop", "app=shop,tier!=cache", "a.io/b in (c, d),!e", "x notin (y)", "app == shop", "app", ""]
)
def test_selectors_are_those_of_kubectl(load: Callable[..., Settings], selector: str) -> None:
    """Every form that the API takes is one."""
    target = load("workload_selector: app=shop", f"workload_selector: {selector!r}").clusters["cluster-prod"].target

    assert target.workload_selector == selector


def test_a_block_text_nested_too_deep_is_refused(tmp_path: Path) -> None:
    """Lists in block style cost as much as those in brackets."""
    file = tmp_path / "dnsbot.yaml"
    file.write_text("a:\n" + "- " * 5_000 + "b\n")
    with pytest.raises(ConfigurationError, match="nested more than 40 deep"):
        load_settings(file, {})
