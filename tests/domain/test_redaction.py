from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.redaction import MARK, capped, redact, redact_and_cap, redact_value

SECRETS = {
    "aws access key": ("creds AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    "aws secret": ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    "environment": ("DB_PASSWORD=hunter2hunter2 LOG=info", "hunter2hunter2"),
    "json": ('{"client_secret": "s3cr3t-value", "region": "eu-west-1"}', "s3cr3t-value"),
    "yaml": ("  password: correct horse", "correct"),
    "url": ("dial postgres://bot:pa55word@10.0.1.2:5432/db", "pa55word"),
    "bearer": ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789abcdef"),
    "basic": ("authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    "jwt": ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl seen", "eyJhbGciOiJIUzI1NiJ9"),
    "eks token": ("using k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8", "aHR0cHM6Ly9zdHMuYW1hem9u"),
    "slack token": ("xoxb-1234567890-abcdefghij", "1234567890-abcdefghij"),
    "slack hook": ("https://hooks.slack.com/services/T0/B0/abcdef", "T0/B0/abcdef"),
    "github": ("ghp_0123456789abcdefghij0123456789abcdef", "0123456789abcdefghij"),
    "private key": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEA",
    ),
    "cut private key": ("-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA", "MIIEpAIBAAKCAQEA"),
    "flag": ("mysqld --root-password s3cretvalue --port 3306", "s3cretvalue"),
    "name like a Kubernetes type": ("svc.v1.password=hunter2hunter2", "hunter2hunter2"),
    "behind another assignment": ("config: password=hunter2hunter2", "hunter2hunter2"),
    "long name": ("a" * 300 + "_token=hunter2hunter2", "hunter2hunter2"),
    "flag behind a flag": ("run --verbose --api-token hunter2hunter2", "hunter2hunter2"),
    "presigned": ("GET /?X-Amz-Signature=abcdef0123&X-Amz-Date=1", "abcdef0123"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_secret_is_taken_out(text: str, secret: str) -> None:
    """Every planted secret is gone, and a mark says that something was there."""
    shown = redact(text)

    assert secret not in shown
    assert MARK in shown


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] plugin/errors: 2 amazon.com. A: read udp 10.5.5.18:40310->10.28.0.2:53: i/o timeout",
        "E0605 07:51:49.326711 1 reflector.go:382] Failed to watch *v1.Secret: failed to list *v1.Secret: forbidden",
        "forward . 10.0.0.2 169.254.169.253",
        "2001:db8::5 and 192.168.1.1 answered",
        'cannot list resource "endpointslices" in API group "discovery.k8s.io" at the cluster scope',
        "plugin/kubernetes: /etc/coredns/Corefile:6 - Error during parsing: unknown property 'upstream'",
    ],
)
def test_dns_evidence_stays_as_it_is(line: str) -> None:
    """Addresses, names and error lines are what a diagnosis rests on: they are not touched."""
    assert redact(line) == line


def test_environment_entry_with_a_telling_name_loses_its_value() -> None:
    """`{name: DB_PASSWORD, value: …}` hides the value, and leaves its neighbours alone."""
    shown = redact_value({"env": [{"name": "DB_PASSWORD", "value": "abc"}, {"name": "REGION", "value": "eu"}]})

    assert shown == {"env": [{"name": "DB_PASSWORD", "value": MARK}, {"name": "REGION", "value": "eu"}]}


def test_long_string_is_cut_and_says_by_how_much() -> None:
    """Nothing is dropped in silence."""
    assert capped("abcdef", 4) == "abcd… (2 more characters)"


def test_what_is_cut_is_cut_before_and_after_secrets_are_taken_out() -> None:
    """A secret across the limit goes whole; what is far beyond it is counted, not read."""
    text = "x" * 90 + " password=hunter2hunter2hunter2" + "y" * 1_000

    shown = redact_and_cap(text, 100)

    assert "hunter2" not in shown
    assert shown.startswith("x" * 90 + " password=")
    assert shown.endswith("more characters)")
    assert redact_and_cap("abc", 100) == "abc"
    assert redact_and_cap("a b " * 10, 4) == "a b … (36 more characters)"


@given(st.text(max_size=200))
def test_redaction_is_total_and_settles(text: str) -> None:
    """Any text can be redacted, and redacting twice changes nothing more."""
    once = redact(text)

    assert redact(once) == once
