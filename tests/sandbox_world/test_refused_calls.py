from __future__ import annotations

import pytest

from bot.errors import ConfigurationError
from bot.sandbox.running.refused_calls import RefusedCalls


def test_each_far_end_gets_its_calls() -> None:
    """Both ways to write a Kubernetes call, and AWS actions by name and by pattern."""
    found = RefusedCalls.of(("ec2:DescribeVpcs", "list/pods", "create pods/exec", "create/pods/exec", "eks:Describe*"))

    assert found.aws == ("ec2:DescribeVpcs", "eks:Describe*")
    assert found.kubernetes == ("list pods", "create pods/exec", "create pods/exec")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("pods/exec", "Did you mean create pods/exec?"),
        ("get/pods/exec", "Did you mean create pods/exec?"),
        ("list/pod", "Did you mean list pods?"),
        ("pods", "the sandbox serves no such call"),
        ("", "the sandbox serves no such call"),
        ("pods/exec: create in all namespaces", "AWS has no service 'pods/exec'"),
        ("ec2:DescribeVpc", "Did you mean DescribeVpcs?"),
        ("ec2:describevpcs", "ec2 has no operation 'describevpcs'"),
        ("ec3:DescribeVpcs", "AWS has no service 'ec3'. Did you mean ec"),
    ],
)
def test_a_word_that_would_refuse_nothing_is_an_error(word: str, says: str) -> None:
    """With the nearest call and the forms that are known: nobody tries a refusal out that never was one."""
    with pytest.raises(ConfigurationError) as caught:
        RefusedCalls.of((word,))

    assert says in str(caught.value)
    assert "list/pods: verb, then resource" in str(caught.value)
