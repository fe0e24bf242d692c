"""What people run in pods: `cat /etc/resolv.conf`, `dig`, `nslookup`, `sleep`, and which image has them on board."""
