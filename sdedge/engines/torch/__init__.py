"""The engine of torch, on CPU, CUDA and MPS."""
