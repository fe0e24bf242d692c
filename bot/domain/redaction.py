"""Secrets taken out of text before it is stored, shown or logged. IP addresses, ids and host names stay.

What turns up in pod logs, environment values, events, Corefiles and error texts: tokens that show by their own form
(`secret_forms`), credentials of URLs, HTTP headers and command lines, and assignments to names that say secret.
`tests/domain/redaction_corpus.py` holds what must go and what must stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

from bot.domain.json_values import JsonObject, JsonValue
from bot.domain.secret_forms import ABOUT, NAMES, OBJECTS, WHOLE, names_a_secret

MARK = "[redacted]"
MAX_STRING = 4_000
"""Characters kept of one string; the rest is counted, not kept."""
NOT_STORED = f"text that the bot does not store (a secret, or more than {MAX_STRING:,} characters)"
"""Why what was read may not be written back: the whole of it was never kept."""
_NO_TEXT = frozenset({int, float, bool, type(None)})

_ABOUT_SECRETS = "(?:(?<=webhook_url)|{})".format("".join(f"(?<!{word})" for word in sorted(ABOUT | OBJECTS)))
_NAME = rf"(?<![A-Za-z0-9_.-])(?=[A-Za-z0-9_.-]*?(?:{NAMES}))[A-Za-z0-9_.-]++{_ABOUT_SECRETS}"
"""A name that says secret, from where it begins; `secretName` and `tokenFile` only tell of one."""
_BEFORE_VALUE = r"(?:\\?[\"'])?\s*+(?:=>?|:(?!:)=?|%3d)\s*+"
_BARE = r"(?:[^\s,;\"'}{)\]\\]|\\(?![\"'n])|[,;}](?=[^\s,;\"'}{)\]\\])(?![\w.-]{1,64}(?:\\?[\"'])?\s{0,3}[=:]))"
"""A letter of a value without quotes; a comma ends it where another name follows."""
_QUOTED = r"\\\"[^\"\\\n]{1,4000}\\\"|\"(?:[^\"\\\n]|\\.){1,4000}\"|'[^'\n]{1,4000}'"

_URL_USER = re.compile(
    r"(?<![a-zA-Z0-9+.-])([a-zA-Z][a-zA-Z0-9+.-]*+://)"
    r"(?:[^\s/:@\"'<>]{0,200}:(?!\d{1,5}(?:[/?#,\s]|$))[^\s\"'<>,]{1,300}|[A-Za-z0-9_-]{20,200})@"
)
_AUTHORIZATION = re.compile(
    r"(?i)\b((?:proxy-)?authorization(?:\\?[\"'])?\s*[:=]\s*)"
    r"(?:(\\?\")([a-z0-9-]{2,20} )?[^\"\\\n]{3,4000}|"
    r"([a-z0-9-]{2,20} )?(?:=\"[^\"\n]{0,300}\"|[^\s\"'\\]|[ \t](?=\S)){3,4000})"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic|ssws)\s+[A-Za-z0-9._~+/=-]{8,}")
_COOKIE = re.compile(
    r"(?i)\b((?:set-)?cookie2?(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?)[^\s=\"'\\]{1,200}=[^\n\"'\\]{1,4000}"
)
_SIGNED = re.compile(
    r"(?i)(?<![A-Za-z0-9])((?:X-(?:Amz|Goog)-(?:Signature|Credential|Security-Token)|Signature|sig|AWSAccessKeyId)"
    r"(?:=|%3d))[^&\s\"',\\]+"
)
_ASSIGNED = re.compile(rf"(?i)({_NAME}{_BEFORE_VALUE})({_QUOTED}|{_BARE}{{3,}})")
_NESTED = re.compile(
    rf"(?i)({_NAME}{_BEFORE_VALUE})([\[{{](?:[^\[\]{{}}]|[\[{{][^\[\]{{}}]{{0,500}}[\]}}]){{1,2000}}[\]}}])"
)
_MEMBER = re.compile(r"(\\?\"(?:[^\"\\\n]|\\[^\"\n])*\\?\"|'[^'\n]*'|[^\s,{}\[\]\"':\\]+)(\s*:)?")
_YAML_LINE = re.compile(rf"(?im)^([ \t#/*-]*{_NAME}[\"']?:[ \t]+)([^\n,;={{}}:\"']+)$")
_YAML_BLOCK = re.compile(
    rf"(?im)^([ \t]*)((?:- )?[\"']?{_NAME}[\"']?:[ \t]*[|>][+-]?\d?[ \t]*\n)((?:\1[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)"
)
_ELEMENT = re.compile(rf"(?i)(<(?:[\w-]{{1,40}}:)?{_NAME}(?:\s[^<>]{{0,200}})?>)[^<]{{1,4000}}(?=</)")
_FLAG = re.compile(
    rf"(?i)(?<![A-Za-z0-9_.-])(?=--?[a-z0-9_-]*?(?:{NAMES}))(--?[a-z0-9_-]++{_ABOUT_SECRETS}(?:\s++|\s*\\?[\"'],\s*)"
    r"(?:\\?[\"'])?)(?!-)([^\s\"'\\]{3,})"
)
_DOCKER_AUTH = re.compile(r"(\\?\"auth\\?\"\s*:\s*\\?\")[A-Za-z0-9+/=_-]{8,}")
_PROGRAMS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]?\s{0,3}[\"']?[^\s:\"']{1,100}:)[^\s\"']{2,}",
        r"(\b(?:mysql|mariadb)[a-z-]{0,10}\b[^\n]{0,300}?\s-p[\"']?)[^\s\"']{3,}",
        r"(\b(?:sshpass|docker login|podman login|helm registry login)\b[^\n]{0,300}?\s-p[ =]?[\"']?)[^\s\"']{3,}",
        r"(\bredis-cli\b[^\n]{0,300}?\s-a\s{1,3}[\"']?)[^\s\"']{3,}",
        r"(\bsmbclient\b[^\n]{0,300}?\s-U\s{0,3}[^\s%]{1,100}%)\S{3,}",
        r"(\bpass:)[^\s\"':]{3,}",
        r"((?i:\blogin\s{1,3}\S{1,100}\s{1,3}password\s{1,3}))\S{3,}",
        r"(\b(?:requirepass|masterauth)\s{1,3})\S{3,}",
        r"((?i:\b(?:identified\s{1,3}by|password)\s{1,3}'))[^'\n]{1,400}",
        r"(\baws_access_key[ \t]+)\S{3,}(?:[ \t]+\S{3,})?",
        r"((?m:^)[ \t]*credentials[ \t]{1,8}\S{1,200}[ \t]{1,8})\S{3,}",
        r"(\bsecret[ \t]{1,8}(?:[A-Za-z0-9_.-]{1,200}[ \t]{1,8})?\"?)[A-Za-z0-9+/]{16,}={0,2}",
        r"(\bhmac-(?:md5|sha\d{1,3}):[^\s:]{1,255}:)[^\s\"']{3,}",
        r"()(?<![A-Za-z0-9$])\$(?:1|2[aby]|5|6|7|y|argon2id?)\$[./A-Za-z0-9$,=+]{8,}",
    )
)
"""Command lines and configuration of single programs; CoreDNS's route53, etcd and tsig are among them."""
_KUBERNETES_TYPE = re.compile(r"v\d{1,2}(?:(?:alpha|beta)\d{1,2})?\.[A-Z]\w{0,100}:")
"""In a reflector line: `*v1.Secret: failed to list`."""
_NAMES_A_KIND = re.compile(r"[a-z0-9.-]{1,100}\.v\d{1,2}(?:(?:alpha|beta)\d{1,2})?\.[A-Z][A-Za-z]{0,100}")
"""A kind in the API's own schemas: `io.k8s.api.core.v1.SecretKeySelector`."""
_LONGEST_PORT = 5
_SHORT = 60
_MOST_ROUNDS = 4
_PROSE = frozenset({
    "access", "api", "an", "authentication", "cannot", "could", "context", "denied", "dial", "error", "expired",
    "failed", "forbidden", "get", "http", "invalid", "is", "missing", "no", "none", "not", "oauth2", "operation",
    "permission", "post", "put", "request", "rpc", "secret", "secrets", "serviceaccounts", "status", "the", "timeout",
    "timed", "tls", "token", "unable", "unauthorized", "unexpected", "unknown", "x509", "401", "403", "404", "500",
})  # fmt: skip
"""What an error goes on with behind a colon and a blank: `cannot fetch token: unexpected status`."""
_REFERENCES = frozenset(
    {"name", "key", "secretname", "path", "optional", "defaultmode", "namespace", "fieldpath", "type", "$ref"}
)
"""Fields that name a secret's place or kind, and hold none; the last two in a schema, too."""
_PLAIN = frozenset({"true", "false", "null", "none", "redacted", MARK})
_SUSPECT = re.compile(
    rf"(?i){NAMES}|bearer|basic|ssws|authorization|cookie|://[^\s]{{1,500}}@|x-amz-|x-goog-|signature|\bsig(?:=|%3d)|"
    r"AWSAccessKeyId|-----BEGIN|LS0tLS1CRUdJTi|eyJ|ewogI|xox|xapp-|xwfp|hooks\.slack|webhook|gh[pousr]_|github_pat|"
    r"\bgl[a-z]{1,5}[_-]|GR1348941|AIza|ya29|GOCSPX|[rs]k_|whsec_|\bsk-|pplx-|npm_|rubygems|\boy2|clojars|do[opr]_v1|"
    r"hv[sbr]\.|dapi|\bdp\.|\bSG\.|xkeysib|\bkey-|-us\d|\bSK[0-9a-f]{8}|\bhf_|api_org_|shp(?:at|ca|pa|ss)_|NRAK|"
    r"NR(?:JS|II)-|\blin_|AQVN|LTAI|AKCp|AT[AC]TT3|p8e-|pscale_|PMAK|\bpnu_|\bpul-|rdme_|sntry|\bsq[upa0]|EAA[AMC]|"
    r"dt0c01|tskey|dckr_|bkua_|\bsbp_|figd_|CFPAT|\bntn_|shippo_|duffel_|EZ[AT]K|FLWSECK|fio-u|\bfm[12]|\bfo1_|HRKU|"
    r"\bico-|\bAPI-|sha256~|s-s4t2|tk-us-|\btfp_|\bsm_|atlasv1|\bpat|\bpk\.|:AA|\b(?:sdk|mob)-|\bA3-|v1\.0-|k8s-aws-v1|\dQ~|"
    r"amzn\.mws|ABSK|bedrock-api|pypi-|A(?:KIA|SIA|BIA|CCA|ROA|IDA)|\"auth|curl|mysql|mariadb|sshpass|login|redis-cli|"
    r"smbclient|pass:|requirepass|masterauth|identified|hmac-|\$(?:1|2|5|6|7|y|argon)"
)
_HINTS = (
    "pass", "pwd", "pw", "secret", "token", "key", "cred", "conn", "webhook", "_session", "psk", "jwt", "pat", "bearer",
    "basic", "ssws", "auth", "cookie", "@", "x-amz", "x-goog", "signature", "sig=", "sig%", "-----begin",
    "ls0tls1crudjti", "eyj", "ewogi", "xox", "xapp", "xwfp", "hooks.", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "glpat",
    "gldt", "glptt", "glrt", "glft",
    "glsoat", "glagent", "glcbt", "gloas", "glimt", "glffct", "glwt", "glc_", "glsa_",
    "gr1348941", "aiza", "ya29", "gocspx", "sk", "rk_", "whsec", "pplx", "npm_", "pypi-", "rubygems", "oy2", "clojars",
    "dop_", "doo_", "dor_", "hvs.", "hvb.", "hvr.", "dapi", "dp.", "sg.", "-us", "hf_", "api_", "api-",
    "shp", "nrak", "nrjs", "nrii", "lin_", "aqvn", "ltai", "akcp", "atatt3", "atctt3", "p8e-", "pscale", "pmak", "pnu_",
    "pul-", "rdme", "sntry",
    "squ", "sqp", "sqa", "sq0", "eaa", "dt0c01", "dckr", "bkua", "sbp_", "figd", "ntn_", "shippo", "duffel", "ezak",
    "eztk", "flwseck", "fio-u", "fm1", "fm2", "fo1_", "hrku", "ico-", "sha256~", "s-s4t2", "tk-us", "tfp_", "sm_",
    "atlasv1", "pk.", ":aa", "sdk-", "mob-", "a3-", "v1.0-", "q~", "amzn.mws", "absk", "akia", "asia", "abia", "acca",
    "aroa", "aida", "curl", "mysql", "mariadb", "login", "redis-cli", "smbclient", "identified", "hmac-", "$1$", "$2",
    "$5$", "$6$", "$7$", "$y$", "$argon", "k8s-aws-v1",
)  # fmt: skip
"""What stands in every text that `_SUSPECT` finds, in lower case: looked for first, since that takes least time."""


