"""One file a repair: `plan()`, `read()`, `apply()`, `inverse()`, `FIX`.

May import evidence classes from `collectors`, and `dns`, `network`, `domain`, `errors`. Found by folder walk.
"""
