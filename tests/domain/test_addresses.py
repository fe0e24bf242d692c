from __future__ import annotations

from ipaddress import ip_address

import pytest

from bot.domain.addresses import address


@pytest.mark.parametrize("text", ["10.0.0.1", "255.255.255.255", "0.0.0.0", "fd00::1", "::ffff:10.0.0.1"])  # noqa: S104  # a text
def test_an_address_is_the_one_that_python_reads(text: str) -> None:
    """Only sooner, where it was read before."""
    assert address(text) == ip_address(text)
    assert address(text) is address(text)


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/32", " 10.0.0.1", "10.0.0.1\n", "a"]
)
def test_what_python_refuses_is_refused(text: str) -> None:
    """No form is taken that an answer may not have."""
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        address(text)
