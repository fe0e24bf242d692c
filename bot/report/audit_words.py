"""What `dnsbot audit verify` says."""

from __future__ import annotations

from bot.domain.audit import AuditCheck
from bot.domain.json_values import JsonObject
from bot.report.wrapping import wrapped


def audit_text(check: AuditCheck) -> str:
    """Return the sentences, for a terminal."""
    return "\n".join(line for sentence in _sentences(check) for line in wrapped(sentence)) + "\n"


def _sentences(check: AuditCheck) -> list[str]:
    walked = check.walked
    found = [f"{walked.rows} rows of the audit chain are as they were written."]
    if walked.bad_row is not None:
        found = [f"ROW {walked.bad_row} IS THE FIRST BAD ONE: {walked.why}.", *found]
    found += check.strays
    if walked.plain:
        found.append(
            f"{walked.plain} of them are sealed without a key: whoever could write to the database could have made "
            "them anew. Set AUDIT_KEY."
        )
    if not check.heads:
        found.append(
            "No head was kept elsewhere to compare with: an end that was cut off is not seen. Set `audit:` in "
            "dnsbot.yaml, or name one with --head."
        )
    elif walked.bad_row is None:
        found.append(f"{check.heads} heads that were kept elsewhere agree.")
    if walked.head is not None:
        found.append(f"The last good row is {walked.head.text}")
    return found


def audit_json(check: AuditCheck) -> JsonObject:
    """Return the same as one object."""
    walked = check.walked
    return {
        "well": check.well,
        "rows": walked.rows,
        "rows_without_key": walked.plain,
        "first_bad_row": walked.bad_row,
        "why": walked.why,
        "strays": list(check.strays),
        "heads_compared": check.heads,
        "last_good_row": walked.head.text if walked.head is not None else None,
    }
