"""The layers of networks: convolutions, products of matrices, attention, norms, upsampling."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.engines.coreml.portable.operations.growth import check_growth, check_padding
from sdedge.engines.coreml.portable.operations.table import arithmetic, ints


def _same_padding(size: int, kernel: int, stride: int, dilation: int, lower: bool) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


@arithmetic
def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Tensor | None = None,
    pad_type: str = "valid",
    pad: Tensor | None = None,
    dilations: Tensor | None = None,
    groups: int = 1,
) -> Tensor:
    """Convolves x (B, C, *spatial), weight (out, C / groups, *kernel); `pad` holds before and after for each spatial axis."""
    rank = x.dim() - 2
    stride, dilation = ints(strides) or [1] * rank, ints(dilations) or [1] * rank
    if pad_type == "custom":
        pairs = list(zip(ints(pad)[::2], ints(pad)[1::2], strict=True))
    elif pad_type in ("same", "same_lower"):
        lower = pad_type == "same_lower"
        pairs = [_same_padding(*args, lower) for args in zip(x.shape[2:], weight.shape[2:], stride, dilation)]
    else:
        pairs = [(0, 0)] * rank
    check_padding(x, pairs)
    even = all(before == after for before, after in pairs)
    if not even:
        x = F.pad(x, [n for pair in reversed(pairs) for n in pair])
    padding = [before for before, _ in pairs] if even else [0] * rank
    run = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]
    return run(x, weight, bias, stride, padding, dilation, groups)


@arithmetic
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, weight, bias)


@arithmetic
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    return (x.mT if transpose_x else x) @ (y.mT if transpose_y else y)


@arithmetic
def einsum(values: list[Tensor], equation: str) -> Tensor:
    return torch.einsum(equation, *values)


@arithmetic
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, attn_mask)


@arithmetic
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    return x.softmax(axis)


@arithmetic
def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    return F.batch_norm(x, mean, variance, gamma, beta, eps=epsilon)


@arithmetic
def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: float = 1e-5) -> Tensor:
    return F.instance_norm(x, weight=gamma, bias=beta, eps=epsilon)


@arithmetic
def layer_norm(
    x: Tensor,
    axes: Tensor | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    dims = sorted(axis % x.dim() for axis in ints(axes)) or list(range(x.dim()))
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    y = (x - mean) * torch.rsqrt(variance + epsilon)
    shape = [n if i in dims else 1 for i, n in enumerate(x.shape)]
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


@arithmetic
def l2_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Normalises over the last three axes."""
    return x * torch.rsqrt(x.square().sum((-3, -2, -1), keepdim=True) + epsilon)


@arithmetic
def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    H, W = x.shape[-2:]
    check_growth(x.numel() * scale_factor_height * scale_factor_width, x)
    return F.interpolate(x, size=(int(H * scale_factor_height), int(W * scale_factor_width)), mode="nearest")


@arithmetic
def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    check_growth(math.prod(x.shape[:-2]) * target_size_height * target_size_width, x)
    return F.interpolate(x, size=(target_size_height, target_size_width), mode="nearest")
