"""Alphas that a LoRA's file does not hold beside its weights: diffusers' header, and peft's adapter_config.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.files import APPLE_DOUBLE, read_at_most
from sdedge.json_values import read_json
from sdedge.weights.files import LazyTensor, TensorSource
from sdedge.weights.lora_keys import flat

CONFIG = "adapter_config.json"
PEFT_STEM = "adapter_model"  # of the file that peft writes beside it
_LIMIT = 1 << 20
_PATTERNS = 4096
_BY_INPUT = ("down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b")  # pieces whose first axis is the rank
_WEIGHTS = (".safetensors", ".ckpt", ".pt", ".bin")

Stems = Mapping[str, dict[str, LazyTensor | float]]


@dataclass(frozen=True)
class Alphas:
    """Alpha of every module, those of modules whose names end so, and whether it is divided by the rank's square root."""

    default: float | None
    pattern: Mapping[str, float]
    stabilised: bool

    @classmethod
    def of(cls, record: Mapping[str, Any], prefix: str = "") -> Alphas:
        """Makes one from peft's settings. Raises ValueError for values of other types."""
        alpha = record.get(f"{prefix}lora_alpha", record.get(f"{prefix}alpha"))
        pattern = record.get(f"{prefix}alpha_pattern") or {}
        if not isinstance(pattern, dict) or len(pattern) > _PATTERNS:
            raise ValueError("alpha_pattern")
        numbers = {flat(key): _number(value) for key, value in pattern.items()}
        return cls(None if alpha is None else _number(alpha), numbers, bool(record.get(f"{prefix}use_rslora")))

    def add(self, stems: Stems) -> None:
        """Gives every module without an alpha its own."""
        lengths = sorted({len(key) for key in self.pattern}, reverse=True)
        for stem, pieces in stems.items():
            rank = next((p.shape[0] for n in _BY_INPUT if isinstance(p := pieces.get(n), LazyTensor) and p.shape), 0)
            ends = (stem[-n:] for n in lengths if n and (len(stem) == n or stem[-n - 1 : -n] == "_"))
            alpha = next((self.pattern[end] for end in ends if end in self.pattern), self.default)
            if alpha is not None and rank and "alpha" not in pieces:
                # Rank-stabilised LoRA divides by the square root of the rank.
                pieces["alpha"] = alpha * (rank**0.5 if self.stabilised else 1)


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!r:.40} is no number")
    return float(value)


def add_alphas(patches: Mapping[str, Stems], source: TensorSource) -> tuple[str, ...]:
    """Alphas of diffusers' header (`lora_adapter_metadata`), then of peft's configuration beside the file.

    Returns what should be said. Raises ModelError where either is damaged.
    """
    text = source.metadata.get("lora_adapter_metadata") or "{}"
    header = read_json(text, f"The lora_adapter_metadata of {source.path.name}", _LIMIT)
    config = _beside(source)
    try:
        for part, stems in patches.items():
            Alphas.of(header, f"{part}.").add(stems)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise ModelError(
            f"{source.path.name} has a damaged lora_adapter_metadata in its header; get it again."
        ) from None
    if config is None or not belongs(source.path):
        many = "holds several files, so it is not known whose it is and no alpha of it was used"
        return (f"The folder of {source.path.name} has an {CONFIG} and {many}.",) if config is not None else ()
    try:
        for stems in patches.values():
            Alphas.of(config).add(stems)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise ModelError(
            f"The {CONFIG} beside {source.path.name} has settings of other types; get both again."
        ) from None
    return ()


def _beside(source: TensorSource) -> Any:
    """Returns peft's configuration beside a file in peft's naming; None without one."""
    path = source.path.with_name(CONFIG)
    if not path.is_file() or not any(".lora_A." in name or name.startswith("base_model.model.") for name in source):
        return None
    try:
        data = read_at_most(path, _LIMIT)
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror or error}; check the path.") from None
    return read_json(data, str(path), _LIMIT)


def belongs(path: Path) -> bool:
    """Returns whether the configuration in a LoRA's folder is that file's: by peft's file name, or for want of others."""
    if path.stem == PEFT_STEM:
        return True
    beside = [file for file in path.parent.iterdir() if not file.name.startswith(APPLE_DOUBLE)]
    return sum(file.suffix.lower() in _WEIGHTS for file in beside) == 1
