"""What a synthesis must not do, whatever the table says.

app.py asks when it has synthesized, `make snapshots` before it writes.
"""
