"""Does a packet get from A to B through a VPC, and if not, which rule stops it?

Pure: values in, values out. No I/O, no AWS client, no clock. May import `bot.domain` and `bot.errors`.
"""
