"""A tiny model of the v1 topology with random weights, written in every container and layout there is."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from sdedge.weights import keys

DTYPES = (torch.float32, torch.float16, torch.bfloat16)

State = dict[str, torch.Tensor]

UNET = {"block_out_channels": [8, 16, 16, 16], "cross_attention_dim": 64, "attention_head_dim": 8, "norm_num_groups": 8,
        "in_channels": 4}  # fmt: skip
VAE_CONFIG = {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 8, "latent_channels": 4}
TEXT = {"vocab_size": 60, "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 1}


@dataclass(frozen=True)
class Tiny:
    """Weights under diffusers names; `text_encoder` with `text_model.`."""

    unet: State
    vae: State
    text_encoder: State

    @property
    def parts(self) -> dict[str, State]:
        return {"unet": self.unet, "vae": self.vae, "text_encoder": self.text_encoder}

    def to(self, dtype: torch.dtype) -> Tiny:
        return Tiny(*({n: t.to(dtype) for n, t in part.items()} for part in self.parts.values()))

    def ldm(self) -> State:
        """The same under LDM names, with the buffers that real checkpoints carry."""
        unet = keys.invert(keys.unet_table(keys.unet_layout(self.unet)))
        vae = keys.invert(keys.vae_table(keys.vae_layout(self.vae)))
        named: State = {}
        for name, tensor in self.unet.items():
            named[f"model.diffusion_model.{keys.rename(name, unet)}"] = tensor
        for name, tensor in self.vae.items():
            theirs = str(keys.rename(name, vae))
            linear = ".attn_1." in theirs and tensor.ndim == 2
            named[f"first_stage_model.{theirs}"] = tensor[:, :, None, None].clone() if linear else tensor
        for name, tensor in self.text_encoder.items():
            named[f"cond_stage_model.transformer.{name}"] = tensor
        named["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
        named["betas"] = torch.linspace(0, 1, 1000)
        named["model_ema.decay"] = torch.tensor(0.9999)
        named["model_ema.num_updates"] = torch.tensor(7, dtype=torch.int32)
        return named


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    torch.manual_seed(0)
    networks = UNet(UNetConfig(**_tuples(UNET))), VAE(VAEConfig(**_tuples(VAE_CONFIG))), CLIPText(TextConfig(**TEXT))
    return Tiny(*({n: torch.randn_like(t) for n, t in network.state_dict().items()} for network in networks))


def _tuples(config: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}


def write_folder(folder: Path, model: Tiny, variant: str = "", pickled: bool = False, shards: bool = False) -> Path:
    """A diffusers folder as diffusers and transformers write it."""
    configs = {"unet": UNET, "vae": VAE_CONFIG, "text_encoder": TEXT}
    for name, state in model.parts.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(configs[name]))
        stem = "diffusion_pytorch_model" if name != "text_encoder" else ("pytorch_model" if pickled else "model")
        if shards:
            _write_shards(folder / name, stem, state)
        elif pickled:
            torch.save(state, folder / name / f"{stem}{variant}.bin")
        else:
            save_file(state, folder / name / f"{stem}{variant}.safetensors")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    return folder


def _write_shards(folder: Path, stem: str, state: State) -> None:
    names = sorted(state)
    weight_map = {}
    for i, part in enumerate((names[::2], names[1::2])):
        shard = f"{stem}-{i + 1:05}-of-00002.safetensors"
        save_file({name: state[name] for name in part}, folder / shard)
        weight_map |= dict.fromkeys(part, shard)
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    return write_folder


@pytest.fixture
def lightning() -> Iterator[dict[str, Any]]:
    """What Lightning puts beside the weights: a class as a key, its state, NumPy and torch numbers, loops, optimizers."""
    import numpy as np

    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = types.ModuleType(name)
    checkpoint = type("ModelCheckpoint", (), {"__module__": name})
    module.ModelCheckpoint = checkpoint  # type: ignore[attr-defined]
    parents = [name.rsplit(".", i)[0] for i in (1, 2)]
    fakes = {name: module, **{parent: types.ModuleType(parent) for parent in parents}}
    sys.modules.update(fakes)
    try:
        yield {
            "epoch": 20, "global_step": np.int64(840000), "pytorch-lightning_version": "1.7.1",
            "callbacks": {checkpoint: {"monitor": None, "best_model_score": np.float32(0.5), "current": torch.tensor(0.25),
                                       "dirpath": Path("/x")}},
            "optimizer_states": [{"state": {0: {"step": 3, "exp_avg": torch.ones(4)}}, "param_groups": [{"lr": 1e-4}]}],
            "lr_schedulers": [], "hparams_name": "kwargs", "hyper_parameters": checkpoint(),
        }  # fmt: skip
    finally:
        for fake in fakes:
            del sys.modules[fake]


def same(lazy: Any, state: State) -> None:
    """Every tensor bit-equal, none more, none fewer."""
    assert set(lazy) == set(state)
    for name, tensor in state.items():
        read = lazy[name].read()
        assert read.dtype == tensor.dtype and read.shape == tensor.shape, name
        assert torch.equal(read.contiguous().view(torch.uint8), tensor.contiguous().view(torch.uint8)), name
        assert torch.equal(lazy[name].copy().view(torch.uint8), read.contiguous().view(torch.uint8)), name
