"""A real cluster with real packets on one Linux machine: the test tier that counts.

The same worlds, scenarios and simulated AWS as in the sandbox (`bot.sandbox`), but control plane, CoreDNS and
kube-proxy are the real programs, and consequences are the kernel's: nodes and pods are network namespaces, security
groups and network ACLs one packet filter. Needs Linux and root. `bot.network` is imported by
the fuzzer alone, which judges it, and by the fuzzer's test. Nothing in `bot` imports the lab.
"""
