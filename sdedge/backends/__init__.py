"""Engines: whatever can run the three networks answers the same calls."""
