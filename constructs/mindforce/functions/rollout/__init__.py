"""Waits for Kubernetes roll-outs on behalf of a stack (mindforce.rollout)."""
