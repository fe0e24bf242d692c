"""Route 53 Resolver, written here: endpoints, rules, associations, and rules that accounts share.

moto has them OPERATIONAL at once, fails on rules without a name or a port, lets no account use another's rule, and has
no rules and associations that Resolver itself makes. Its query logs and DNSSEC stay moto's.
"""
