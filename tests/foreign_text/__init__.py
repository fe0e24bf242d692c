"""Texts that others choose: what every pattern and parser of the tree must take."""
