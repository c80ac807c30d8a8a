"""A real Kubernetes control plane with simulated nodes, for one emulated EKS cluster."""
