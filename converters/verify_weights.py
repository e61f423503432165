"""The weights of converted packages against the checkpoint they came from, number by number.

A kernel in half precision must be the checkpoint's, rounded. One in fewer bits must be the best of its form: every number at its
palette's nearest entry and every entry the mean of its numbers (Lloyd 1982), or every number within half a step of its scale.
That holds whatever the model, so it tells damage from loss where no floor in decibels can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.coreml.compressed import BLOCK, as_kernel
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.program import Operation
from sdedge.engines.coreml.portable.runner import decode

PALETTE, SCALED = "constexpr_lut_to_dense", ("constexpr_affine_dequantize", "constexpr_blockwise_shift_scale")
FOLDED = ("quant_conv_weight",)
"""Kernels that are not the checkpoint's alone: the ratio of latent scales is folded into them."""
HALF = 2.0**-10
"""Relative distance of neighbouring halves, which is allowed on top of a form's own error."""
CENTRE = 2e-3
"""How far a palette's entry may be from the mean of its numbers, as a fraction of their range, where k-means stopped early."""
TIES = 2000
"""One number in so many, and two more, may lie between two entries that half precision moved."""


class Readable(Protocol):
    """A tensor of a checkpoint that is read when it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def copy(self, dtype: torch.dtype | None = None) -> Tensor: ...


@dataclass(frozen=True)
class KernelError:
    """A kernel that is not what a conversion of the checkpoint gives; `wrong` of its `size` numbers are not."""

    name: str
    bits: int
    wrong: int
    size: int


def compare_weights(package: Package, tensors: Mapping[str, Readable]) -> Iterator[KernelError]:
    """Yields the kernels and embedding tables of a package that are not their checkpoint's.

    tensors   the component's weights by their names in the checkpoint, LoRAs merged

    Raises ModelError for weights that cannot be read.
    """
    labels = {name.replace(".", "_"): name for name in tensors if name.endswith(".weight")}
    function = package.function()
    decoded = decode(package, function)
    for op in function.operations:
        name = labels.get(op.name)
        if op.constant and name is not None and not op.name.endswith(FOLDED):
            values = np.asarray(decoded[op.name])
            exact = tensors[name].copy(torch.float16).numpy()
            if exact.ndim == 2 and values.ndim == 4:
                exact = as_kernel(exact)
            if exact.ndim > 1 and values.shape == exact.shape and (wrong := _count_wrong(op, values, exact)):
                yield KernelError(name, weight_bits(op, values), wrong, values.size)


def weight_bits(op: Operation, values: np.ndarray) -> int:
    """Returns the bits of one stored number of a constant operation."""
    if op.type not in (PALETTE, *SCALED):
        return 16
    stored = op.inputs.get("indices") or op.inputs.get("quantized_data") or op.inputs["data"]
    kind = stored[0].type if not isinstance(stored[0], str) else None
    if kind is None:
        return 16
    if op.type == PALETTE and "shape" in op.inputs:  # iOS 16 packs indices into bytes
        return 8 * kind.elements // max(1, values.size)
    return kind.bits


def _count_wrong(op: Operation, values: np.ndarray, exact: np.ndarray) -> int:
    got, wanted = values.astype(np.float32), exact.astype(np.float32)
    if not np.isfinite(got).all():
        return int((~np.isfinite(got)).sum())
    if op.type == PALETTE:
        wrong = sum(_wrong_in_palette(a, b) for a, b in zip(*_groups(op, got, wanted)))
        return wrong if wrong > 2 + got.size // TIES else 0
    if op.type in SCALED:
        return _wrong_in_steps(op, got, wanted)
    return int((got != wanted).sum())


def _groups(op: Operation, got: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns both cut into the output channels that share a palette: (groups, numbers)."""
    bound = op.inputs["lut"][0]
    shape = bound.type.static if not isinstance(bound, str) else ()
    groups = shape[0] if len(shape) > 2 else 1
    return got.reshape(groups, -1), wanted.reshape(groups, -1)


def _wrong_in_palette(got: np.ndarray, wanted: np.ndarray) -> int:
    """Counts numbers away from their nearest entry, and those of entries away from their mean."""
    entries, index, counts = np.unique(got, return_inverse=True, return_counts=True)
    edges = (entries[1:] + entries[:-1]) / 2
    nearest = entries[np.searchsorted(edges, wanted)]
    slack = HALF * (np.abs(got) + np.abs(nearest)) + 1e-7  # entries were rounded after the numbers were given to them
    away = np.abs(got - wanted) > np.abs(nearest - wanted) + slack
    means = np.bincount(index.reshape(-1), wanted.astype(np.float64)) / counts
    allowed = HALF * np.abs(means) + CENTRE * (wanted.max() - wanted.min()) + 1e-7
    return int(away.sum() + counts[np.abs(entries - means) > allowed].sum())


def _wrong_in_steps(op: Operation, got: np.ndarray, wanted: np.ndarray) -> int:
    """Counts numbers further than half a step from theirs; a step is the largest of a channel, or block, over its integers."""
    bits = weight_bits(op, got)
    out, channels = got.shape[:2]
    blocks = channels // BLOCK if bits == 4 and channels % BLOCK == 0 else 1
    wide = wanted.reshape(out, blocks, -1)
    step = np.abs(wide).max(2, keepdims=True) / (2 ** (bits - 1) - 1) + 2.0**-24
    # The scale is itself a half, so that the integer may be the next one where the kernel's number lies between two.
    limit = step * (0.5 + 2 ** (bits - 1) * HALF) + HALF * np.abs(wide)
    return int((np.abs(got.reshape(wide.shape) - wide) > limit).sum())
