"""Text in, values out: resolv.conf, Corefile, CoreDNS and kube-proxy log lines, answers of lookup tools.

Pure parsers and nothing else: no I/O, no clock. May import `bot.domain` and `bot.errors`.
"""