def _is_suspect(text: str) -> bool:
    return _is_short_and_suspect(text) if len(text) <= _SHORT else _looks_suspect(text)


@lru_cache(maxsize=4096)
def _is_short_and_suspect(text: str) -> bool:
    """Look at it once: three of four short texts of a diagnosis (states, addresses, times) stood there before."""
    return _looks_suspect(text)


def _looks_suspect(text: str) -> bool:
    """Search the words that hold a hint, and no others: nothing that `_SUSPECT` finds goes on beyond a blank."""
    lowered = text.lower()
    hints = [hint for hint in _HINTS if hint in lowered]
    return bool(hints) and any(
        _SUSPECT.search(word)
        for word, low in zip(text.split(), lowered.split(), strict=True)
        if any(hint in low for hint in hints)
    )


def redact(text: str) -> str:
    """Return `text` without secrets. What stays is unchanged, but for look-alike letters beside a secret."""
    if len(text) < 8:  # noqa: PLR2004  # shorter than any secret we know
        return text
    if text.isascii():
        return _without_secrets(text)
    # A name may be written with invisible or full-width letters, to be read by people and by no pattern.
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) not in {"Cf", "Mn"}
    )
    shown = _without_secrets(plain)
    return _without_secrets(text) if shown == plain else shown


def _without_secrets(text: str) -> str:
    """Take secrets out until none is left: what is taken out beside one may show where it begins or ends."""
    for _ in range(_MOST_ROUNDS):
        shown = _without_secrets_seen(text)
        if shown == text:
            break
        text = shown
    return text


