"""Turning checkpoint components into Core ML packages and MPS-friendly graphs."""
