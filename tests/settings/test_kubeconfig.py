from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ConfigurationError
from bot.settings.assumed import Assumed, Reach, assume
from bot.settings.kubeconfig import KubeContext, read_kubeconfig
from bot.settings.load import load_settings
from bot.settings.written import write_settings

ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/shop"
AWS_PLUGIN = {
    "command": "aws",
    "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "shop", "--output", "json"],
    "env": [{"name": "AWS_PROFILE", "value": "shop-admin"}],
}
ONE_WORD_PLUGIN = {"command": "aws", "args": ["eks", "get-token", "--cluster-name=shop", "--region=eu-west-1"]}
AUTHENTICATOR = {"command": "aws-iam-authenticator", "args": ["token", "-i", "shop"]}
PROXY = "https://proxy:8443"
ENDPOINT = "https://0A1B2C.gr7.eu-west-1.eks.amazonaws.com"
REGION_IN_ENV = {**AUTHENTICATOR, "env": [{"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"}]}


def written(
    file: Path,
    *contexts: str,
    cluster: str = "c",
    server: str = "https://10.0.0.1",
    plugin: object = None,
    current: str = "",
) -> Path:
    """Write a kubeconfig whose contexts all lead to one cluster with one user."""
    document = {
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"exec": plugin} if plugin else {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": cluster, "user": "u"}} for name in contexts],
        "current-context": current or contexts[0],
    }
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def only(file: Path) -> KubeContext:
    """Return the one context of a kubeconfig."""
    return read_kubeconfig(str(file), {}).contexts[0]


@pytest.mark.parametrize(
    ("context", "cluster", "server", "plugin", "profile"),
    [
        pytest.param(ARN, ARN, ENDPOINT, AWS_PLUGIN, "shop-admin", id="aws eks update-kubeconfig"),
        pytest.param("alias", ARN, ENDPOINT, None, "", id="its ARN names the cluster, an alias the context"),
        pytest.param("alias", "c", PROXY, AWS_PLUGIN, "shop-admin", id="the plugin's arguments alone"),
        pytest.param("alias", "c", PROXY, ONE_WORD_PLUGIN, "", id="options with an equals sign"),
        pytest.param("ana@shop.eu-west-1.eksctl.io", "shop.eu-west-1.eksctl.io", PROXY, AUTHENTICATOR, "", id="eksctl"),
        pytest.param("alias", "c", ENDPOINT, AUTHENTICATOR, "", id="the region in the endpoint's name"),
        pytest.param("alias", "c", PROXY, REGION_IN_ENV, "", id="the region in the plugin's variables"),
    ],
)  # fmt: skip
def test_name_and_region_of_the_cluster_stand_in_every_kubeconfig_for_eks(
    tmp_path: Path, context: str, cluster: str, server: str, plugin: object, profile: str
) -> None:
    """Whichever tool wrote it."""
    found = only(written(tmp_path / "config", context, cluster=cluster, server=server, plugin=plugin))

    assert (found.eks_name.value, found.region.value, found.profile) == ("shop", "eu-west-1", profile)


def test_a_kubeconfig_of_another_cluster_names_none(tmp_path: Path) -> None:
    """Nothing is guessed here."""
    found = only(written(tmp_path / "config", "kind-kind", cluster="kind-kind", server="https://127.0.0.1:6443"))

    assert (found.eks_name.value, found.region.value, found.profile) == ("", "", "")


def test_of_several_files_the_first_that_says_something_holds(tmp_path: Path) -> None:
    """As kubectl merges KUBECONFIG; a file that is not there is passed over."""
    first = written(tmp_path / "first", "shared", server=ENDPOINT, plugin=AUTHENTICATOR)
    second = written(tmp_path / "second", "shared", "other", cluster="d")
    found = read_kubeconfig("", {"KUBECONFIG": f"{tmp_path / 'absent'}:{first}:{second}"})

    assert found.current == "shared"
    assert [(one.name, one.eks_name.value) for one in found.contexts] == [("shared", "shop"), ("other", "shop")]
    assert found.paths == f"{first}:{second}"


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "contexts: 3", "a: b: c", "contexts: [{context: {}}]", "users: [{name: 1}]"]
)
def test_what_is_no_kubeconfig_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    """And by where in it, where that is known."""
    (tmp_path / "config").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=str(tmp_path / "config")):
        read_kubeconfig(str(tmp_path / "config"), {})


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda some: (
            st.lists(some)
            | st.dictionaries(
                st.sampled_from(
                    ["clusters", "users", "contexts", "name", "user", "cluster", "context", "exec", "args", "env"]
                ),
                some,
            )
        ),
    )
)
def test_whatever_stands_in_a_kubeconfig_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    """Never an error of another kind."""
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_text(yaml.safe_dump(value), encoding="utf-8")
    try:
        read_kubeconfig(str(file), {})
    except ConfigurationError as error:
        assert str(file) in str(error)


def assumed(file: Path, *words: str, env: dict[str, str] | None = None, reach: Reach | None = None) -> Assumed:
    """Return what is assumed with this kubeconfig."""
    environment = {"KUBECONFIG": str(file), **(env or {})}
    return assume(reach or Reach(), words, playbooks={"coredns"}, environment=environment)


