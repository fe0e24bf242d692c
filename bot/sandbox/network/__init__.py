"""The network as AWS's state makes it: which packets pass, and what each VPC's resolver answers.

Reads the simulated AWS through its API and shares nothing with the bot's evaluator.
"""
