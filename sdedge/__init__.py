"""Stable Diffusion v1 for the machine in front of you."""

__version__ = "0.1.0"
