"""Secrets taken out of text before it is stored, shown or logged. IP addresses and host names stay.

Patterns cover what turns up in pod logs, environment values, events, Corefiles and error texts:
AWS, Slack, GitHub, Google and Stripe keys, JSON Web Tokens, EKS tokens, bearer and basic
credentials, URLs with a password, PEM private keys, and assignments to names that say secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

from bot.domain.json_values import JsonObject, JsonValue

MARK = "[redacted]"
MAX_STRING = 4_000
"""Characters kept of one string; the rest is counted, not kept."""
_NO_TEXT = frozenset({int, float, bool, type(None)})

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|"
    r"credentials?|auth[_-]?key|signing[_-]?key|connection[_-]?string|session[_-]?key"
)

_WHOLE = re.compile(
    "|".join(  # noqa: FLY002  # one kind of secret a line
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b",
            r"\bk8s-aws-v1\.[A-Za-z0-9_-]{8,}=*",
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?",
            r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{8,}",
            r"https://hooks\.slack\.com/(?:services|commands|actions|workflows)/[^\s\"'<>]+",
            r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}",
            r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}",
            r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|\bsk-[A-Za-z0-9_-]{20,}",
            r"\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{30,}|\bdop_v1_[a-f0-9]{40,}|\bhv[sb]\.[A-Za-z0-9_-]{20,}",
        )
    )
)
_URL_USER = re.compile(r"(?<![a-zA-Z0-9+.-])([a-zA-Z][a-zA-Z0-9+.-]*+://)[^\s/:@\"'<>]*:[^\s/@\"'<>]+@")
_SCHEME = re.compile(r"(?i)\b((?:proxy-)?authorization\"?\s*[:=]\s*\"?)?(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_AWS_QUERY = re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+")
_ASSIGNED = re.compile(
    rf"(?i)(?<![A-Za-z0-9_.-])(?=[A-Za-z0-9_.-]*?(?:{_NAMES}))([A-Za-z0-9_.-]++[\"']?\s*+(?:=|:(?!:))\s*+)"
    r"(\"[^\"\n]{1,4000}\"|'[^'\n]{1,4000}'|[^\s,;\"'}{)\]]{3,})"
)
_FLAG = re.compile(rf"(?i)(?<![A-Za-z0-9_.-])(?=--?[a-z0-9_-]*?(?:{_NAMES}))(--?[a-z0-9_-]++\s++)(?!-)([^\s\"']{{3,}})")
"""Like the one before it begins where a word begins and looks at each of its letters once: anybody may write the text,
and an unbounded repeat on either side of the name would take time by the cube of its length."""
_KUBERNETES_TYPE = re.compile(r"v\d{1,2}(?:(?:alpha|beta)\d{1,2})?\.[A-Z]\w{0,100}:")
"""In a reflector line: `*v1.Secret: failed to list`."""
_SECRET_NAME = re.compile(rf"(?i)(?:^|[_.-])(?:{_NAMES})s?(?:$|[_.-])")
_SUSPECT = re.compile(
    rf"(?i){_NAMES}|bearer|basic|://[^\s/]*@|x-amz-|-----BEGIN|eyJ|xox|xapp-|k8s-aws-v1|hooks\.slack|gh[pousr]_|"
    r"github_pat|glpat|AIza|ya29|k_live|k_test|\bsk-|npm_|pypi-|dop_v1|hv[sb]\.|A(?:KIA|SIA|BIA|CCA|ROA|IDA)"
)


def redact(text: str) -> str:
    """Return `text` without secrets. What stays is unchanged."""
    if len(text) < 8 or _SUSPECT.search(text) is None:  # noqa: PLR2004  # shorter than any secret we know
        return text
    text = _WHOLE.sub(MARK, text)
    text = _URL_USER.sub(rf"\g<1>{MARK}@", text)
    text = _SCHEME.sub(lambda match: f"{match[1] or ''}{match[2]} {MARK}", text)
    text = _AWS_QUERY.sub(rf"\g<1>{MARK}", text)
    text = _ASSIGNED.sub(_keep_plain_words, text)
    return _FLAG.sub(rf"\g<1>{MARK}", text)


def _keep_plain_words(match: re.Match[str]) -> str:
    value = match[2].strip("\"'")
    if _KUBERNETES_TYPE.match(match[1]) and match.string[: match.start()].endswith("*"):
        return match[0]
    if value in {"true", "false", "null", "None", MARK} or value.startswith("["):
        return match[0]
    return f"{match[1]}{MARK}"


def redact_value(value: JsonValue) -> JsonValue:
    """Return JSON with every string redacted and cut at 4,000 characters.

    A string under a key that names a secret, or beside a `name` that does (an environment entry),
    is redacted whole.
    """
    if isinstance(value, str):
        return redact_and_cap(value)
    if isinstance(value, Mapping):
        return redact_object(value)
    if isinstance(value, Sequence):
        return _redact_list(value)
    return value


def names_a_secret(name: str) -> bool:
    """Return whether a value under this key is hidden whatever it is."""
    return _SECRET_NAME.search(name) is not None


def _redact_list(values: Sequence[JsonValue]) -> list[JsonValue]:
    """Redact a list; thousands of texts in which nothing is suspect are looked through as one."""
    kinds = set(map(type, values))
    if kinds <= _NO_TEXT:
        return list(values)
    if kinds == {str}:
        texts = cast("Sequence[str]", values)
        if max(map(len, texts)) <= MAX_STRING and _SUSPECT.search("\n".join(texts)) is None:
            return list(values)
    return [redact_value(item) for item in values]


def redact_object(mapping: JsonObject) -> dict[str, JsonValue]:
    """Return a JSON object as `redact_value` does."""
    named = mapping.get("name")
    names_secret = isinstance(named, str) and names_a_secret(named)
    result: dict[str, JsonValue] = {}
    for key, item in mapping.items():
        shown, secret = _key(key)
        hidden = secret or (key == "value" and names_secret)
        result[shown] = MARK if hidden and isinstance(item, str) and item else redact_value(item)
    return result


@lru_cache(maxsize=4096)
def _key(key: str) -> tuple[str, bool]:
    """Return a key without secrets, and whether what stands under it is hidden: documents repeat few keys often."""
    return redact(key), names_a_secret(key)


def redact_and_cap(text: str, limit: int = MAX_STRING) -> str:
    """Return `text` without secrets, or its first `limit` characters: what is far beyond them is not even read."""
    read = text[: 2 * limit]  # a secret that begins before the limit is taken out whole
    kept = redact(read)
    beyond = len(text) - len(read)
    if len(kept) <= limit:
        return f"{kept}… ({beyond} more characters)" if beyond else kept
    return f"{kept[:limit]}… ({len(kept) - limit + beyond} more characters)"


def capped(text: str, limit: int = MAX_STRING) -> str:
    """Return `text`, or its first `limit` characters and how many more there were."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"
