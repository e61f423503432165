"""Depth hints are those of transformers' own networks, from folders that are there."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.errors import ModelError
from sdedge.generation.depth import depth, reading


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A random DPT in its folder."""
    from transformers import DPTConfig, DPTForDepthEstimation

    folder = tmp_path_factory.mktemp("depth")
    torch.manual_seed(0)
    config = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip
    made = DPTForDepthEstimation(config).eval()
    with torch.no_grad():
        made.head.head[4].bias.fill_(1.0)  # a last ReLU would leave nothing of a random network
    made.save_pretrained(folder)
    said = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder, made


@pytest.mark.slow
def test_a_depth_hint_is_what_the_network_says(network):
    folder, made = network
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    hint = depth(pixels, folder)
    image = np.array(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC), np.float32) / 127.5 - 1
    with torch.no_grad():
        said = made(torch.from_numpy(image.transpose(2, 0, 1)[None].copy())).predicted_depth[None]
    full = torch.nn.functional.interpolate(said, (24, 40), mode="bicubic")[0, 0].numpy()
    expected = (full - full.min()) / (full.max() - full.min()) * 255
    assert hint.shape == pixels.shape and np.abs(hint[..., 0] - expected).max() <= 1 and np.ptp(hint) == 255


def test_how_a_picture_is_read_is_the_folders_own(tmp_path):
    said = {"size": {"height": 518, "width": 518}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    assert reading(tmp_path, {}, (480, 640)).size == (518, 686)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 10**9}}))
    with pytest.raises(ModelError, match="not a depth network's"):
        reading(tmp_path, {}, (480, 640))
    with pytest.raises(ModelError, match="no depth network at"):
        depth(np.zeros((8, 8, 3), np.uint8), tmp_path / "nowhere")
