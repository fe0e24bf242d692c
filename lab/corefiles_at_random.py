"""Random Corefiles: plugins with arguments that fit and that do not, snippets, several blocks, mutations."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

_OPTIONS = {
    "acl": "allow block filter drop",
    "any": "",
    "auto": "directory reload upstream",
    "autopath": "",
    "bind": "except",
    "bufsize": "",
    "cache": "success denial prefetch serve_stale serve_stale_policy servfail disable keepttl",
    "cancel": "",
    "chaos": "",
    "debug": "",
    "dns64": "prefix translate_all allow_ipv4",
    "dnssec": "key cache_capacity",
    "erratic": "drop delay truncate large",
    "errors": "stacktrace consolidate",
    "file": "fallthrough reload reload_by_mtime upstream",
    "forward": "except max_fails max_connect_attempts health_check force_tcp prefer_udp tls tls_servername expire"
    " max_age max_idle_conns read_timeout doh_method policy max_concurrent next next_on_nodata"
    " failfast_all_unhealthy_upstreams failover resolver source_address",
    "header": "query response",
    "health": "lameduck",
    "hosts": "fallthrough fallthrough_unsupported no_reverse ttl reload 10.0.0.1",
    "kubernetes": "endpoint_pod_names pods namespaces endpoint tls labels namespace_labels fallthrough ttl noendpoints"
    " zonal ignore multicluster startup_timeout apiserver_qps apiserver_burst apiserver_max_inflight"
    " upstream resyncperiod",
    "loadbalance": "reload prefer",
    "local": "localhost_prefix",
    "log": "class",
    "loop": "",
    "metadata": "",
    "minimal": "",
    "multisocket": "",
    "nsid": "",
    "pprof": "block",
    "prometheus": "runtime_metrics tls",
    "ready": "monitor",
    "reload": "",
    "rewrite": "name class type",
    "root": "",
    "secondary": "transfer catalog fallthrough",
    "template": "match answer additional authority rcode ederror fallthrough upstream",
    "timeouts": "read write idle maxtcpqueries",
    "trace": "every service client_server datadog_analytics_rate zipkin_max_backlog_size zipkin_max_batch_interval",
    "transfer": "to source",
    "view": "expr",
    "whoami": "",
    "proxy": "",
    "federation": "",
    "unknown": "x",
}
"""Plugins with their options, beside some that no CoreDNS has."""
_FITTING = {
    "acl": ("type A net 10.0.0.0/8", "net *", "type * net 10.0.0.1 fd00::/8", "type", "net 10.0.0.0/33"),
    "cache": (
        "30",
        "success",
        "9984 30",
        "100 3600 5",
        "5 1m 10%",
        "1h verify 1s",
        "1h immediate 30s",
        "5m",
        "6m",
        "denial",
    ),
    "dns64": ("64:ff9b::/96", "10.0.0.0/8", "64:ff9b::/95"),
    "erratic": ("2", "2 100ms", "-1"),
    "errors": ("stdout", '5m ".* timeout$" warning', "5m .*", "30s a show_first warning", "30s ( error"),
    "forward": (
        ". /etc/resolv.conf",
        ". 10.0.0.2 10.0.0.3:54",
        "corp. tls://10.0.0.2",
        ". [fd00::1]:53 fd00::2",
        ".",
        "1000",
    ),
    "header": ("set aa ra", "clear rd", "set", "set zz"),
    "health": (":8080", "5s", "x"),
    "hosts": ("/etc/hosts a.example", "a.example b.example", "60", "5s"),
    "kubernetes": (
        "cluster.local in-addr.arpa ip6.arpa",
        "in-addr.arpa",
        "insecure",
        "30",
        "3601",
        "a=b",
        "empty_service",
    ),
    "log": (". {combined}", "all denial", "a.example"),
    "loadbalance": ("round_robin", "weighted", "weighted w", "10.0.0.0/8"),
    "prometheus": (":9153", "0.0.0.0:9153", "9153"),
    "ready": (":8181", "continuously"),
    "reload": ("2s 1s", "1s", "30s 0s", "30s 15s 1s"),
    "rewrite": (
        "name a.example b.example",
        "stop type ANY HINFO",
        "class CH IN",
        "name exact a b",
        "name near a b",
        "ttl a 5",
    ),
    "secondary": ("from 10.0.0.2", "from *", "to 10.0.0.2"),
    "template": (
        "IN A",
        "ANY ANY corp.",
        '"{{ .Name }} 60 IN A 10.0.0.1"',
        "NXDOMAIN",
        "^ip-.*$",
        "21 reason",
        "IN B1",
    ),
    "trace": ("zipkin localhost:9411", "jaeger x", "0.5", "true"),
    "transfer": ("*", "10.0.0.2 fd00::1", "a.example"),
}
"""What this plugin or its options may be given, among things that they may not."""
_WORDS = (
    *("0", "1", "30", "-1", "512", "4096", "70000", "99999999999999999999", "1.5", "x", "10%", "5s", "1m30s", "100ms"),
    *("-5s", "5x", ".", "a.example", "corp.example.:54", "10.0.0.1", "10.0.0.1:53", "fd00::1", "[fd00::1]:53"),
    *("10.0.0.0/16", ":9153", "on", "off", "all", "IN", "A", "NXDOMAIN", "noerror", "GET", "random", "sequential"),
    *("verify", "*", '"a b"', '""', '"q\\"q"', "{", "}", "(", ".*", '"^a$"', "/etc/resolv.conf"),
)  # fmt: skip
_KEYS = (
    ".:53", ".", "a.example", "a.example:54, b.example", "a.example,\nb.example", "tls://.:853", "10.0.0.0/15", "dns://c.example",
    "fd00::/16:53", "a..example", "a.example:", ":53", "d.example:x", "https://e.example", "10.0.0.0/33", ".:70000", "grpc://.",
)  # fmt: skip
_NOISE = (
    *("", "{", "}", "\n", " ", '"', "#", ",", "\\", "import one", "import nowhere", "\n}\n", "(one)", "\r", "\u00a0"),
    *("a", " { "),
)  # fmt: skip
_HALF = 0.5


def _of(random: Random, *choices: str) -> str:
    return random.choice(choices)


def _arguments(random: Random, name: str) -> str:
    fitting = _FITTING.get(name, ("",))
    given = " ".join(random.choice(_WORDS) for _ in range(random.randrange(4)))
    return _of(random, random.choice(fitting), random.choice(fitting), "", given)


def _plugin(random: Random) -> str:
    name = random.choice(sorted(_OPTIONS))
    head = f"{name} {_arguments(random, name)}".rstrip()
    names = _OPTIONS[name].split()
    if not names or random.random() < _HALF:
        return head
    lines = [
        f"    {random.choice([*names, *names, 'junk'])} {_arguments(random, name)}\n"
        for _ in range(random.randrange(4))
    ]
    return f"{head} {{\n{''.join(lines)}  }}"


def _block(random: Random) -> str:
    key = random.choice(_KEYS[:4] if random.random() < _HALF else _KEYS)
    plugins = [
        random.choice([_plugin(random), _plugin(random), _plugin(random), "import one"])
        for _ in range(random.randrange(4))
    ]
    return f"{key} {{\n" + "".join(f"  {plugin}\n" for plugin in plugins) + "}\n"


def corefile(random: Random) -> str:
    """Return a Corefile: some are taken, most are refused, for one reason each more often than for several."""
    snippet = f"(one) {{\n  {_plugin(random)}\n}}\n" if random.random() < _HALF else ""
    text = snippet + "".join(_block(random) for _ in range(random.choice([1, 1, 2])))
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        at = random.randrange(len(text) + 1)
        until = random.choice([at, min(len(text), at + random.randrange(12))])
        text = text[:at] + random.choice(_NOISE) + text[until:]
    return text


def corefiles() -> st.SearchStrategy[str]:
    """Return random Corefiles; one draw makes a whole one, which is what makes thousands affordable."""
    return st.randoms(use_true_random=True).map(corefile)
