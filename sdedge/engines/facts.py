"""What an engine needs to know of a checkpoint before it loads a network: its facts, sizes and vocabulary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdedge.engines.protocol import ModelFacts
from sdedge.errors import ModelError
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.taesd import TinyConfig
from sdedge.sampling.schedule import NoiseSchedule
from sdedge.text.tokenizer import Tokenizer
from sdedge.text.vocabulary import resolve
from sdedge.weights.architecture import TINY_VAE
from sdedge.weights.checkpoint import Checkpoint
from sdedge.weights.folders import read_config


def read_facts(checkpoint: Checkpoint) -> ModelFacts:
    """Returns native size, schedule and hints of a checkpoint; `sdedge.json` in a folder, or the same in the header of a file of
    our own export, adds guidance and preview rows."""
    vae = vae_config(checkpoint.configs["vae"])
    unet = UNetConfig.from_json(checkpoint.configs["unet"])
    side = unet.sample_size * vae.downscale
    facts = ModelFacts(
        name=checkpoint.name,
        width=side,
        height=side,
        downscale=vae.downscale,
        in_channels=unet.in_channels,
        context_width=unet.cross_attention_dim,
        guidance_channels=unet.time_cond_proj_dim or 0,
        latent_channels=vae.latent_channels,
        scaling_factor=vae.scaling_factor,
        schedule=NoiseSchedule.from_config(
            {**checkpoint.configs["scheduler"], "prediction_type": checkpoint.prediction_type}
        ),
        has_safety_checker=checkpoint.safety_checker is not None,
        report=tuple(line for line in checkpoint.report if not line.startswith("Stored as")),
    )
    hints = Path(checkpoint.path) / "sdedge.json"
    record = read_config(hints, Path(checkpoint.path)) if hints.is_file() else checkpoint.hints
    rows = record.get("preview", facts.preview)
    guidance = record.get("guidance", facts.guidance)
    if not _is_number(guidance) or not _are_rows(rows, len(facts.preview)):
        source = hints if hints.is_file() else checkpoint.path
        raise ModelError(f"{source} gives a guidance or preview that is not made of numbers; get the model again.")
    return replace(facts, guidance=guidance, preview=tuple(tuple(row) for row in rows))


def _are_rows(rows: Any, count: int) -> bool:
    """Returns whether they are the rows of a matrix from latents, and a bias, to red, green and blue."""
    if not isinstance(rows, (list, tuple)) or len(rows) != count:
        return False
    return all(isinstance(row, (list, tuple)) and len(row) == 3 and all(map(_is_number, row)) for row in rows)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_tiny(config: Mapping[str, Any]) -> bool:
    """Returns whether a VAE's `config.json` is TAESD's."""
    return config.get("_class_name") == TINY_VAE


def vae_config(config: dict[str, Any]) -> Any:
    """Returns a TinyConfig or a VAEConfig, which answer the same questions. Raises ModelError."""
    return TinyConfig.from_json(config) if is_tiny(config) else VAEConfig.from_json(config)


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """Returns the vocabulary beside or inside the checkpoint, or an installed one. Raises ModelError naming the ways."""
    vocabulary = resolve(checkpoint)
    return Tokenizer.from_folder(vocabulary) if vocabulary.is_dir() else Tokenizer.from_bpe_file(vocabulary)


def check_fit(checkpoint: Checkpoint, tokenizer: Tokenizer) -> None:
    """Raises ModelError where text encoder, UNet and vocabulary do not belong together."""
    text = TextConfig.from_json(checkpoint.configs["text_encoder"])
    unet = UNetConfig.from_json(checkpoint.configs["unet"])
    if text.hidden_size != unet.cross_attention_dim:
        raise ModelError(
            f"The text encoder of {checkpoint.path} gives {text.hidden_size} channels but its UNet reads "
            f"{unet.cross_attention_dim}; the folder mixes two models, copy it again."
        )
    if (ids := max(tokenizer.vocab.values()) + 1) > text.vocab_size:
        raise ModelError(
            f"The vocabulary of {checkpoint.path} has {ids} ids but its text encoder knows "
            f"{text.vocab_size}; use the tokenizer that came with the model."
        )
