"""Attention couple against plain loops over pixels, hung into diffusers' UNet; in the plain and the fused form of ours."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from sdedge.engines.torch.cpu import fused_unet
from sdedge.models.config import UNetConfig
from sdedge.models.cross_attention import attending_to
from sdedge.models.region_masks import region_fractions
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import RegionMasks, Window

UNET = {
    "block_out_channels": [8, 16, 16, 16], "cross_attention_dim": 12, "attention_head_dim": 2, "norm_num_groups": 4,
}  # fmt: skip
ERROR = 1e-5
SIZE = (8, 8)

needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)


def loops(masks: Tensor, weights: list[float], bases: list[float], h: int, w: int) -> list[list[list[float]]]:
    """The fractions at every pixel of a map, of the prompt first: the mean of the mask under it, divided where they overlap."""
    tall, wide = masks.shape[1] // h, masks.shape[2] // w
    rows = []
    for y in range(h):
        row = []
        for x in range(w):
            parts = [float(mask[y * tall : (y + 1) * tall, x * wide : (x + 1) * wide].mean()) for mask in masks]
            total = sum(part * weight for part, weight in zip(parts, weights, strict=True))
            covered = min(sum(parts), 1.0)
            regions = [
                part * weight / total * covered * (1 - base) if total else 0.0
                for part, weight, base in zip(parts, weights, bases, strict=True)
            ]
            row.append([1 - sum(regions), *regions])
        rows.append(row)
    return rows


class PlainLoops:
    """diffusers' processor of one cross attention, one query at a time; row 0 is unconditional."""

    def __init__(self, contexts: list[Tensor], masks: Tensor, weights: list[float], bases: list[float]) -> None:
        self.contexts, self.masks, self.weights, self.bases = contexts, masks, weights, bases

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None) -> Tensor:
        N, T, _ = hidden_states.shape
        h = next(SIZE[0] >> i for i in range(4) if (SIZE[0] >> i) * (SIZE[1] >> i) == T)
        w = T // h
        fractions = loops(self.masks, self.weights, self.bases, h, w)
        out = torch.zeros_like(hidden_states)
        for n in range(N):
            for y in range(h):
                for x in range(w):
                    query = attn.to_q(hidden_states[n, y * w + x])
                    own = encoder_hidden_states[n]
                    seen = self.seen(attn, query, own)
                    if n >= 1:
                        texts = [own, *(context[n - 1] for context in self.contexts)]
                        seen = sum(
                            part * self.seen(attn, query, text)
                            for part, text in zip(fractions[y][x], texts, strict=True)
                        )
                    out[n, y * w + x] = seen
        return attn.to_out[0](out)

    @staticmethod
    def seen(attn, query: Tensor, text: Tensor) -> Tensor:
        keys, values, width = attn.to_k(text), attn.to_v(text), query.shape[0] // attn.heads
        heads = []
        for i in range(attn.heads):
            part = slice(i * width, (i + 1) * width)
            scores = (keys[:, part] @ query[part]) * width**-0.5
            heads.append(scores.softmax(0) @ values[:, part])
        return torch.cat(heads)


@dataclass(frozen=True)
class Case:
    """What a UNet reads, the regions of it, and what plain loops in diffusers' UNet make of it."""

    state: dict[str, Tensor]
    inputs: tuple[Tensor, Tensor, Tensor]
    edit: RegionMasks
    plain: Tensor
    expected: Tensor


@pytest.fixture(scope="module")
@torch.no_grad()
def case() -> Case:
    torch.manual_seed(0)
    referee = UNet2DConditionModel(**UNET).eval()
    inputs = torch.randn(2, 4, *SIZE), torch.tensor([441.0]), torch.randn(2, 5, 12)
    contexts = [torch.randn(1, 5, 12), torch.randn(1, 9, 12)]  # of different lengths: none is padded
    masks = torch.zeros(2, *SIZE)
    masks[0, :, :5] = 1  # which ends within a pixel of the lower levels
    masks[1, 3:, 3:7] = 0.5 + torch.rand(5, 4) / 2  # painted softly, over a part of the other; the rest is a hole
    weights, bases = [1.0, 3.0], [0.25, 0.0]
    edit = RegionMasks(tuple(contexts), masks, torch.tensor(weights), torch.tensor(bases)).on(range(1, 2))
    plain = referee(*inputs).sample
    loop = PlainLoops(contexts, masks, weights, bases)
    referee.set_attn_processor(
        {name: loop if "attn2" in name else own for name, own in referee.attn_processors.items()}
    )
    return Case(referee.state_dict(), inputs, edit, plain, referee(*inputs).sample)


@pytest.mark.parametrize("form", ["plain", pytest.param("fused", marks=needs_onednn)])
@torch.no_grad()
def test_cross_attention_by_region_is_that_of_plain_loops_in_diffusers_unet(case, form):
    unet = UNet(UNetConfig.from_json(UNET)).eval()
    unet.load_state_dict(case.state, strict=True)
    unet = unet if form == "plain" else fused_unet.fuse(unet)
    with attending_to(unet, (), [case.edit], SIZE):
        ours = unet(*case.inputs)
    assert float((ours - case.expected).abs().max()) < ERROR
    assert float((unet(*case.inputs) - case.plain).abs().max()) < ERROR, "the regions left a trace"
    assert float((ours - case.plain)[1:].abs().max()) > 0.01, "regions that change nothing prove nothing"
    assert float((ours - case.plain)[:1].abs().max()) < ERROR, "the unconditional rows have no regions"


def test_a_region_that_covers_all_is_its_context_alone():
    masks = torch.ones(1, 8, 8)
    fractions = region_fractions(masks, torch.ones(1), torch.zeros(1), (4, 4))
    assert torch.equal(fractions[0], torch.zeros(4, 4)) and torch.equal(fractions[1], torch.ones(4, 4))


def test_fractions_are_one_in_sum_at_every_level_of_an_odd_size():
    torch.manual_seed(0)
    masks = torch.rand(3, 13, 21)
    for size in ((13, 21), (7, 11), (4, 6), (2, 3)):
        fractions = region_fractions(masks, torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.0, 0.3, 1.0]), size)
        assert fractions.min() >= 0 and torch.allclose(fractions.sum(0), torch.ones(size), atol=1e-6)
        assert torch.equal(fractions[3], torch.zeros(size)), "all of the third is the prompt's"


def test_a_window_sees_the_part_of_the_masks_that_it_covers():
    masks = torch.arange(64.0).reshape(1, 8, 8)
    edit = RegionMasks((), masks, torch.ones(1), torch.zeros(1)).cropped(Window(2, 3, 4, 5, (8, 8)))
    assert torch.equal(edit.masks, masks[:, 2:6, 3:8])
