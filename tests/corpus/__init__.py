"""Sixty pictures as other programs leave them: drawn by diffusers and by k-diffusion's loops, or only written. See `cases`."""
