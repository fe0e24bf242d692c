"""One file a source of evidence: evidence class, `collect()`, `COLLECTOR`. Read-only.

May import `dns`, `network`, `domain`, `errors`; never a client, a rule or a fix. Found by folder walk.
"""
