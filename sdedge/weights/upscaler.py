"""Upscalers, opened: ESRGAN, Real-ESRGAN and compact networks from any container, told from their tensors. No torch.

`open_upscaler` reads no weights and executes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.models.upscaler_config import RRDBConfig, SRVGGConfig, UpscalerConfig
from sdedge.places import expanded
from sdedge.weights.architecture import ESRGAN, MODEL, unsupported_architecture, wrong_kind
from sdedge.weights.files import LazyTensor, open_tensors
from sdedge.weights.keys import UNET_PREFIX

Tensors = Mapping[str, LazyTensor]

_ADVICE = "choose an ESRGAN, Real-ESRGAN or compact (SRVGG) one"
# What training tools put around the weights, the averaged ones first.
_WRAPPERS = ("params_ema.", "params.", "", "module.", "generator.", "model_state_dict.", "netG.", "model.")
_MAX_SCALE = 16

# The names of the authors' first files, and of their second ones -> those that Real-ESRGAN's have.
_OLD = r"model\.1\.sub\.(\d{1,4})\.RDB([123])\.conv([1-5])\.0\.(weight|bias)"
_SECOND = (
    (r"RRDB_trunk\.(\d+)\.RDB(\d)\.", r"body.\1.rdb\2."),
    (r"^trunk_conv\.", "conv_body."),
    (r"^upconv(\d)\.", r"conv_up\1."),
    (r"^HRconv\.", "conv_hr."),
)
# A piece of a key -> the network that has it. The first that fits counts.
_ARCHITECTURES = (
    (".conv1x1.", "ESRGAN+"),
    ("residual_group.overlap_attn.", "HAT"),
    (".attn_atd.", "ATD"),
    ("layers.0.swin1.", "DRCT"),
    ("residual_layer.0.residual_layer.", "OmniSR"),
    (".attn.attns.0.", "DAT"),
    (".attn.logit_scale", "Swin2SR"),
    ("layers.0.residual_group.blocks.", "SwinIR"),
    ("block_1.c1_r.", "SPAN"),
    ("feats.0.safm.", "SAFMN"),
    ("gblocks.0.", "MoSR"),
    ("unet1.conv1.conv.0.", "Real-CUGAN"),
    ("body.0.body.0.body.0.", "RCAN"),
)  # fmt: skip


@dataclass(frozen=True)
class UpscalerModel:
    """An upscaler whose tensors, under the names of `models.upscalers`, are still in their file.

    architecture   what the field calls its network
    config         its shape; None for a network that only `spandrel` knows, whose tensors keep their names
    """

    path: Path
    architecture: str
    config: UpscalerConfig | None
    tensors: Tensors

    @property
    def name(self) -> str:
        """What people call it: its file's name."""
        return self.path.stem


def open_upscaler(path: str | Path) -> UpscalerModel:
    """Opens an upscaler's file of any container. Raises ModelError saying what it is where it is none."""
    location = expanded(path)
    tensors = open_tensors(location)
    if (own := _recognised(tensors)) is not None:
        return _opened(location, own)
    if (name := _architecture(tensors)) is not None:
        return UpscalerModel(location, name, None, tensors)
    is_model = any(key.startswith(UNET_PREFIX) for key in tensors)
    if what := MODEL if is_model else unsupported_architecture(tensors):
        raise wrong_kind(location, what, "an upscaler", "")
    raise ModelError(f"{location} is no upscaler that is known here; {_ADVICE}.")


def holds_upscaler(location: Path) -> bool:
    """Returns whether a file is an upscaler. Raises ModelError for a file that cannot be read."""
    if location.is_dir():
        return False
    tensors = open_tensors(location)
    return _recognised(tensors) is not None or _architecture(tensors) is not None


def _recognised(tensors: Tensors) -> dict[str, LazyTensor] | None:
    """Returns the tensors of a network that is known here, without wrappers; None for any other file."""
    for wrapper in _WRAPPERS:
        own = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items() if name.startswith(wrapper)}
        if _is_old(own) or _is_new(own) or _is_compact(own):
            return own
    return None


def _is_old(own: Tensors) -> bool:
    return {"model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"} <= own.keys() and not _has_more(own)


def _is_new(own: Tensors) -> bool:
    blocks = ("body.0.rdb1.conv1.weight", "RRDB_trunk.0.RDB1.conv1.weight")
    return "conv_first.weight" in own and any(name in own for name in blocks) and not _has_more(own)


def _has_more(own: Tensors) -> bool:
    return any(".conv1x1." in name for name in own)


def _is_compact(own: Tensors) -> bool:
    if "body.0.weight" not in own or "body.1.weight" not in own:
        return False
    return len(own["body.0.weight"].shape) == 4 and len(own["body.1.weight"].shape) == 1


def _architecture(tensors: Tensors) -> str | None:
    """Returns the network of other upscalers, whose names of tensors give them away."""
    is_model = any(name.startswith(UNET_PREFIX) for name in tensors)
    if is_model or unsupported_architecture(tensors) not in (None, ESRGAN):
        return None
    pieces = (what for piece, what in _ARCHITECTURES if any(piece in name for name in tensors))
    return next(pieces, None)


