"""What secrets look like: tokens that show by their own form, and names whose values are secret. Pure.

The forms are those that makers of tokens document and that public rule sets (gitleaks, detect-secrets) look for. Each
pattern begins where a word begins and looks at each letter once or a bounded number of times: anybody may write the
text, and an unbounded repeat on either side of a name would take time by the cube of its length.
"""

from __future__ import annotations

import re
from functools import lru_cache

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_B64_PRIVATE = r"LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFURS|BFQyBQUklWQVRF|BPUEVOU1NIIFBSSVZBVEUg|BEU0EgUFJJVkFURS)"

_TOKENS = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY\b[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    rf"{_B64_PRIVATE}[A-Za-z0-9+/]*={{0,2}}",
    r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b|\bABSK[A-Za-z0-9+/]{100,}={0,2}|\bbedrock-api-key-[A-Za-z0-9+/=]{20,}",
    r"\bamzn\.mws\.[0-9a-f-]{36}\b",
    r"\bk8s-aws-v1\.[A-Za-z0-9_-]{8,}=*",
    r"(?<![A-Za-z0-9_-])(?:eyJ|ewogI)[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?|\bops_eyJ[A-Za-z0-9+/]{50,}={0,2}",
    r"\bx(?:ox[abeoprs]|app|wfp)[-.][A-Za-z0-9.-]{8,}",
    r"https://hooks\.slack(?:-gov)?\.com/(?:services|commands|actions|workflows|triggers)/[^\s\"'<>]+",
    r"https://[a-z0-9]{1,60}\.webhook\.office\.com/webhookb2/[^\s\"'<>]+",
    r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/webhooks/[^\s\"'<>]+",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bgl(?:pat|dt|ptt|rt|ft|soat|agent|cbt|oas|imt|ffct|wt)-[A-Za-z0-9_.-]{16,}|\bGR1348941[A-Za-z0-9_-]{20,}",
    r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}",
    r"\b[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{20,}|\bsk-[A-Za-z0-9_-]{20,}|\bpplx-[A-Za-z0-9]{32,}",
    r"\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{30,}|\brubygems_[a-f0-9]{40,}|\boy2[a-z0-9]{43}\b|\bCLOJARS_[A-Za-z0-9]{50,}",
    r"\bdo[opr]_v1_[a-f0-9]{40,}|\bhv[sbr]\.[A-Za-z0-9_-]{20,}|\bdapi[a-f0-9]{32}(?:-\d)?\b|\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bxkeysib-[a-f0-9]{40,}-[A-Za-z0-9]{10,}|\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us\d{1,2}\b",
    r"\bSK[0-9a-f]{32}\b|\bhf_[A-Za-z]{30,}|\bapi_org_[A-Za-z]{30,}|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|\bAGE-SECRET-KEY-1[A-Z0-9]{50,}",
    r"\bgl(?:c|sa)_[A-Za-z0-9+/=_]{30,}|\bNRAK-[A-Z0-9]{20,}|\bNR(?:JS|II)-[A-Za-z0-9_-]{15,}|\blin_(?:api|oauth)_[A-Za-z0-9]{30,}",
    r"\bAQVN[A-Za-z0-9_-]{35,}|\bLTAI[A-Za-z0-9]{16,}\b|\bAKCp[A-Za-z0-9]{60,}|\bATATT3[A-Za-z0-9_=-]{40,}|\bATCTT3[A-Za-z0-9_=-]{40,}|\bp8e-[a-z0-9]{32}\b",
    r"\bpscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.=-]{30,}|\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}|\bpnu_[A-Za-z0-9]{36}\b|\bpul-[a-f0-9]{40}\b|\brdme_[a-z0-9]{60,}",
    r"\bsntry[su]_[A-Za-z0-9+/=_-]{40,}|\bsq[upa]_[a-f0-9]{40}\b|\bsq0(?:atp|csp)-[A-Za-z0-9_-]{20,}|\bEAAA[A-Za-z0-9_-]{50,}|\bEAA[MC][A-Za-z0-9]{80,}",
    r"\bdt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{60,}|\btskey-[a-z]{2,10}-[A-Za-z0-9-]{16,}|\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|\bbkua_[a-z0-9]{40}\b|\bsbp_[a-f0-9]{40}\b",
    r"\bfigd_[A-Za-z0-9_-]{40}|\bCFPAT-[A-Za-z0-9_-]{40,}|\bntn_[0-9]{11}[A-Za-z0-9]{30,}|\bshippo_(?:live|test)_[a-f0-9]{40}\b|\bduffel_(?:test|live)_[A-Za-z0-9_=-]{40,}",
    r"\bEZ[AT]K[a-zA-Z0-9]{50,}|\bFLWSECK(?:_TEST)?-[a-hA-H0-9X-]{12,}|\bfio-u-[A-Za-z0-9_=-]{60,}|\bfm[12]r?_[A-Za-z0-9+/=_-]{60,}|\bfo1_[A-Za-z0-9_-]{40,}",
    r"\bHRKU-[A-Za-z0-9_-]{50,}|\bico-[A-Za-z0-9]{32}\b|\bAPI-[A-Z0-9]{26}\b|\bsha256~[A-Za-z0-9_-]{40,}|\bsecret_[A-Za-z0-9]{43}\b|\bs-s4t2(?:ud|af)-[a-f0-9]{60,}",
    r"\btk-us-[A-Za-z0-9_-]{40,}|\btfp_[A-Za-z0-9_.=-]{50,}|\bsm_(?:aat|pat|sat)_[A-Za-z0-9]{16,}|\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}|\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b",
    r"\bpk\.[A-Za-z0-9]{50,}\.[A-Za-z0-9]{20,}|\bpat\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9]{20,26}\.[A-Za-z0-9]{18,22}\b|\b\d{8,10}:AA[A-Za-z0-9_-]{32,35}",
    rf"\b(?:sdk|mob)-{_UUID}\b|\bHRKU-{_UUID}\b|\bA3-[A-Z0-9]{{6}}-[A-Z0-9]{{6}}-?[A-Z0-9]{{5}}(?:-[A-Z0-9]{{5}}){{3}}\b|\bv1\.0-[a-f0-9]{{24}}-[a-f0-9]{{100,}}",
    r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])",
)  # fmt: skip
WHOLE = re.compile("|".join(_TOKENS))
"""A secret by its own form, taken out whole."""

