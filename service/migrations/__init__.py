"""The way of the schema; README.md has the rules."""
