"""Machines in the VPCs that AWS runs programs on for others: an instance's agent, a function's worker.

Their shell and Python are real; their sockets and their /etc/resolv.conf are those of a host in the simulated network.
"""
