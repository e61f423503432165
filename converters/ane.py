"""Layers in the Neural Engine's layout, written as ML Program operations: features are (B, C, H, W), tokens lie along the
last axis of (B, C, 1, S), and linear layers are 1x1 convolutions.

After Apple's ml-stable-diffusion (unet.py, attention.py, layer_norm.py), with two differences: chunked attention covers
every length and honours masks, and norms divide by the range before they square.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from converters.constants import Weights
from converters.toolchain import Var, mb

Attention = Callable[[Var, Var, Var, int, "np.ndarray | None"], Var]
"""Queries (B, C, 1, Sq), keys and values (B, C, 1, Sk), heads, additive mask (Sq, Sk) or None -> (B, C, 1, Sq)."""

QUERIES = 512
"""How many queries the chunked attention takes at a time, as in Apple's split_einsum_v2."""
MASKED = -1e4
"""Added to scores that must not count. Minus infinity spoils palettes, and makes NaN of its products."""
RANGE = 64
"""What norms bring the spread of their inputs to before they square: squares of 300 times less are still normal numbers of
half precision, which matters where the Neural Engine takes subnormal ones for 0, and 64 squared is far from the largest."""
TINY = np.float16(2.0**-14)
"""The smallest normal number of half precision: the floor of what is divided by, and the epsilon of operations that insist
on one."""


# Layers


def conv(w: Weights, x: Var, name: str, stride: int = 1, pad: int = 0) -> Var:
    """Applies the layer of this name, a convolution or a linear layer: (B, C, H, W) -> (B, out, H', W')."""
    bias = w.bias(f"{name}.bias")
    options = {} if bias is None else {"bias": bias}
    return mb.conv(
        x=x, weight=w.kernel(f"{name}.weight"), strides=[stride] * 2, pad_type="custom", pad=[pad] * 4,
        name=w.label(name), **options,
    )  # fmt: skip


def _centred(x: Var, axes: list[int]) -> tuple[Var, Var]:
    """Returns `(x - mean) * scale` and `scale`, which is RANGE / (largest - smallest), at most 2^14.

    All that follows stays within half precision for any |x| below 32000, and needs no subnormal number: the textbook
    form squares x - mean, which overflows from 256 on.
    """
    width = mb.sub(x=mb.reduce_max(x=x, axes=axes, keep_dims=True), y=mb.reduce_min(x=x, axes=axes, keep_dims=True))
    scale = mb.inverse(x=mb.mul(x=width, y=np.float16(1 / RANGE)), epsilon=TINY)
    mean = mb.reduce_mean(x=x, axes=axes, keep_dims=True)
    return mb.mul(x=mb.sub(x=x, y=mean), y=scale), scale


def _factor(d: Var, scale: Var, axes: list[int], eps: float) -> Var:
    """Returns what brings `d` to a variance of 1; eps is scaled along, so that the result is the textbook's."""
    root = mb.mul(x=scale, y=np.float16(eps**0.5))
    variance = mb.add(x=mb.reduce_mean(x=mb.mul(x=d, y=d), axes=axes, keep_dims=True), y=mb.mul(x=root, y=root))
    return mb.rsqrt(x=variance, epsilon=TINY)