def _without_secrets_seen(text: str) -> str:
    if not _is_suspect(text):
        return text
    text = WHOLE.sub(MARK, text)
    text = _URL_USER.sub(rf"\g<1>{MARK}@", text)
    text = _AUTHORIZATION.sub(lambda found: f"{found[1]}{found[2] or ''}{found[3] or found[4] or ''}{MARK}", text)
    text = _SCHEME.sub(rf"\g<1> {MARK}", text)
    text = _COOKIE.sub(rf"\g<1>{MARK}", text)
    text = _SIGNED.sub(rf"\g<1>{MARK}", text)
    text = _DOCKER_AUTH.sub(rf"\g<1>{MARK}", text)
    for program in _PROGRAMS:
        text = program.sub(rf"\g<1>{MARK}", text)
    text = _YAML_BLOCK.sub(lambda found: f"{found[1]}{found[2]}{found[1]}  {MARK}\n", text)
    text = _NESTED.sub(_inside, text)
    text = _ASSIGNED.sub(_keep_plain_words, text)
    text = _YAML_LINE.sub(_keep_plain_lines, text)
    text = _ELEMENT.sub(rf"\g<1>{MARK}", text)
    return _FLAG.sub(rf"\g<1>{MARK}", text)


def _is_host_and_port(text: str) -> bool:
    """Return whether this is `vault-token.kube-system.svc:8200`."""
    host, colon, port = text.rpartition(":")
    named = bool(colon) and "." in host and "=" not in host
    return named and port.isascii() and port.isdecimal() and len(port) <= _LONGEST_PORT


