"""The words of the trade: evidence, findings, plans, decisions, and the ports to the outside.

Here live frozen values and Protocols. No I/O, no vendor, nothing but the standard library and
`bot.errors`; every other package may import this one.
"""