def group_norm(w: Weights, x: Var, name: str, groups: int, eps: float) -> Var:
    """Normalises groups, (B, C, H, W) -> same. The weight is folded into each group's factor, one pass over the data less.

    H and W stay apart: together they pass the Neural Engine's largest dimension from 192x192 on, which the VAE has at
    every size over a picture's eighth. Groups lie along the batch, so that no tensor has more than four dimensions: compilers
    of Core ML have failed on others.
    """
    B, C, H, W = x.shape
    shape, axes = (groups, C // groups, 1, 1), [1, 2, 3]
    d, scale = _centred(mb.reshape(x=x, shape=[B * groups, C // groups, H, W]), axes)
    factor = mb.mul(
        x=_factor(d, scale, axes, eps), y=w.vector(f"{name}.weight", shape, B)
    )  # (B groups, C/groups, 1, 1)
    out = mb.add(x=mb.mul(x=d, y=factor), y=w.vector(f"{name}.bias", shape, B))
    return mb.reshape(x=out, shape=[B, C, H, W], name=w.label(name))


def layer_norm(w: Weights, x: Var, name: str, eps: float = 1e-5) -> Var:
    """Normalises over the channels of (B, C, 1, S).

    The weight comes before the factor: a product with one constant and then a sum with another, both (1, C, 1, 1), is
    what coremltools takes for a batch norm, and rewrites wrongly in half precision.
    """
    shape = (1, x.shape[1], 1, 1)
    d, scale = _centred(x, [1])
    factor = _factor(d, scale, [1], eps)
    out = mb.mul(x=mb.mul(x=d, y=w.vector(f"{name}.weight", shape)), y=factor)
    return mb.add(x=out, y=w.vector(f"{name}.bias", shape), name=w.label(name))


def quick_gelu(x: Var) -> Var:
    return mb.mul(x=x, y=mb.sigmoid(x=mb.mul(x=x, y=np.float16(1.702))))


def gelu(x: Var) -> Var:
    return mb.gelu(x=x, mode="EXACT")


ACTIVATIONS: dict[str, Callable[[Var], Var]] = {"quick_gelu": quick_gelu, "gelu": gelu}


# Attention


def original(q: Var, k: Var, v: Var, heads: int, mask: np.ndarray | None = None) -> Var:
    """Computes all heads in two batched products: suits GPUs.

    The weights come first in the second one: values first, with the weights transposed, is the expression to which
    aborts of Core ML's GPU path on macOS 26 were bisected.
    """
    B, C, _, S = q.shape
    q, k, v = (mb.reshape(x=x, shape=[B, heads, C // heads, x.shape[3]]) for x in (_scaled(q, heads), k, v))
    scores = mb.matmul(x=q, y=k, transpose_x=True)  # (B, heads, Sq, Sk)
    weights = mb.softmax(x=scores if mask is None else mb.add(x=scores, y=mask.astype(np.float16)), axis=-1)
    out = mb.matmul(x=weights, y=mb.transpose(x=v, perm=[0, 1, 3, 2]))  # (B, heads, Sq, C / heads)
    return mb.reshape(x=mb.transpose(x=out, perm=[0, 1, 3, 2]), shape=[B, C, 1, S])


def split_einsum(q: Var, k: Var, v: Var, heads: int, mask: np.ndarray | None = None) -> Var:
    """Computes head by head, in the two products that the Neural Engine runs without moving data."""
    return _split(q, k, v, heads, mask, q.shape[3])


def split_einsum_v2(q: Var, k: Var, v: Var, heads: int, mask: np.ndarray | None = None) -> Var:
    """Computes as `split_einsum`, 512 queries at a time and then the rest, so that the scores stay in fast memory."""
    return _split(q, k, v, heads, mask, QUERIES)


ATTENTIONS: dict[str, Attention] = {
    "original": original, "split-einsum": split_einsum, "split-einsum-v2": split_einsum_v2,
}  # fmt: skip


def _scaled(q: Var, heads: int) -> Var:
    return mb.mul(x=q, y=np.float16((q.shape[1] // heads) ** -0.5))


def _split(q: Var, k: Var, v: Var, heads: int, mask: np.ndarray | None, queries: int) -> Var:
    q, S = _scaled(q, heads), q.shape[3]
    sizes = [min(queries, S - start) for start in range(0, S, queries)]
    biases = [None] * len(sizes) if mask is None else np.split(_upright(mask), np.cumsum(sizes)[:-1], axis=3)
    pieces = zip(_cut(q, sizes, 3), biases, strict=True)
    ks, vs = _heads(mb.transpose(x=k, perm=[0, 3, 2, 1]), heads, 3), _heads(v, heads, 1)  # keys are (B, Sk, 1, C)
    out = [_attend(_heads(piece, heads, 1), ks, vs, bias) for piece, bias in pieces]
    return out[0] if len(out) == 1 else mb.concat(values=out, axis=3)


def _attend(qs: list[Var], ks: list[Var], vs: list[Var], bias: np.ndarray | None) -> Var:
    out = []
    for q, k, v in zip(qs, ks, vs, strict=True):
        scores = mb.einsum(values=(k, q), equation="bkhc,bchq->bkhq")
        weights = mb.softmax(x=scores if bias is None else mb.add(x=scores, y=bias), axis=1)
        out.append(mb.einsum(values=(v, weights), equation="bchk,bkhq->bchq"))
    return out[0] if len(out) == 1 else mb.concat(values=out, axis=1)


def _upright(mask: np.ndarray) -> np.ndarray:
    """Turns (Sq, Sk) into (1, Sk, 1, Sq), as the split scores lie."""
    return np.ascontiguousarray(mask.T[None, :, None], dtype=np.float16)


def _heads(x: Var, heads: int, axis: int) -> list[Var]:
    return _cut(x, [x.shape[axis] // heads] * heads, axis)


def _cut(x: Var, sizes: list[int], axis: int) -> list[Var]:
    return [x] if len(sizes) == 1 else list(mb.split(x=x, split_sizes=sizes, axis=axis))
