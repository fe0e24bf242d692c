"""What kube-proxy 1.19 to 1.36 logs beside failed API calls when something is wrong.

Source: the calls of klog's Error*, Fatal* and Exit* and of contextual loggers in cmd/kube-proxy, pkg/proxy and
pkg/util/{iptables,ipset,conntrack} of 1.19.16, 1.24.17, 1.28.15, 1.33.5 and 1.36.3. Up to 1.20 the error follows the
message after a colon, from 1.21 on it stands in `err="…"`.
"""

from __future__ import annotations

from bot.dns.log_wordings import Subject, Wording


def _table(subject: Subject, *rows: tuple[str, str, str]) -> tuple[Wording, ...]:
    """Return the wordings of rows of (words, meaning, versions)."""
    return tuple(
        Wording(words=words, meaning=meaning, subject=subject, versions=versions) for words, meaning, versions in rows
    )


ENDS_THE_PROCESS = _table(
    Subject.RULES,
    ("error running proxyserver", "it could not start", "1.21-"),
    ("can't use the ipvs proxier", "the kernel of the node lacks what IPVS needs", "1.19-1.26"),
    ("failed complete: ", "its arguments or its configuration file cannot be read", "1.19-1.22"),
    ("failed validate: ", "its configuration is not valid", "1.19-1.22"),
    ("failed os init: ", "it could not start", "1.19-1.22"),
    ("unable to create flag defaults", "it could not start", "1.19-1.27"),
    ('command failed" ', "it ended with an error", "1.23-"),
)
"""kube-proxy ends after it, or does not begin to write rules."""

RULES_NOT_WRITTEN = _table(
    Subject.RULES,
    ("failed to execute iptables-restore", "iptables-restore refuses the rules", "1.19-"),
    ("sync failed; retrying in ", "writing the rules failed; it is tried again", "1.19-1.20"),
    ('sync failed" ', "writing the rules failed; it is tried again", "1.21-"),
    ('nftables sync failed" ', "nftables refuses the rules", "1.29-"),
    ('failed to ensure chain exists" ', "a chain could not be made", "1.21-"),
    ('failed to ensure chain jumps" ', "the jump into a chain could not be made", "1.21-"),
    ("failed to ensure that * chain * exists: ", "a chain could not be made", "1.19-1.20"),
    ("failed to ensure that * chain * jumps to ", "the jump into a chain could not be made", "1.19-1.20"),
    ("failed to make sure existence of ip set", "an ip set could not be made", "1.21-"),
    ("failed to make sure ip set: ", "an ip set could not be made", "1.19-1.20"),
    ("failed to add ip set entry to ip set", "an ip set could not be filled", "1.21-"),
    ("failed to add entry: * to ip set: ", "an ip set could not be filled", "1.19-1.20"),
    ("error adding entry to ipset", "an ip set could not be filled", "1.21-"),
    ("failed to list ip set entries", "an ip set could not be filled", "1.19-"),
    ("failed to create dummy interface", "the interface for IPVS could not be made", "1.19-"),
    ("failed to bind service address to dummy device", "a ClusterIP could not be put on the node", "1.19-"),
    ("failed to add ipvs service", "IPVS refuses a service", "1.19-"),
    ("failed to update ipvs service", "IPVS refuses a service", "1.19-"),
    ("failed to sync service", "IPVS refuses a service", "1.19-"),
    ("failed to get ipvs service", "what IPVS has of a service could not be read", "1.19-"),
    ("failed to list ipvs destinations", "what IPVS has of a service could not be read", "1.19-"),
    ("failed to sync endpoint for service", "IPVS refuses an endpoint", "1.19-"),
    ("failed to add destination", "IPVS refuses an endpoint", "1.19-"),
    ("failed to update destination", "IPVS refuses an endpoint", "1.25-"),
    ("failed to delete destination", "IPVS still leads to an endpoint that is gone", "1.19-"),
    ('failed to list existing chains" ', "the present rules could not be read", "1.29-1.35"),
    ('failed to list existing sets" ', "the present rules could not be read", "1.29-1.35"),
    ('failed to list existing nftables objects" ', "the present rules could not be read", "1.36-"),
    ('failed to list nftables elements" ', "the present rules could not be read", "1.29-"),
    ("ipvs interface can't be initialized", "IPVS cannot be used", "1.21-"),
    ('could not create dummy vs" ', "IPVS cannot be used", "1.24-"),
)
"""What kube-proxy should write into the kernel is not there, or not all of it. Tried and logged again every 30 s."""

