"""The stacks of an environment: they wire constructs and charts, and hold the grants."""
