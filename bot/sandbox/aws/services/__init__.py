"""Simulated services: one file each, which exports `SERVICE` (see `service.py`). A new one is a new file."""
