"""What runs on the worker nodes: registers them, runs their pods as processes in network namespaces, serves exec and logs."""
