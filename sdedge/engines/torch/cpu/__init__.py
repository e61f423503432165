"""The UNet on a CPU: fused, in int8, packed, streamed, with compiled kernels."""
