"""What any Kubernetes far end must do, as tests: the embedded server and the real one are held to the same.

Each module exports test classes that take a fixture `far_end` (a `FarEnd`) from the module that imports them; but for
`cloud`, which makes the VPCs that the sandbox's network and the lab's are held to.
"""
