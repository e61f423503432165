"""Configs that are not Stable Diffusion v1 are refused by name instead of being half understood."""

from __future__ import annotations

import pytest

from sdedge.errors import ModelError
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig


def test_lists_become_tuples_and_unknown_harmless_fields_are_ignored():
    config = UNetConfig.from_json({"block_out_channels": [8, 16, 32, 32], "_diffusers_version": "0.1"})
    assert config.block_out_channels == (8, 16, 32, 32)
    assert config.heads == (8, 8, 8, 8)


@pytest.mark.parametrize(
    ("cls", "change", "named"),
    [
        (UNetConfig, {"use_linear_projection": True}, "use_linear_projection"),  # SD 2
        (UNetConfig, {"addition_embed_type": "text_time"}, "addition_embed_type"),  # SDXL
        (UNetConfig, {"down_block_types": ["DownBlock2D"] * 4}, "down_block_types"),
        (VAEConfig, {"shift_factor": 0.1}, "shift_factor"),  # SD 3
        (TextConfig, {"max_position_embeddings": 248}, "max_position_embeddings"),  # LongCLIP
        (TextConfig, {"hidden_act": "relu"}, "hidden_act"),
    ],
)
def test_foreign_architectures_are_refused_by_the_field_that_differs(cls, change, named):
    with pytest.raises(ModelError, match=named):
        cls.from_json(change)
