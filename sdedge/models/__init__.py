"""The three networks of Stable Diffusion v1: UNet, VAE and CLIP text transformer, named by their diffusers keys."""
