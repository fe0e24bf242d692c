"""Runs work outside the request that asked for it. Adapters of one port."""