def _keep_plain_words(match: re.Match[str]) -> str:
    value = match[2].strip("\\\"'")
    if _KUBERNETES_TYPE.match(match[1]) and match.string[: match.start()].endswith("*") and "=" not in value:
        return match[0]
    if _is_host_and_port(match[0]):
        return match[0]
    prose = match[1][-1:].isspace() and value.lower().rstrip(".:") in _PROSE
    if prose or value.lower() in _PLAIN or value == MARK[:-1]:
        return match[0]
    return f"{match[1]}{MARK}"


def _keep_plain_lines(match: re.Match[str]) -> str:
    first = match[2].split(maxsplit=1)[0].lower() if match[2].strip() else ""
    return match[0] if first.rstrip(".") in _PROSE or match[2].strip().lower() in _PLAIN else f"{match[1]}{MARK}"


def _inside(match: re.Match[str]) -> str:
    """Take the values out of what stands in brackets under a secret's name."""
    key = ""

    def member(found: re.Match[str]) -> str:
        nonlocal key
        word = found[1].strip("\\\"'")
        if found[2]:
            key = word.lower()
            return found[0]
        kept = key in _REFERENCES or word.lower() in _PLAIN or not word
        return found[0] if kept else found[0].replace(word, MARK)

    inside = MARK.join(_MEMBER.sub(member, part) for part in match[2].split(MARK))
    return f"{match[1]}{inside}"


