"""The accounts under the platform, and the command that makes them."""
