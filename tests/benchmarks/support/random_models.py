"""A full-size v1 model of random weights, made on the spot as a diffusers folder in half precision (2.1 GB)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sdedge.engines.open import EMBEDDED, locate
from tests.benchmarks.loading import FULL, published_config, weights_name, write_pipeline_files

NARROW = {
    "unet": {"block_out_channels": (32, 64, 64, 64), "layers_per_block": 1, "norm_num_groups": 16},
    "vae": {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    "text_encoder": {"num_hidden_layers": 1},
}
"""Reads the same contexts, takes seconds, and says nothing about time: to try a command."""


def make_model(folder: Path, narrow: bool = False) -> Path:
    """UNet, VAE and text encoder at full size with the embedded model's vocabulary; made once per folder."""
    import torch
    from safetensors.torch import save_file

    from sdedge.engines.torch.cpu.int8_unet import Int8Recipe
    from sdedge.engines.torch.engine import TorchEngine
    from sdedge.engines.torch.networks import NETWORKS
    from sdedge.generation.int8_recipe import measure_ranges

    target = folder / ("random-narrow" if narrow else "random-v1")
    if (target / "model_index.json").exists():
        return target
    torch.manual_seed(0)
    for name, config in (NARROW if narrow else FULL).items():
        network = NETWORKS[name](config).half()
        (target / name).mkdir(parents=True)
        kind = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}.get(name)
        (target / name / "config.json").write_text(json.dumps({"_class_name": kind, **published_config(name, config)}))
        save_file(network.state_dict(), target / name / weights_name(name, "safetensors"))
    write_pipeline_files(target)
    shutil.rmtree(target / "tokenizer", ignore_errors=True)
    shutil.copytree(locate(EMBEDDED) / "tokenizer", target / "tokenizer")
    # Random weights have no quality to lose: an int8 recipe with every layer in it, of one step's ranges.
    engine = TorchEngine.load(target, "cpu", memory="fast")
    Int8Recipe(measure_ranges(engine, ["a"], 1)).write(target)
    return target
