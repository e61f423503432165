"""The engine of MPS graph bundles."""
