"""A simulated AWS: moto behind HTTP, with the gaps closed that a DNS bot touches.

Its own process (`python -m bot.sandbox.aws`): moto is patched in place when the server starts, never on import
and never in the process of the bot. What is not implemented answers an error in AWS's own shape with status 501.
A service that is more than moto's is a file in `services/`. May import moto and botocore; of `bot` only words and the
world's names.

What differs from AWS on purpose: changes are done at once unless the world gives them time; nothing is billed, and no
packet moves. The control routes under `/sandbox/` are described in `control_routes.py`, and of services beside them.
"""
