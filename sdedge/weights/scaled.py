"""Scaled fp8: weights kept as float8 with a factor beside each, as ComfyUI writes them; what is read is their product.

model.diffusion_model.….weight        float8_e4m3fn
model.diffusion_model.….scale_weight  one float32, or one for each output channel
model.diffusion_model.….scale_input   for multiplying in fp8, of no use here
scaled_fp8                            a marker, whose format says which float8 it is
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError
from sdedge.weights.files import LazyTensor, TensorSource, WeightFile

if TYPE_CHECKING:
    import torch

SUFFIXES = (".scale_weight", ".weight_scale")
_MARKERS = ("scaled_fp8", ".scale_input", ".input_scale", ".comfy_quant")


@dataclass(frozen=True)
class ScaledTensor:
    """A tensor in its file that is read times a factor, one for all or one for each of the first axis, as float32."""

    tensor: LazyTensor
    scale: LazyTensor

    @property
    def name(self) -> str:
        return self.tensor.name

    @property
    def file(self) -> WeightFile:
        return self.tensor.file

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return torch.float32

    @property
    def dtype_name(self) -> str:
        return "float32"

    @property
    def nbytes(self) -> int:
        """Of the product."""
        return self.numel * 4

    @property
    def numel(self) -> int:
        return self.tensor.numel

    @property
    def stride(self) -> tuple[int, ...] | None:
        return self.tensor.stride

    @property
    def aligned(self) -> bool:
        return False  # no file holds it

    def reshaped(self, shape: tuple[int, ...]) -> ScaledTensor:
        """The same values under another shape with the same count."""
        if self.scale.numel > 1 and shape[:1] != self.shape[:1]:
            raise ModelError(f"{self.name} has the shape {list(self.shape)}, which cannot become {list(shape)}.")
        return ScaledTensor(self.tensor.reshaped(shape), self.scale)

    def fill(self, target: torch.Tensor) -> None:
        target.copy_(self.copy())

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        import torch

        scale = self.scale.copy(torch.float32)
        scale = scale.reshape(-1, *(1,) * (len(self.shape) - 1)) if self.scale.numel > 1 else scale.reshape(())
        return (self.tensor.copy(torch.float32) * scale).to(device, dtype or self.dtype)

    def read(self) -> torch.Tensor:
        return self.copy()

    def release(self) -> None:
        """Nothing of it is mapped."""


def unscaled(source: TensorSource) -> TensorSource:
    """Returns a file's tensors with each weight's factor in it; the file itself where it holds none.

    Raises ModelError for factors that fit no weight.
    """
    if not any(name.endswith(SUFFIXES) for name in source):
        return source
    tensors: dict[str, Any] = {
        name: _with_scale(name, tensor, source)
        for name, tensor in source.items()
        if not name.endswith((*SUFFIXES, *_MARKERS))
    }
    return TensorSource(source.path, source.container, tensors, source.metadata, source.tree)


def _with_scale(name: str, tensor: LazyTensor, source: Mapping[str, LazyTensor]) -> LazyTensor | ScaledTensor:
    module = name.removesuffix(".weight")
    scale = next((source[key] for suffix in SUFFIXES if (key := module + suffix) in source), None)
    if module == name or scale is None:
        return tensor
    if "float" not in tensor.dtype_name:
        raise ModelError(
            f"The weight {tensor.name[:120]!r} is stored as {tensor.dtype_name} with a factor beside it, which is not read; get "
            "the model in fp16, or in scaled fp8."
        )
    if scale.numel != 1 and (scale.numel != tensor.shape[0] or scale.shape[:1] != tensor.shape[:1]):
        raise ModelError(
            f"The factor {scale.name[:120]!r} has the shape {list(scale.shape)}, which fits no weight of {list(tensor.shape)}; "
            "get the file again."
        )
    return ScaledTensor(tensor, scale)
