"""What CoreDNS 1.2 to 1.15 logs as [ERROR] or [FATAL] beside failed queries, API calls, reloads and loops.

Source: the calls of `log.Error*` and `log.Fatal*` in plugin/, core/ and coremain/ of 1.2.6, 1.5.2, 1.8.7, 1.11.4,
1.13.1, 1.14.7 and 1.15.0, for the plugins that a cluster's DNS uses, and those of its caddy 1.1.4. A plugin's logger
puts `plugin/NAME: ` before its lines; the metrics plugin's name there is `prometheus`, and some log without a name.
"""

from __future__ import annotations

from bot.dns.log_wordings import Subject, Wording


def _wording(words: str, meaning: str, subject: Subject, versions: str) -> Wording:
    return Wording(words=words, meaning=meaning, subject=subject, versions=versions)


ENDS_THE_START = (
    _wording(
        "plugin/prometheus: cannot register metrics collector: ",
        "its metrics could not be set up, and it ended",
        Subject.CONFIGURATION,
        "1.2-1.14",
    ),
    _wording(
        "cannot register metrics collector: ",
        "its metrics could not be set up, and it ended",
        Subject.CONFIGURATION,
        "1.15-",
    ),
    _wording(
        "extra command line arguments: ",
        "it was started with arguments that it does not know",
        Subject.CONFIGURATION,
        "1.2-",
    ),
    _wording(
        "flag provided but not defined: ",
        "it was started with a flag that it does not know",
        Subject.CONFIGURATION,
        "1.2-",
    ),
    _wording(
        "unknown log format ", "it was started with a log format that it does not know", Subject.CONFIGURATION, "1.15-"
    ),
)
"""What ends CoreDNS before it serves, apart from its configuration."""

_NOT_EXECUTED = "the node could not run the container's program"

NOT_EXECUTED = (
    _wording("exec /*: ", _NOT_EXECUTED, Subject.ANY, "any"),
    _wording("exec user process caused", _NOT_EXECUTED, Subject.ANY, "any"),
    _wording("exec container process ", _NOT_EXECUTED, Subject.ANY, "any"),
    _wording("standard_init_linux.go:", _NOT_EXECUTED, Subject.ANY, "any"),
    _wording("container_linux.go:", _NOT_EXECUTED, Subject.ANY, "any"),
    _wording("oci runtime ", _NOT_EXECUTED, Subject.ANY, "any"),
)
"""What the container runtime writes into the log with the kernel's reason (exec format error, permission denied): no
version of CoreDNS began. Sources: opencontainers/runc, libcontainer/standard_init_linux.go; containers/crun."""

_NOT_IN_ORDER = "it ended, though not in good order"
_NO_METRICS = "its metrics cannot be read"
_RELOAD_TELLS = "a reload failed: plugin/reload says so in a line of its own"
_NO_CNAME = "the name that a CNAME leads to could not be looked up"
_LEFT_OUT = "a hosts file, or a line of it, is left out"
_UNSORTED = "weighted answers are not sorted as configured"

KNOWN = (
    _wording(
        "recovered from panic in server: ",
        "a query crashed its handler: it was answered SERVFAIL, the server goes on",
        Subject.UPSTREAM,
        "1.7-",
    ),
    _wording("restart failed: ", _RELOAD_TELLS, Subject.NONE, "1.2-"),
    _wording("restart failed callback returned error: ", _RELOAD_TELLS, Subject.NONE, "1.5-"),
    _wording(
        "sigusr1: ",
        "a reload that a signal asked for failed: the old configuration runs on",
        Subject.CONFIGURATION,
        "1.2-",
    ),
    _wording("sigusr2: ", "an upgrade that a signal asked for failed: the old program runs on", Subject.NONE, "1.2-"),
    _wording("sigterm stop: ", _NOT_IN_ORDER, Subject.NONE, "1.2-"),
    _wording("sig* shutdown: ", _NOT_IN_ORDER, Subject.NONE, "1.2-"),
    _wording(
        "stopping *: ",
        "a server of a configuration that was replaced could not be ended in good order",
        Subject.NONE,
        "1.2-",
    ),
    _wording("could not write pidfile: ", "no file holds its process id", Subject.NONE, "1.2-"),
    _wording(
        "plugin/kubernetes: unable to establish connection",
        "the proxy before several API servers could not connect",
        Subject.API,
        "1.2-1.3",
    ),
    _wording(
        "plugin/kubernetes: unable to hijack connection: ",
        "the proxy before several API servers could not take over a connection",
        Subject.API,
        "1.2-1.3",
    ),
    _wording(
        "plugin/kubernetes: unable to copy connection to upstream ",
        "the proxy before several API servers lost a connection",
        Subject.API,
        "1.2-1.3",
    ),
    _wording("upstream lookup failed: ", _NO_CNAME, Subject.UPSTREAM, "1.12-"),
    _wording("upstream lookup returned nil", _NO_CNAME, Subject.UPSTREAM, "1.12-"),
    _wording("error upstream request ", _NO_CNAME, Subject.UPSTREAM, "1.11-1.11"),
    _wording(
        "plugin/rewrite: invalid name after rewrite: ",
        "a rewrite rule makes a name that is none",
        Subject.NONE,
        "1.2-1.6",
    ),
    _wording("plugin/prometheus: failed to start metrics handler: ", _NO_METRICS, Subject.NONE, "1.2-1.14"),
    _wording("plugin/prometheus: failed to start http", _NO_METRICS, Subject.NONE, "1.14-1.14"),
    _wording("plugin/prometheus: tls config file does not exist: ", _NO_METRICS, Subject.NONE, "1.14-1.14"),
    _wording("failed to start metrics handler: ", _NO_METRICS, Subject.NONE, "1.15-"),
    _wording("failed to start http metrics server: ", _NO_METRICS, Subject.NONE, "1.15-"),
    _wording("failed to start https metrics server: ", _NO_METRICS, Subject.NONE, "1.15-"),
    _wording("failed to close metrics listener after startup error: ", _NO_METRICS, Subject.NONE, "1.15-"),
    _wording("invalid tls config: ", _NO_METRICS, Subject.NONE, "1.15-"),
    _wording("plugin/pprof: failed to start pprof handler: ", "its profiles cannot be read", Subject.NONE, "1.2-"),
    _wording("plugin/hosts: failed to parse hosts file", _LEFT_OUT, Subject.NONE, "1.15-"),
    _wording("plugin/hosts: *, line *: address longer than ", _LEFT_OUT, Subject.NONE, "1.15-"),
    _wording("plugin/hosts: *, line *: name longer than ", _LEFT_OUT, Subject.NONE, "1.15-"),
    _wording("plugin/loadbalance: internal error: cannot find top address ", _UNSORTED, Subject.NONE, "1.10-"),
    _wording(
        "plugin/acl: blocking request. unable to parse source address: ",
        "a query from an address that is none was not answered",
        Subject.NONE,
        "1.9-",
    ),
)
"""Lines of a CoreDNS that goes on, or that ended because it was told to. None is logged as [FATAL]."""

PLUGIN_SUBJECTS = {
    "kubernetes": Subject.API,
    "errors": Subject.UPSTREAM,
    "forward": Subject.UPSTREAM,
    "proxy": Subject.UPSTREAM,
    "cache": Subject.UPSTREAM,
    "loop": Subject.LOOP,
    "reload": Subject.CONFIGURATION,
}
"""What an error of a plugin may be about where no wording is known."""
