"""What a synthesis must not do, whatever the table says.

app.py asks whenever it has synthesized, for tests and `make snapshots` too.
"""
