from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.json_values import JsonObject
from bot.domain.redaction import MARK, capped, redact, redact_and_cap, redact_value
from tests.domain.redaction_corpus import PLAIN, SECRETS, planted

NUMBERED = {f"{at} {text[:40]!r}": text for at, text in enumerate(SECRETS)}


@pytest.mark.parametrize("form", NUMBERED.values(), ids=NUMBERED)
def test_secret_is_taken_out(form: str) -> None:
    """Every planted secret is gone, and a mark says that something was there; a second time changes nothing."""
    text, secrets = planted(form)

    shown = redact(text)

    assert [secret for secret in secrets if secret in shown] == []
    assert MARK in shown
    assert redact(shown) == shown


@pytest.mark.parametrize("line", PLAIN, ids=[text[:40] for text in PLAIN])
def test_what_people_need_stays_as_it_is(line: str) -> None:
    """Addresses, ids, host names, Corefile keys and error lines are what a diagnosis rests on: they are not touched."""
    assert redact(line) == line


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    """200 forms at least, in both directions, none twice."""
    assert len({*SECRETS, *PLAIN}) == len(SECRETS) + len(PLAIN) >= 200
    assert len(SECRETS) >= 150
    assert len(PLAIN) >= 75


@pytest.mark.parametrize("blank", [" ", "\n", "\t"])
def test_a_secret_is_found_among_many_words(blank: str) -> None:
    """Words that only resemble a secret's beginning stay, those beside it, too."""
    names = [f"skpw-{number}" for number in range(100)]

    shown = redact(blank.join([*names, "token=Zm9vYmFyYmF6cXV4", *names]))

    assert shown == blank.join([*names, f"token={MARK}", *names])


VALUES = {
    "a list": {"passwords": ["hunter2hunter2"]},
    "a mapping": {"password": {"value": "hunter2hunter2", "name": "db"}},
    "camel case": {"dbPassword": "hunter2hunter2"},
    "one word": {"DBPASSWORD": "hunter2hunter2"},
    "an environment entry": {"env": [{"name": "DB_PASSWORD", "value": "hunter2hunter2"}]},
    "an entry from elsewhere": {"name": "DB_PASSWORD", "valueFrom": {"text": "hunter2hunter2"}},
    "arguments": {"args": ["--password", "hunter2hunter2", "--port", "3306"]},
    "docker's configuration": {"auths": {"registry.example.com": {"auth": "hunter2hunter2"}}},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_secret_is_taken_out_of_documents(value: JsonObject) -> None:
    """In JSON the place says what is secret, whatever the text looks like."""
    assert "hunter2" not in str(redact_value(value))


def test_where_a_secret_is_kept_stays() -> None:
    """The name and the key of a Secret, token files and switches are no secrets, and people look for them."""
    value: JsonObject = {
        "env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
        "volumes": [{"secret": {"secretName": "coredns-tls", "defaultMode": 420}}],
        "automountServiceAccountToken": True,
        "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}],
        "imagePullSecrets": [{"name": "registry"}],
        "args": ["--token-file", "/run/token", "-conf", "/etc/coredns/Corefile"],
    }

    assert redact_value(value) == value


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


PIECES = [*(planted(form)[0] for form in SECRETS), *PLAIN, MARK, "=", ": ", '"', "\n", "[", "{", "}", ","]


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=4).map("".join)))
def test_redaction_is_total_and_settles(text: str) -> None:
    """Any text can be redacted, and redacting twice changes nothing more."""
    once = redact(text)

    assert redact(once) == once


def test_schemas_of_secrets_are_no_secrets() -> None:
    """The API describes its kinds: what a field is called, what it is, and what it refers to."""
    schemas: JsonObject = {
        "io.k8s.api.core.v1.SecretKeySelector": {
            "type": "object",
            "required": ["key"],
            "properties": {"key": {"type": "string"}},
        },
        "io.k8s.api.core.v1.ServiceAccount": {
            "properties": {"secrets": {"type": "array", "items": {"$ref": "#/components/schemas/ObjectReference"}}}
        },
    }

    assert redact_value(schemas) == schemas
