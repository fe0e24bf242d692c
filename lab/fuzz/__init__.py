"""The bot's network evaluator against the kernel: random security groups and ACLs, real packets, and who is right.

The kernel is: `lab.vpc_filter` compiles the same AWS answers by code that shares nothing with `bot.network`, packets on
port 53 go between every pair of namespaces, and each is either answered or found in the set of a refusing stage.
"""
