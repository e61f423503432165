"""The engine in a process of its own: the worker, and the supervision that survives it."""
