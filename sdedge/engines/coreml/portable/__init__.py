"""ML Programs run by torch, on any system."""
