"""Pod Security admission, as far as pods are created here: what a namespace's label does not admit is refused.

Sources: Kubernetes documentation, "Pod Security Standards" and "Pod Security Admission"; pod-security-admission/policy,
whose wording this is.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.sandbox.kubernetes.refusals import not_admitted
from bot.sandbox.kubernetes.resources import PODS, Json

_ENFORCE = "pod-security.kubernetes.io/enforce"
_BASELINE_CAPABILITIES = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"}
    | {"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)


def check_pod_security(namespace: Json | None, pod: Json) -> None:
    """Refuse a pod that the level of its namespace does not admit; a namespace without a label admits all."""
    metadata = namespace["metadata"] if namespace else {}
    level = (metadata.get("labels") or {}).get(_ENFORCE, "privileged")
    if level == "privileged":
        return
    violated = [*_baseline(pod), *(_restricted(pod) if level == "restricted" else ())]
    if violated:
        why = f'violates PodSecurity "{level}:latest": {", ".join(violated)}'
        raise not_admitted(PODS, pod["metadata"]["name"], why)


def _containers(pod: Json) -> list[Json]:
    return [*(pod["spec"].get("containers") or []), *(pod["spec"].get("ephemeralContainers") or [])]


def _baseline(pod: Json) -> Iterator[str]:
    if pod["spec"].get("hostNetwork"):
        yield "host namespaces (hostNetwork=true)"
    for container in _containers(pod):
        added = set(((container.get("securityContext") or {}).get("capabilities") or {}).get("add") or [])
        beyond = ", ".join(f'"{one}"' for one in sorted(added - _BASELINE_CAPABILITIES))
        if beyond:
            yield (
                f'non-default capabilities (container "{container["name"]}" must not include {beyond} in '
                "securityContext.capabilities.add)"
            )


def _restricted(pod: Json) -> Iterator[str]:
    for container in _containers(pod):
        context, name = container.get("securityContext") or {}, container["name"]
        if context.get("allowPrivilegeEscalation") is not False:
            yield (
                f'allowPrivilegeEscalation != false (container "{name}" must set '
                "securityContext.allowPrivilegeEscalation=false)"
            )
        if context.get("runAsNonRoot") is not True:
            yield (f'runAsNonRoot != true (pod or container "{name}" must set securityContext.runAsNonRoot=true)')
        if context.get("runAsUser") == 0:
            yield f'runAsUser=0 (container "{name}" must not set runAsUser=0)'
