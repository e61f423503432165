"""Turning checkpoint components into Core ML packages and MPS graphs. Arrives in a later release."""
