"""The six verbs, put in order: catalogue, load_playbook, diagnose, propose, approve, apply, verify.

Knows units only through `domain`; they are handed in. Imports no vendor.
"""
