"""One file a conclusion: `judge()` and `RULE`. Pure: no client, no clock, no I/O.

May import evidence classes from `collectors`, and `dns`, `network`, `domain`, `errors`. Found by folder walk.
"""
