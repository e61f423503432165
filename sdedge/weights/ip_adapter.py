"""IP-Adapters told from their tensors: which kind one is, its shape for a UNet, and by name what none for v1 is. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.models.config import MAX_DEPTH, ImageProjectionKind, IPAdapterConfig, UNetConfig
from sdedge.models.unet_walk import attention_channels, image_numbers
from sdedge.weights.files import LazyTensor

Tensors = Mapping[str, LazyTensor]

PROJECTION, ATTENTION = "image_proj.", "ip_adapter."
HEAD = 64
"""Width of the Perceiver's heads, which leaves no trace in shapes."""
_ATTENTION_KEY = re.compile(r"ip_adapter\.(\d{1,3})\.to_([kv])_ip\.weight")
_WIDTHS = {1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL", 4096: "another family of models"}
_BIGG = 1280  # values of ViT-bigG's pooled encoding, where ViT-H gives 1024
_FACE_ID = (
    "an IP-Adapter FaceID, which reads the features of a face network (InsightFace) that is not free to use; IP-Adapters "
    "plus-face and full-face need none"
)


def holds_ip_adapter(tensors: Tensors) -> bool:
    """Returns whether the tensors are an IP-Adapter's, be it one that is refused."""
    return any(name.startswith(PROJECTION) for name in tensors) and any(name.startswith(ATTENTION) for name in tensors)


def refused_ip_adapter(tensors: Tensors) -> str | None:
    """Returns what an IP-Adapter is that none for Stable Diffusion v1 is; None for one that may be."""
    if any(name.startswith(f"{PROJECTION}perceiver_resampler.") or ".to_q_lora." in name for name in tensors):
        return _FACE_ID
    has = {name.removeprefix(PROJECTION) for name in tensors if name.startswith(PROJECTION)}
    if {"proj.0.weight", "proj.2.weight", "norm.weight"} <= has:
        return _FACE_ID
    shapes = (tensor.shape for name, tensor in tensors.items() if _ATTENTION_KEY.fullmatch(name))
    width = next((shape[1] for shape in shapes if len(shape) == 2), None)
    if width in _WIDTHS:
        return f"an IP-Adapter for {_WIDTHS[width]} (text width {width})"
    pooled = tensors.get(f"{PROJECTION}proj.weight")
    if pooled is not None and pooled.shape[1:] == (_BIGG,):
        return f"an IP-Adapter for the image encoder ViT-bigG ({_BIGG} values), where those for ViT-H have 1024"
    return None


def ip_adapter_config(path: Path, tensors: Tensors, base: UNetConfig) -> IPAdapterConfig:
    """Returns the shape of an IP-Adapter. Raises ModelError where it is made for a UNet of another shape, or lacks a part."""
    shapes = _Shapes(path, tensors)
    numbers, channels = tuple(image_numbers(base)), tuple(attention_channels(base))
    context = shapes.of(f"{ATTENTION}{numbers[0]}.to_k_ip.weight", 2)[1]
    own = {int(match[1]) for name in tensors if (match := _ATTENTION_KEY.fullmatch(name))}
    wanted = zip(numbers, channels, strict=True)
    if own != set(numbers) or not all(
        shapes.of(f"{ATTENTION}{number}.to_{x}_ip.weight", 2) == (width, base.cross_attention_dim)
        for number, width in wanted
        for x in "kv"
    ):
        raise ModelError(
            f"The IP-Adapter {path.stem} is made for a UNet with {len(own)} cross attentions over {context} values, and they do "
            f"not fit the {len(numbers)} over {base.cross_attention_dim} of this model; choose one that belongs to the model.",
            field="controls",
        )
    if f"{PROJECTION}proj.weight" in tensors:
        made, encoding = shapes.of(f"{PROJECTION}proj.weight", 2)
        if made % context:
            raise shapes.damaged(f"{PROJECTION}proj.weight")
        kind = ImageProjectionKind.TOKENS
        return IPAdapterConfig(kind, encoding, context, numbers, channels, tokens=made // context)
    if f"{PROJECTION}proj.3.weight" in tensors:
        encoding = shapes.of(f"{PROJECTION}proj.0.weight", 2)[1]
        return IPAdapterConfig(ImageProjectionKind.PATCHES, encoding, context, numbers, channels)
    _, tokens, width = shapes.of(f"{PROJECTION}latents", 3)
    inside = shapes.of(f"{PROJECTION}layers.0.0.to_q.weight", 2)[0]
    if inside % HEAD:
        raise shapes.damaged(f"{PROJECTION}layers.0.0.to_q.weight")
    return IPAdapterConfig(
        ImageProjectionKind.PERCEIVER, shapes.of(f"{PROJECTION}proj_in.weight", 2)[1], context, numbers, channels, tokens,
        width, inside // HEAD, shapes.of(f"{PROJECTION}layers.0.1.1.weight", 2)[0], len(list(_layers(tensors))),
    )  # fmt: skip


def _layers(tensors: Tensors) -> Iterator[int]:
    """Yields the number of each layer of a Perceiver, no more than there can be."""
    for number in range(MAX_DEPTH):
        if f"{PROJECTION}layers.{number}.0.to_q.weight" not in tensors:
            return
        yield number


class _Shapes:
    """The shapes of an IP-Adapter's tensors, by which its file is judged."""

    def __init__(self, path: Path, tensors: Tensors) -> None:
        self._path, self._tensors = path, tensors

    def of(self, name: str, axes: int) -> tuple[int, ...]:
        """Returns the shape of a tensor that must be there with so many axes, none of them empty. Raises ModelError."""
        if name not in self._tensors:
            raise ModelError(
                f"The IP-Adapter {self._path} lacks {name}; the file is incomplete, get it again.", field="controls"
            )
        shape = self._tensors[name].shape
        if len(shape) != axes or 0 in shape:
            raise self.damaged(name)
        return shape

    def damaged(self, name: str) -> ModelError:
        shape = list(self._tensors[name].shape)
        return ModelError(
            f"The IP-Adapter {self._path} has {name} of the shape {shape}; get it again.", field="controls"
        )
