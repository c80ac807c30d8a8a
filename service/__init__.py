"""The workload: notes over HTTP, kept in PostgreSQL."""
