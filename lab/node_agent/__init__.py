"""The worker nodes' kubelets: they register nodes, run pods in network namespaces, serve exec and logs."""
