"""What people ask, on the command line and in Slack: one parser, one wording."""

from __future__ import annotations

import pytest

from bot.asking import host_from, known_cluster, pod_from
from bot.commands.asked import ask
from bot.domain.cluster import PodName
from bot.errors import Refused


@pytest.mark.parametrize("text", ["web", "shop/", "/web", "Shop/web", "shop/web/log", "shop/-web", "shop/web;rm", ""])
def test_what_is_no_pod_s_name_is_refused_with_an_example(text: str) -> None:
    """In the form in which it was asked for."""
    with pytest.raises(Refused, match="for example pod=shop/web-6d4b9c7f5-x2x7k"):
        pod_from(text, option="pod=")


def test_the_command_line_is_no_laxer_than_slack() -> None:
    """The same parser stands behind `--pod`, `--name` and `pod=`, `name=`."""
    with pytest.raises(Refused, match=r"--pod Shop/web is not of the form --pod NAMESPACE/NAME"):
        ask("cluster-prod", (), pod="Shop/web", names=())
    with pytest.raises(Refused, match=r"--name a;rm is not a DNS name"):
        ask("cluster-prod", (), pod="", names=("a;rm",))

    asked = ask("cluster-prod", (), pod="shop/web-0", names=("example.com",))
    assert (asked.pod, asked.names) == (PodName(namespace="shop", name="web-0"), ("example.com",))


def test_what_is_well_is_returned() -> None:
    """A host name and a configured cluster."""
    assert host_from("orders.shop.svc", option="name=") == "orders.shop.svc"
    assert known_cluster("cluster-prod", ["cluster-prod"]) == "cluster-prod"
    with pytest.raises(Refused, match=r"There is no cluster 'cluster-pord'. Did you mean cluster-prod"):
        known_cluster("cluster-pord", ["cluster-prod"])