KNOWN = _table(
    Subject.NONE,
    ("failed to execute iptables-restore for ", "what another mode left could not be removed", "1.19-1.20"),
    ('failed to execute iptables-restore" err="*" table="', "what another mode left could not be removed", "1.21-"),
    ("server rejected event ", "an event could not be written", "1.19-"),
    ("unable to write event", "an event could not be written", "1.19-"),
    ("failed to execute iptables-save", "old chains stay, or all rules are written anew", "1.19-"),
    ("can't set sysctl", "a kernel setting could not be made", "1.19-"),
    ("sysfs is not writable", "a kernel setting could not be made", "1.19-1.35"),
    ("could not set up iptables canary", "it cannot watch for rules that somebody else flushes", "1.19-"),
    ("could not check for iptables canary", "it cannot watch for rules that somebody else flushes", "1.19-"),
    ("unable to delete stale chains", "old chains stay until the next sync", "1.29-"),
    ("error syncing healthcheck ", "the health checks of load balancers are not up to date", "1.19-"),
    ("failed to start healthcheck", "the health checks of load balancers are not answered", "1.21-"),
    ("node * failed to start healthcheck ", "the health checks of load balancers are not answered", "1.19-1.20"),
    ("healthcheck closed", "the health checks of load balancers are not answered", "1.21-"),
    ("error closing server for health check service", "a health check could not be closed", "1.25-"),
    ("error closing listener for health check service", "a health check could not be closed", "1.21-1.24"),
    ("received request for closed healthcheck", "a health check came after its service was gone", "1.19-"),
    ("service * has no healthcheck nodeport", "a load balancer's service lacks its health check port", "1.19-1.20"),
    ("service has no healthcheck nodeport", "a load balancer's service lacks its health check port", "1.21-"),
    ("healthz server failed", "its own health is not served", "1.19-"),
    ("healthz server returned without error", "its own health is not served", "1.19-"),
    ("starting metrics server failed", "its metrics cannot be read", "1.19-"),
    ('unhandled error" err="starting metrics server failed', "its metrics cannot be read", "1.31-"),
    ("failed to close iptables locks", "a lock file could not be closed", "1.19-"),
    ("failed to collect nfacct counter", "a counter is missing", "1.32-"),
    ("failed to create nfacct ", "a counter is missing", "1.32-"),
    ("failed to initialize nfacct client", "a counter is missing", "1.32-"),
    ("metrics are not registered?", "a counter is missing", "1.28-"),
    ("error while parsing endpointslastchangetriggertimeannotation", "how long a change took is not measured", "1.21-"),
    ("failed to get node ip address matching node", "services of type NodePort may not answer everywhere", "1.19-"),
    ("--nodeport-addresses includes localhost ", "services of type NodePort may not answer on localhost", "1.25-"),
    ("can't open *, skipping this nodeport: ", "a service of type NodePort may not answer", "1.19-1.20"),
    ("can't get node ", "it does not know which mode suits its node, and takes iptables", "1.4-1.18"),
    ("failed to list mount points", "it could not see whether sysfs may be written", "1.19-1.35"),
    ("failed to read builtin modules file", "it could not see which kernel modules there are", "1.21-1.26"),
    ("failed to read file /proc/modules", "it could not see which kernel modules there are", "1.21-1.26"),
    ("failed to clear udp conntrack", "entries of connections to old endpoints stay", "1.19-1.31"),
    ("failed to list conntrack entries", "entries of connections to old endpoints stay", "1.32-"),
    ("failed to clear all conntrack entries", "entries of connections to old endpoints stay", "1.32-"),
    ("failed to delete * endpoint connections", "entries of connections to old endpoints stay", "1.19-1.20"),
    ("failed to delete endpoint connections", "entries of connections to old endpoints stay", "1.21-1.31"),
    ("failed to delete nodeport-related endpoint ", "entries of connections to old endpoints stay", "1.21-1.31"),
    ("failed to delete stale service ", "entries of connections to old endpoints stay", "1.19-1.31"),
    ("failed to delete ip set entry", "something old could not be removed", "1.19-"),
    ("failed to delete service", "something old could not be removed", "1.19-"),
    ("failed to delete endpoint* in gracefuldeletequeue", "an endpoint that went could not be removed yet", "1.19-"),
    ("failed to unbind service ", "something old could not be removed", "1.19-1.26"),
    ('could not delete dummy vs" ', "something old could not be removed", "1.24-"),
    ("failed to configure ipvs timeouts", "a setting of IPVS could not be made", "1.21-"),
    ("error parsing * cidr in loadbalancersourceranges", "a source range of a load balancer is left out", "1.19-1.20"),
    ("error parsing cidr in loadbalancersourceranges", "a source range of a load balancer is left out", "1.21-1.31"),
    ("unable to determine dual-stack status", "it serves one IP family alone", "1.21-"),
    ("error removing ipset", "what another mode left could not be removed", "1.19-"),
    ("error removing iptables rules in ipvs proxier", "what another mode left could not be removed", "1.19-"),
    ("error removing pure-iptables proxy rule", "what another mode left could not be removed", "1.19-"),
    ("error removing userspace rule", "what another mode left could not be removed", "1.19-1.25"),
    ("error flushing ipvs rules", "what another mode left could not be removed", "1.19-"),
    ("error flushing userspace chain", "what another mode left could not be removed", "1.19-1.25"),
    ("error deleting userspace chain", "what another mode left could not be removed", "1.19-1.25"),
    ("error deleting dummy device", "what another mode left could not be removed", "1.19-"),
    ("error cleaning up nftables rules", "what another mode left could not be removed", "1.29-"),
    ("error in deleting real server", "an endpoint that went could not be removed yet", "1.21-"),
    ("try flush graceful termination list err", "an endpoint that went could not be removed yet", "1.19-"),
    ("kube-proxy configuration may be incomplete", "its configuration has a doubtful setting", "1.28-"),
)
"""Complaints that take nothing away from the way of a lookup, of a process that goes on."""

SOURCE_SUBJECTS = {
    "reflector.go": Subject.API,
    "proxier.go": Subject.RULES,
    "iptables.go": Subject.RULES,
    "ipset.go": Subject.RULES,
    "nftables.go": Subject.RULES,
    "netlink_linux.go": Subject.RULES,
    "bounded_frequency_runner.go": Subject.RULES,
}
"""What an error of a source file may be about where no wording is known."""
