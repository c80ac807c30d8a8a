"""The environments as data: what they are (model), which there are (environments)."""
