"""CLIP's vision tower as transformers has it: read from a `config.json` that anybody may have written, and run as an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sdedge.errors import ModelError

if TYPE_CHECKING:
    from transformers import CLIPVisionConfig

_ARCHITECTURE = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels", "image_size",
    "patch_size", "hidden_act", "layer_norm_eps", "projection_dim",
)  # fmt: skip
# The largest of each number: CLIP's own towers have at most 48 layers and a width of 1664.
_LARGEST = {
    "hidden_size": 8192, "intermediate_size": 32768, "num_hidden_layers": 64, "num_attention_heads": 128, "num_channels": 16,
    "image_size": 2048, "patch_size": 2048, "projection_dim": 16384,
}  # fmt: skip


def vision_config(vision: Mapping[str, Any]) -> CLIPVisionConfig:
    """Returns the shape of a tower from the entries of its config. Raises ValueError, and what transformers raises, for entries
    that no tower has."""
    from transformers import CLIPVisionConfig

    for name, largest in _LARGEST.items():
        if name in vision and not (type(vision[name]) is int and 1 <= vision[name] <= largest):
            raise ValueError(f"{name} is {repr(vision[name])[:40]}, where 1 to {largest} can be")
    return CLIPVisionConfig(**{name: vision[name] for name in _ARCHITECTURE if name in vision})


class ImageEncoder(nn.Module):
    """The tower with its projection into CLIP's shared space, as IP-Adapters read pictures.

    `config` is that of `CLIPVisionModelWithProjection`. Raises ModelError when it describes none.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import CLIPVisionModelWithProjection

        try:
            self.clip = CLIPVisionModelWithProjection(vision_config(config))
        except Exception as error:  # configurations are checked by several libraries, each with errors of its own
            raise ModelError(
                f"The image encoder's config.json does not describe it ({' '.join(str(error).split())[:200]}); get it again."
            ) from error

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Prepared pictures (B, 3, S, S) -> the pooled encoding (B, D), projected, and the tokens (B, 1 + P, W) of the last
        layer but one."""
        for (
            module
        ) in self.clip.modules():  # position numbers are no weights: on the meta device they were made without values
            if (ids := module._buffers.get("position_ids")) is not None and ids.device != x.device:
                module._buffers["position_ids"] = torch.arange(ids.shape[-1], device=x.device)[None]
        encoded = self.clip(x, output_hidden_states=True)
        return encoded.image_embeds, encoded.hidden_states[-2]
