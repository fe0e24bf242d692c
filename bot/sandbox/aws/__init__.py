"""A simulated AWS: moto behind HTTP, with the gaps closed that a DNS bot touches.

Its own process (`python -m bot.sandbox.aws`): moto is patched in place when the server starts, never on import
and never in the process of the bot. What is not implemented answers an error in AWS's own shape with status 501.
May import moto and botocore; imports nothing else of `bot`.

What differs from AWS on purpose: everything is ACTIVE at once; nothing is billed, and no packet moves.
The control routes under `/sandbox/` are described in `control.py` and `seeding.py`.
"""
