"""From a prompt to the context that conditions the UNet."""