NAMES = (
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|"
    r"client[_-]?key|credential|creds|auth[_-]?key|signing[_-]?key|connection[_-]?string|conn[_-]?str|session[_-]?key|"
    r"account[_-]?key|encryption[_-]?key|master[_-]?key|license[_-]?key|deploy[_-]?key|app(?:lication)?[_-]?key|"
    r"consumer[_-]?key|service[_-]?key|routing[_-]?key|integration[_-]?key|write[_-]?key|webhook[_-]?url|subscription[_-]?key|_gitlab_session|"
    r"(?<![a-z0-9])(?:pass|pw|psk|jwt|pat)(?![a-z0-9])"
)
"""Parts of names that say that what stands under them is secret, in lower case."""
ABOUT = frozenset({
    "name", "names", "ref", "refs", "reference", "file", "files", "filename", "path", "paths", "dir", "directory",
    "type", "kind", "class", "expiry", "expiration", "expires", "seconds", "minutes", "ttl", "timeout", "age", "count",
    "length", "size", "limit", "version", "url", "uri", "endpoint", "host", "audience", "audiences", "issuer", "policy",
    "provider", "store", "volume", "mount", "rotation", "review", "reviews", "request", "requests", "controller",
    "enabled", "required", "lookup", "manager", "namespace", "projection", "service", "status", "reason", "error",
    "errors", "algorithm", "arn", "region", "mode", "source",
})  # fmt: skip
"""Last words of names that tell of a secret and hold none: `secretName`, `tokenExpirationSeconds`."""
OBJECTS = frozenset({"imagepullsecrets", "serviceaccounttoken", "serviceaccounttokens", "maxtokens", "max_tokens"})
"""Fields of Kubernetes that name objects or switch something, whatever their names say."""
_ONE_NAME = re.compile(NAMES)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS = re.compile(r"[a-z0-9]+")
LONGEST_NAME = 400


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Return whether a value under this name is hidden whatever it is: `dbPassword`, and `secretName` not."""
    plain = _CAMEL.sub("_", name[-LONGEST_NAME:]).lower()
    if _ONE_NAME.search(plain) is None and _ONE_NAME.search(name.lower()) is None:
        return False
    words = _WORDS.findall(plain)
    if words[-2:] == ["webhook", "url"]:
        return True
    return words[-1] not in ABOUT and not "".join(words).endswith(tuple(OBJECTS))