def redact_value(value: JsonValue) -> JsonValue:
    """Return JSON with every string redacted and cut at 4,000 characters.

    Every string under a key that names a secret, beside a `name` that does (an environment entry), or behind a flag
    that does (an argument list), is redacted whole.
    """
    if isinstance(value, str):
        return redact_and_cap(value)
    if isinstance(value, Mapping):
        return redact_object(value)
    if isinstance(value, Sequence):
        return _redact_list(value)
    return value


def _redact_list(values: Sequence[JsonValue]) -> list[JsonValue]:
    """Redact a list; thousands of texts in which nothing is suspect are looked through as one."""
    kinds = set(map(type, values))
    if kinds <= _NO_TEXT:
        return list(values)
    if kinds == {str}:
        texts = cast("Sequence[str]", values)
        joined = "\n".join(texts)
        if max(map(len, texts)) <= MAX_STRING and joined.isascii() and not _is_suspect(joined):
            return list(values)
    before = [None, *values[:-1]]
    return [
        _hidden(item) if _is_flag(flag, item) else redact_value(item) for flag, item in zip(before, values, strict=True)
    ]


def _is_flag(flag: JsonValue, value: JsonValue) -> bool:
    """Return whether a list's item is the value of the one before it: `--password`, `hunter2`."""
    if not isinstance(flag, str) or not isinstance(value, str) or value.startswith("-"):
        return False
    return flag.startswith("-") and "=" not in flag and names_a_secret(flag)


def redact_object(mapping: JsonObject) -> dict[str, JsonValue]:
    """Return a JSON object as `redact_value` does."""
    named = mapping.get("name")
    names_secret = isinstance(named, str) and names_a_secret(named)
    result: dict[str, JsonValue] = {}
    for key, item in mapping.items():
        shown, secret = _key(key)
        hidden = secret or (key in {"value", "valueFrom"} and names_secret)
        result[shown] = _hidden(item) if hidden else redact_value(item)
    return result


def _hidden(value: JsonValue) -> JsonValue:
    """Return a value with every text in it taken out, but those that name where a secret is kept."""
    if isinstance(value, str):
        return MARK if value else value
    if isinstance(value, Mapping):
        return {
            redact(key): redact_value(item) if key.lower() in _REFERENCES else _hidden(item)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return [_hidden(item) for item in value]
    return value


@lru_cache(maxsize=4096)
def _key(key: str) -> tuple[str, bool]:
    """Return a key without secrets, and whether what stands under it is hidden: documents repeat few keys often."""
    named = names_a_secret(key) and not _NAMES_A_KIND.fullmatch(key)
    return redact(key), named or key == "auth"


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
