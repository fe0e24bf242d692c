"""An embedded Kubernetes API server, kept small, and a cluster behind it that moves from its own state.

Get and list with selectors and paging, logs, exec over websocket, strategic-merge patch with
conflicts, delete with preconditions, access review. Whatever it does not know it refuses with 501.
Consequences (a crashing CoreDNS, a silent lookup) are computed here from objects and from what the
AWS far end answers; nothing of the bot's own evaluators is used.
"""
