"""Depth hints by a network of transformers (DPT, Depth Anything and their like) out of a folder: run once, and released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from sdedge.errors import ModelError
from sdedge.weights.folders import existing, read_config

SIDE = 384  # pixels that DPT reads where its folder does not say
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DISTANCES = ("zoedepth", "glpn", "depth_pro", "prompt_depth_anything")
"""Kinds of networks that give distances, of which the near ones are small; others give their inverse."""


@dataclass(frozen=True)
class Reading:
    """How a depth network reads a picture: the size (height, width) it is brought to, and mean and deviation of each channel."""

    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def depth(pixels: np.ndarray, folder: str | Path) -> np.ndarray:
    """Returns how near each pixel of a picture is, uint8 (H, W, 3): the nearest white, the farthest black.

    `folder` holds config.json and model.safetensors of a network that transformers' `AutoModelForDepthEstimation` knows.
    Nothing is fetched and no code of the folder runs. Raises ModelError.
    """
    place = existing(folder)
    if place is None or not (place / "config.json").is_file():
        raise ModelError(
            f"There is no depth network at {folder} (no config.json); name the folder of one, such as Depth-Anything-V2-Small-hf."
        )
    H, W, _ = pixels.shape
    config = read_config(place / "config.json", place)
    values = _estimated(place, _input(pixels, reading(place, config, (H, W))))
    if not torch.isfinite(values).all():
        raise ModelError(f"The depth network {place} gave values that are not numbers; get it again.")
    full = interpolate(values[None, None], (H, W), mode="bicubic", align_corners=False)[0, 0]
    low, high = full.aminmax()
    near = (full - low) / (high - low) if high > low else torch.zeros_like(full)
    if config.get("model_type") in _DISTANCES or config.get("depth_estimation_type") == "metric":
        near = 1 - near
    grey = (near * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    return np.repeat(grey[..., None], 3, axis=2)


def reading(folder: Path, config: Mapping[str, Any], shape: tuple[int, int]) -> Reading:
    """Returns how a folder's network reads a picture of a shape (height, width), by its preprocessor_config.json."""
    path = folder / "preprocessor_config.json"
    said = read_config(path, folder) if path.is_file() else {}
    own = said.get("size")
    size = own if isinstance(own, dict) else {}
    native = config.get("image_size", SIDE)
    lengths = [size.get(name, native) for name in ("height", "width")]
    unit = said.get("ensure_multiple_of", 1)
    mean, deviation = (
        said.get(name, value) for name, value in zip(("image_mean", "image_std"), _IMAGENET, strict=True)
    )
    if not all(type(side) is int and 1 <= side <= 4096 for side in (*lengths, unit)) or not _are_colours(
        mean, deviation
    ):
        raise ModelError(f"{path} gives a size or colours that are not a depth network's; get it again.")
    if said.get("keep_aspect_ratio"):
        scales = [side / length for side, length in zip(lengths, shape, strict=True)]
        scale = min(scales, key=lambda value: abs(1 - value))  # as DPT's processor: the side that changes least
        lengths = [min(max(unit, round(scale * length / unit) * unit), 4096 // unit * unit) for length in shape]
    return Reading((lengths[0], lengths[1]), tuple(mean), tuple(deviation))


def _are_colours(mean: Any, deviation: Any) -> bool:
    triples = all(isinstance(each, list | tuple) and len(each) == 3 for each in (mean, deviation))
    return triples and all(isinstance(v, float | int) for v in (*mean, *deviation)) and all(v > 0 for v in deviation)


def _input(pixels: np.ndarray, how: Reading) -> Tensor:
    height, width = how.size
    resized = np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
    normal = (resized - np.array(how.mean, np.float32)) / np.array(how.deviation, np.float32)
    return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1)[None]))


@torch.inference_mode()
def _estimated(folder: Path, image: Tensor) -> Tensor:
    """Returns what the network says of an image (1, 3, h, w): (h', w')."""
    from transformers import AutoModelForDepthEstimation

    try:
        network = AutoModelForDepthEstimation.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        ).eval()
        return network(image).predicted_depth[0].float()
    except Exception as error:  # transformers raises anything at all for folders of another kind
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{folder} is no depth network that can be used ({reason}); choose another.") from error