def _opened(location: Path, own: dict[str, LazyTensor]) -> UpscalerModel:
    if _is_compact(own):
        return UpscalerModel(location, "SRVGG", _compact_config(location, own), own)
    named = _old_names(location, own) if _is_old(own) else _second_names(own)
    return UpscalerModel(location, "RRDBNet", _rrdb_config(location, named), named)


def _old_names(location: Path, own: Tensors) -> dict[str, LazyTensor]:
    """Renames the layers of a file that numbers them through: those after the blocks are doublings, and two convolutions."""
    ends = sorted({int(m[1]) for name in own if (m := re.fullmatch(r"model\.(\d{1,3})\.weight", name)) and m[1] != "0"})
    if len(ends) < 2:
        raise ModelError(f"The upscaler {location} lacks its last layers; the file is incomplete, get it again.")
    ups = {number: f"conv_up{i + 1}" for i, number in enumerate(ends[:-2])}
    layers = {0: "conv_first", **ups, ends[-2]: "conv_hr", ends[-1]: "conv_last"}
    named = {}
    for name, tensor in own.items():
        if block := re.fullmatch(_OLD, name):
            named[f"body.{block[1]}.rdb{block[2]}.conv{block[3]}.{block[4]}"] = tensor
        elif after := re.fullmatch(r"model\.1\.sub\.\d{1,4}\.(weight|bias)", name):
            named[f"conv_body.{after[1]}"] = tensor
        elif (layer := re.fullmatch(r"model\.(\d{1,3})\.(weight|bias)", name)) and int(layer[1]) in layers:
            named[f"{layers[int(layer[1])]}.{layer[2]}"] = tensor
        else:
            named[name] = tensor
    return named


def _second_names(own: Tensors) -> dict[str, LazyTensor]:
    named = {}
    for name, tensor in own.items():
        for pattern, ours in _SECOND:
            name = re.sub(pattern, ours, name)
        named[name] = tensor
    return named


def _rrdb_config(location: Path, named: Tensors) -> RRDBConfig:
    features, channels = _shape(location, named, "conv_first.weight")[:2]
    unshuffle = math.isqrt(channels // 3)
    doublings = _count(named, "conv_up{}.weight", 1)
    if channels not in (3, 12, 48) or _shape(location, named, "conv_last.weight")[0] != 3:
        raise ModelError(
            f"The upscaler {location} reads {channels} channels and gives {_shape(location, named, 'conv_last.weight')[0]}, "
            "which are not those of colour pictures; choose another.",
        )
    if any(_shape(location, named, f"conv_up{i + 1}.weight")[0] != features for i in range(doublings)):
        raise ModelError(
            f"The upscaler {location} is an ESRGAN that enlarges by shuffling pixels, which is not read here; {_ADVICE}.",
        )
    blocks = _count(named, "body.{}.rdb1.conv1.weight", 0)
    growth = _shape(location, named, "body.0.rdb1.conv1.weight")[0]
    _check_scale(location, 2**doublings / unshuffle)
    return RRDBConfig(features, blocks, growth, doublings, unshuffle)


def _compact_config(location: Path, own: Tensors) -> SRVGGConfig:
    numbers = {int(m[1]) for name in own if (m := re.fullmatch(r"body\.(\d{1,4})\.(?:weight|bias)", name))}
    last = max(numbers)
    features, pixels = _shape(location, own, "body.0.weight")[0], _shape(location, own, f"body.{last}.weight")[0]
    if numbers != set(range(last + 1)) or last % 2 or pixels % 3:
        raise ModelError(f"The upscaler {location} is compact, but without a PReLU after each convolution; {_ADVICE}.")
    _check_scale(location, math.sqrt(pixels / 3))
    return SRVGGConfig(features, last // 2 - 1, math.isqrt(pixels // 3))


def _check_scale(location: Path, scale: float) -> None:
    if not (scale.is_integer() and 1 <= scale <= _MAX_SCALE):
        raise ModelError(
            f"The upscaler {location} enlarges {scale:g} times, and those from once to {_MAX_SCALE} times, in whole numbers, "
            "are read; choose another.",
        )


def _shape(location: Path, tensors: Tensors, name: str) -> tuple[int, ...]:
    if name not in tensors:
        raise ModelError(f"The upscaler {location} lacks {name}; the file is incomplete, get it again.")
    shape = tensors[name].shape
    if len(shape) != 4 or 0 in shape:
        raise ModelError(
            f"The upscaler {location} has {name} of the shape {list(shape)}; the file is damaged, get it again."
        )
    return shape


def _count(tensors: Tensors, pattern: str, first: int) -> int:
    def numbers() -> Iterator[int]:
        number = first
        while pattern.format(number) in tensors:
            yield number
            number += 1

    return sum(1 for _ in numbers())
