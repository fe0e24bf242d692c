"""Kubernetes and AWS behind the ports of `domain`. Vendor errors become ours here and nowhere else.

The only package that imports boto3 and kubernetes. Each call is bounded by a deadline.
"""
