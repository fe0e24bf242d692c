"""A Corefile as values, by the grammar of coredns/caddy: words, server blocks, imports, and what CoreDNS takes.

`reading` makes the tree, `checking` says whether CoreDNS starts with it. Pure: files that a Corefile imports are
handed in as text.
"""
