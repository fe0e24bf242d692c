"""What a server on premises is told: one name, the inbound addresses, port 53, and nothing that another word hides."""

from __future__ import annotations

import pytest

from bot.dns.forwarders import ForwarderSoftware, forwarder_texts

_NAME = "0123ABC.gr7.eu-west-1.eks.amazonaws.com."
_HOST = _NAME.lower().rstrip(".")
_ADDRESSES = ("10.42.1.5", "10.42.2.6")

_LINES = {
    ForwarderSoftware.BIND: ("type forward;", "forward only;", "forwarders { 10.42.1.5; 10.42.2.6; };"),
    ForwarderSoftware.UNBOUND: (f'private-domain: "{_HOST}"', "forward-addr: 10.42.1.5", "forward-addr: 10.42.2.6"),
    ForwarderSoftware.DNSMASQ: (f"server=/{_HOST}/10.42.1.5", f"server=/{_HOST}/10.42.2.6"),
    ForwarderSoftware.WINDOWS_DNS: (
        f'Add-DnsServerConditionalForwarderZone -Name "{_HOST}" -MasterServers 10.42.1.5,10.42.2.6',
    ),
}


@pytest.mark.parametrize("software", ForwarderSoftware)
def test_a_text_names_the_endpoint_and_every_inbound_address(software: ForwarderSoftware) -> None:
    """Each software gets its own words, with the endpoint's name in small letters and without a final dot."""
    found = next(one for one in forwarder_texts(_NAME, _ADDRESSES) if one.software is software)

    assert _HOST in found.text
    assert set(_LINES[software]) <= {line.strip() for line in found.text.splitlines()}


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ('a.example"; };', _ADDRESSES),
        ("a b.example", _ADDRESSES),
        ("a.example\nserver=/x/192.0.2.1", _ADDRESSES),
        ("a.example", ()),
        ("a.example", ("10.0.0.5; }",)),
    ],
)
def test_what_is_no_name_or_address_becomes_no_text(name: str, addresses: tuple[str, ...]) -> None:
    """A text that a person will run as root holds nothing but a host name and addresses."""
    with pytest.raises(ValueError, match=r"address|host name"):
        forwarder_texts(name, addresses)
