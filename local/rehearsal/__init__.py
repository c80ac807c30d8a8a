"""A deployed pipeline, run on this machine: its actions in order, as the roles that it has."""
