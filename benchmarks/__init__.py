"""Figures of speed and memory, each beside its limit; ratios are taken in one run."""
