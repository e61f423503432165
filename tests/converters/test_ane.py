"""Norms and attention as they are written for the Neural Engine, each operation rounded to half precision, against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from converters.ane import ATTENTIONS, MASKED, QUERIES, group_norm, layer_norm
from converters.constants import Weights
from converters.psnr import psnr
from sdedge.weights.held import HeldTensor

NORMS = {
    "group": (lambda w, x: group_norm(w, x, "norm", 4, 1e-5), (2, 16, 6, 5), lambda x, g, b: F.group_norm(x, 4, g, b, 1e-5)),
    "layer": (
        lambda w, x: layer_norm(w, x, "norm"), (2, 48, 1, 7),
        lambda x, g, b: F.layer_norm(x.movedim(1, -1), x.shape[1:2], g, b).movedim(-1, 1),
    ),
}  # fmt: skip


def _normed(run, kind: str, x: torch.Tensor, flush: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    emit, _, referee = NORMS[kind]
    C = x.shape[1]
    weight, bias = torch.linspace(0.5, 2, C).half(), torch.linspace(-1, 1, C).half()
    weights = Weights({"norm.weight": HeldTensor(weight), "norm.bias": HeldTensor(bias)})
    got = run(lambda inputs: {"y": emit(weights, inputs["x"])}, tuple(x.shape), flush, x=x)
    return got, referee(x.half().float(), weight.float(), bias.float())


@pytest.mark.parametrize("scale, shift", [(2000, 0), (500, 1500), (1, 0), (1e-2, 0), (1e-3, 0)])
@pytest.mark.parametrize("kind", NORMS)
def test_norms_hold_from_a_thousandth_to_two_thousand(run, kind, scale, shift):
    """The textbook form squares x - mean, which is infinite from 256 on."""
    x = torch.empty(NORMS[kind][1]).uniform_(-1, 1, generator=torch.Generator().manual_seed(0)) * scale + shift
    got, expected = _normed(run, kind, x)
    assert psnr(expected, got) > 55


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("kind, shape", [("group", (1, 16, 64, 80)), ("layer", (1, 768, 1, 9))])
def test_norms_need_no_subnormal_number(run, kind, shape, flush):
    """One value 300 standard deviations out makes all others so small that their squares are, scaled to a range of 1."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x[0, 3, 0, 5] = 300
    got, expected = _normed(run, kind, x, flush)
    assert torch.isfinite(got).all()
    near = expected.abs() < 3  # psnr goes by the outlier, which is all that it would see
    assert psnr(expected[near], got[near]) > 55


def test_layer_norms_take_weights_of_zero_and_nearly(run):
    x = torch.randn(1, 6, 1, 9, generator=torch.Generator().manual_seed(0))
    weight, bias = torch.tensor([0, 1e-7, -1e-4, 1, -2, 0.5]).half(), torch.tensor([3, -3, 2, 0, 1, 0.1]).half()
    weights = Weights({"norm.weight": HeldTensor(weight), "norm.bias": HeldTensor(bias)})
    got = run(lambda inputs: {"y": layer_norm(weights, inputs["x"], "norm")}, tuple(x.shape), x=x)
    expected = F.layer_norm(x.half().float().movedim(1, -1), (6,), weight.float(), bias.float()).movedim(-1, 1)
    assert psnr(expected, got) > 70 and torch.equal(got[0, 0], torch.full((1, 9), 3.0))


@pytest.mark.parametrize("kind", NORMS)
def test_a_constant_input_gives_the_bias(run, kind):
    got, expected = _normed(run, kind, torch.full(NORMS[kind][1], 3.0))
    assert torch.equal(got, expected.half().float())


@pytest.mark.parametrize(
    "queries, keys, masked",
    [(77, 77, True), (QUERIES, 20, False), (QUERIES + 88, QUERIES + 88, True), (3 * QUERIES - 1, 9, False)],
)
@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_equals_torchs_at_every_length(run, name, queries, keys, masked):
    """Lengths under, at and over the chunk: a rest of queries is attended to as well."""
    heads, D, generator = 2, 8, torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(1, heads * D, 1, n, generator=generator) for n in (queries, keys, keys))
    mask = np.triu(np.full((queries, keys), MASKED, np.float16), 1) if masked else None
    y = run(lambda g: {"y": ATTENTIONS[name](g["q"], g["k"], g["v"], heads, mask)}, tuple(q.shape), q=q, k=k, v=v)
    split = (x[:, :, 0].half().float().view(1, heads, D, -1).transpose(2, 3) for x in (q, k, v))
    bias = None if mask is None else torch.from_numpy(mask).float()
    expected = F.scaled_dot_product_attention(*split, attn_mask=bias).transpose(2, 3).reshape(q.shape)
    assert torch.isfinite(y).all()
    assert psnr(expected, y) > 60
