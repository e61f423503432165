"""What not every engine can do, by name. No torch, so that the app asks the same questions before an engine runs."""

from __future__ import annotations

import enum


class Capability(enum.StrEnum):
    """What not every engine can do. An engine lists what it can in `Engine.can`."""

    ADDED_COMPONENTS = enum.auto()
    """Runs networks beside the model's own, in the same memory plan: `add`, `remove` and `run`."""
    CONVERTED_CONTROLS = enum.auto()
    """Runs the ControlNets that were converted with the model: `run_control`, of those in `converted_controls`."""
    EARLIER_LAYERS = enum.auto()
    """Gives any layer of the text encoder, for a clip skip above 2."""
    ENCODE = enum.auto()
    """Turns pictures into latents: `encode`."""
    FEATURE_REUSE = enum.auto()
    """Runs the UNet's outer layers alone, on deep features of another step: `predict_partly`."""
    FIRST_LOAD = enum.auto()
    """Loads networks in other processes before the first picture, since that takes minutes once: `first_load`."""
    FREEU = enum.auto()
    """Takes `FreeU` among `UNetInputs.edits`: the way up joins features and skips by other weights."""
    GUIDANCE_EMBEDDING = enum.auto()
    """Takes `UNetInputs.embedding`, for a UNet that reads the guidance scale (`ModelFacts.guidance_channels`)."""
    IDENTITY_ATTENTION = enum.auto()
    """Takes `IdentityAttention` among `UNetInputs.edits`: the deepest self attention is the identity in some rows."""
    IMAGE_TOKENS = enum.auto()
    """Takes `ImageTokens` among `UNetInputs.edits`: cross attention attends to pictures as well."""
    LORAS = enum.auto()
    """Changes its weights by LoRAs that a prompt names: `adapt`."""
    MEMORY_MODES = enum.auto()
    """Draws in less memory, more slowly: `choose_memory` and `use_less_memory`."""
    NEAREST_SIZE = enum.auto()
    """Draws some sizes only and knows the nearest one: `nearest_size`."""
    PENULTIMATE_LAYER = enum.auto()
    """Gives the text encoder's layer before the last one, for a clip skip of 2."""
    REGION_MASKS = enum.auto()
    """Takes `RegionMasks` among `UNetInputs.edits`: cross attention reads a context of its own in each region."""
    RESIDUALS = enum.auto()
    """Takes `UNetInputs.skips`, which enter the UNet at the places that `models.unet_walk` lists, and `down` where the networks
    that make it can be added."""
    TILING = enum.auto()
    """Draws pictures whose edges continue on the opposite side: `set_tiling`."""
    TOKEN_MERGING = enum.auto()
    """Takes `TokenMerging` among `UNetInputs.edits`: self attention runs on fewer tokens."""
    WINDOWS = enum.auto()
    """Runs the UNet on a part of the latents, of another size than those that the VAE decodes."""
