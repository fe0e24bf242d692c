"""Compares `bot.network`'s way of a name with what real resolvers answer, in random worlds of three VPCs.

A world is drawn, written to simulated AWS by its API, and read from there twice: by the lab, which lets real CoreDNS
processes and packet filters be so, and by the bot's own collectors.
"""
