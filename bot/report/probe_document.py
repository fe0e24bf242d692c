"""The Systems Manager document that looks a name up on an instance: the function's own program, its words held to form.

Systems Manager refuses a parameter that does not match its pattern, so that nothing but a host name and addresses gets
between the quotes of the command line (Systems Manager User Guide, "Data elements and parameters").
"""

from __future__ import annotations

import json

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"
ADDRESSES_PATTERN = r"^(none|[0-9A-Fa-f.:]{2,45}(,[0-9A-Fa-f.:]{2,45}){0,7})$"
_END = "DNSBOT_PROBE"


def probe_document(program: str) -> str:
    """Return the document as JSON; `program` is the text of `deploy/probe/dnsprobe.py`."""
    command = [
        f"""python3 - "{{{{ name }}}}" "{{{{ addresses }}}}" "{{{{ servers }}}}" <<'{_END}'""",
        *program.splitlines(),
        _END,
    ]
    document = {
        "schemaVersion": "2.2",
        "description": "Looks one name up and agrees on TLS with addresses at port 443, from this instance.",
        "parameters": {
            "name": {"type": "String", "description": "A host name", "allowedPattern": NAME_PATTERN},
            "addresses": {
                "type": "String",
                "description": "Addresses divided by commas, or none",
                "default": "none",
                "allowedPattern": ADDRESSES_PATTERN,
            },
            "servers": {
                "type": "String",
                "description": "Addresses of further DNS servers to ask, divided by commas, or none",
                "default": "none",
                "allowedPattern": ADDRESSES_PATTERN,
            },
        },
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "look",
                "precondition": {"StringEquals": ["platformType", "Linux"]},
                "inputs": {"timeoutSeconds": "20", "runCommand": command},
            }
        ],
    }
    return json.dumps(document, indent=2) + "\n"