def test_the_current_context_is_taken_and_what_was_assumed_is_said(tmp_path: Path) -> None:
    """The cluster, where its name is from, the profile, and that nothing is kept."""
    file = written(tmp_path / "config", ARN, cluster=ARN, server=ENDPOINT, plugin=AWS_PLUGIN)

    found = assumed(file)

    connection = found.settings.clusters[found.cluster]
    assert (found.cluster, connection.context, connection.target.region) == ("shop", ARN, "eu-west-1")
    assert (connection.profile, found.settings.database_url) == ("shop-admin", "")
    assert found.lines == (
        f"context {ARN}, the current one, of the kubeconfig {file}",
        "EKS cluster shop (from the context's ARN), region eu-west-1 (from the context's ARN)",
        "AWS profile shop-admin, as the context's credential plugin is given it; AWS_PROFILE names another",
        "no database: nothing is kept of this; DATABASE_URL names one",
        "no application pods to look names up from; --selector LABELS or --pod NAMESPACE/NAME names some",
    )


def test_what_is_told_goes_before_what_is_found(tmp_path: Path) -> None:
    """Options and variables; a database that is named is kept."""
    file = written(tmp_path / "config", ARN, cluster=ARN, server=ENDPOINT, plugin=AWS_PLUGIN)
    env = {"AWS_PROFILE": "mine", "DATABASE_URL": "sqlite:///mine.db"}

    found = assumed(file, env=env, reach=Reach(region="us-east-1", eks_name="other", selector="app=web"))

    connection = found.settings.clusters["other"]
    assert (connection.target.eks_name, connection.target.region) == ("other", "us-east-1")
    assert (connection.target.workload_selector, connection.profile) == ("app=web", "")
    assert found.settings.database_url == "sqlite:///mine.db"
    assert len(found.lines) == 2


@pytest.mark.parametrize(
    ("words", "reach", "context", "rest"),
    [
        ((), {}, "a", ()),
        (("b",), {}, "b", ()),
        (("coredns",), {}, "a", ("coredns",)),
        (("b", "coredns"), {}, "b", ("coredns",)),
        (("coredns",), {"context": "b"}, "b", ("coredns",)),
        (("b", "coredns"), {"context": "b"}, "b", ("coredns",)),
    ],
)
def test_the_first_word_may_be_a_context_or_a_playbook(
    tmp_path: Path, words: tuple[str, ...], reach: dict[str, str], context: str, rest: tuple[str, ...]
) -> None:
    """Without dnsbot.yaml nobody has to name the cluster."""
    found = assumed(written(tmp_path / "config", "a", "b"), *words, reach=Reach(**reach))

    assert (found.settings.clusters[found.cluster].context, found.words) == (context, rest)


def test_a_typo_and_a_value_of_no_use_are_told(tmp_path: Path) -> None:
    """With what was probably meant."""
    file = written(tmp_path / "config", "cluster-prod")
    with pytest.raises(ConfigurationError, match=r"has no context 'cluster-pord'. Did you mean cluster-prod\?"):
        assumed(file, "cluster-pord")
    with pytest.raises(ConfigurationError, match="--region 'Ireland' is not an AWS region"):
        assumed(file, reach=Reach(region="Ireland"))
    with pytest.raises(ConfigurationError, match=r"--eks-name 'a\.b' is not the name of an EKS cluster"):
        assumed(file, reach=Reach(eks_name="a.b"))
    with pytest.raises(ConfigurationError, match=r"There is no kubeconfig at .*/absent\. Make one"):
        assumed(tmp_path / "absent")


def test_init_writes_a_file_that_our_own_reader_takes(tmp_path: Path) -> None:
    """One entry for each EKS cluster; contexts that lead to none are left out and named."""
    kubeconfig = written(tmp_path / "config", ARN, "same", cluster=ARN, server=ENDPOINT, plugin=AWS_PLUGIN)
    file = tmp_path / "dnsbot.yaml"

    done = write_settings(Reach(), file, overwrite=False, environment={"KUBECONFIG": str(kubeconfig)})

    connection = load_settings(file, {}).clusters["shop"]
    assert (connection.target.eks_name, connection.target.region) == ("shop", "eu-west-1")
    assert (connection.kubeconfig, connection.context) == (str(kubeconfig), ARN)
    assert done.clusters == ("shop",)
    assert "same" in done.lines[0]


def test_init_writes_over_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    """And leaves nothing beside the file."""
    kubeconfig = written(tmp_path / "config", ARN, cluster=ARN, server=ENDPOINT, plugin=AWS_PLUGIN)
    file = tmp_path / "dnsbot.yaml"
    file.write_text("mine", encoding="utf-8")
    env = {"KUBECONFIG": str(kubeconfig)}

    with pytest.raises(ConfigurationError, match=r"is there already, and nothing was written\. --force"):
        write_settings(Reach(), file, overwrite=False, environment=env)
    assert file.read_text(encoding="utf-8") == "mine"

    write_settings(Reach(), file, overwrite=True, environment=env)
    assert list(load_settings(file, {}).clusters) == ["shop"]
    assert {one.name for one in tmp_path.iterdir()} == {"config", "dnsbot.yaml"}


def test_init_asks_for_what_no_kubeconfig_says(tmp_path: Path) -> None:
    """The region, of a cluster whose context names none; with it the context's name is taken."""
    env = {"KUBECONFIG": str(written(tmp_path / "config", "cluster-prod"))}
    with pytest.raises(ConfigurationError, match="Say which: --context NAME --eks-name NAME --region REGION"):
        write_settings(Reach(), tmp_path / "dnsbot.yaml", overwrite=False, environment=env)

    write_settings(Reach(region="eu-west-1", selector="app=web"), tmp_path / "a.yaml", overwrite=False, environment=env)
    write_settings(Reach(), tmp_path / "b.yaml", overwrite=False, environment={**env, "AWS_REGION": "eu-west-1"})

    targets = [load_settings(tmp_path / name, {}).clusters["cluster-prod"].target for name in ("a.yaml", "b.yaml")]
    assert [(one.region, one.workload_selector) for one in targets] == [("eu-west-1", "app=web"), ("eu-west-1", "")]
