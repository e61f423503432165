"""Regions in whole pictures: both ways against plain loops around the UNet, what they cannot do, and how they are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.engines.protocol import Capability
from sdedge.errors import InvalidRequest
from sdedge.generation import guidance
from sdedge.generation.region_windows import window_around
from sdedge.generation.regions import blended_areas, blended_fractions, region_mask
from sdedge.guides import guide_choice
from sdedge.images import metadata, metadata_a1111
from sdedge.models.unet_inputs import TokenMerging, UNetInputs
from sdedge.regions import Region, RegionMethod
from sdedge.request import Request
from sdedge.sampling.guidance import COND, UNCOND, Branch, ClassifierFreeGuidance, State
from sdedge.sampling.pag import PERTURBED
from sdedge.sampling.regions import REGION
from sdedge.windows import Windows
from tests.generation.conftest import SIDE, drawn, psnr

LEFT, RIGHT = (0.0, 0.0, 0.4, 1.0), (0.4, 0.25, 1.0, 1.0)  # the first ends within a latent, and the top right is a hole
PREDICTION, WINDOW = RegionMethod.PREDICTION, RegionMethod.WINDOW


def regional(models, *regions: Region, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": models[4], "guidance": 3.0, "steps": 2,
                "sampler": "euler", "seed": 7}  # fmt: skip
    return Request(**{**settings, **more}, regions=regions)


def _coverage(area, size: int) -> list[list[float]]:
    """How much of each latent a rectangle covers."""

    def part(i: int, start: float, stop: float) -> float:
        return max(0.0, min(stop * size, i + 1) - max(start * size, i))

    left, top, right, bottom = area
    return [[part(y, top, bottom) * part(x, left, right) for x in range(size)] for y in range(size)]


def _calls(engine, monkeypatch) -> list[tuple[UNetInputs, torch.Tensor]]:
    calls, predict = [], engine.predict

    def predict_noted(inputs):
        calls.append((inputs, predict(inputs)))
        return calls[-1][1]

    monkeypatch.setattr(engine, "predict", predict_noted)
    return calls


def test_blended_predictions_are_those_of_a_plain_loop(pipeline, models, monkeypatch):
    """Every latent of every step, from calls of the UNet for one prompt at a time."""
    regions = (Region("a blue boat", LEFT, weight=2, base=0.3, by=PREDICTION), Region("snow", RIGHT, by=PREDICTION))
    request = pipeline.resolve(regional(models, *regions))
    engine = pipeline.engine(request)
    calls = _calls(engine, monkeypatch)
    guided: list[torch.Tensor] = []
    guide = ClassifierFreeGuidance.__call__

    def noted(self, outputs, state):
        guided.append(guide(self, outputs, state))
        return guided[-1]

    monkeypatch.setattr(ClassifierFreeGuidance, "__call__", noted)
    drawn(pipeline, request)
    inputs, _ = calls[0]
    assert inputs.branches == ("uncond", "cond", "region", "region") and not inputs.regions
    monkeypatch.undo()
    alone = [
        engine.predict(UNetInputs(inputs.x[i : i + 1], inputs.t[:1], inputs.context[i : i + 1].clone()))[0]
        for i in range(4)
    ]
    uncond, cond, *own = alone
    masks = [_coverage(region.area, SIDE // 8) for region in regions]
    expected = torch.zeros_like(cond)
    for y in range(SIDE // 8):
        for x in range(SIDE // 8):
            parts = [mask[y][x] for mask in masks]
            total = sum(part * region.weight for part, region in zip(parts, regions, strict=True))
            fractions = [
                part * region.weight / total * min(sum(parts), 1) * (1 - region.base) if total else 0
                for part, region in zip(parts, regions, strict=True)
            ]
            text = cond[:, y, x] * (1 - sum(fractions))
            text = text + sum(fraction * output[:, y, x] for fraction, output in zip(fractions, own, strict=True))
            expected[:, y, x] = uncond[:, y, x] + 3 * (text - uncond[:, y, x])
    assert torch.allclose(guided[0][0], expected, atol=2e-5)


def test_regions_by_window_are_those_of_a_plain_loop_over_parts_of_the_canvas(pipeline, models, monkeypatch):
    """The model's own size is SIDE: on a canvas twice as wide each half is seen as a picture by itself."""
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 0.75)
    regions = (Region("a blue boat", left, base=0.25, by=WINDOW), Region("snow", right, by=WINDOW))
    request = pipeline.resolve(regional(models, *regions, width=2 * SIDE, height=SIDE, steps=2))
    engine = pipeline.engine(request)
    guided: list[tuple[float, torch.Tensor, torch.Tensor]] = []
    guide = ClassifierFreeGuidance.__call__

    def noted(self, outputs, state):
        guided.append((state.sigma, state.x, guide(self, outputs, state)))
        return guided[-1][2]

    monkeypatch.setattr(ClassifierFreeGuidance, "__call__", noted)
    calls = _calls(engine, monkeypatch)
    drawn(pipeline, request)
    monkeypatch.undo()
    assert all(len(inputs.x) == 1 and not inputs.regions for inputs, _ in calls) and len(guided) == 2
    sigma, x, expected = guided[0]
    plain = drawn_inputs(pipeline, engine, monkeypatch, request.replace(regions=()))
    x_in, t = (x * (sigma**2 + 1) ** -0.5), plain.t[:1]
    texts = list(plain_contexts(pipeline, engine, monkeypatch, models))

    def asked(context: torch.Tensor, part: slice) -> torch.Tensor:
        out = torch.zeros_like(x)
        out[..., part] = engine.predict(UNetInputs(x_in[..., part].contiguous(), t, context.clone()))
        return out

    n = SIDE // 8
    parts, everything = (slice(0, n), slice(n, 2 * n)), slice(0, 2 * n)
    uncond, prompt = (asked(plain.context[i : i + 1], everything) for i in (0, 1))
    masks = [
        torch.tensor(_coverage_of(area, n, 2 * n)) * (1 - region.base) for area, region in zip((left, right), regions)
    ]
    rest = 1 - masks[0] - masks[1]
    unguided = rest * uncond + sum(m * asked(plain.context[:1], part) for m, part in zip(masks, parts))
    text = rest * prompt + sum(m * asked(each, part) for m, each, part in zip(masks, texts, parts))
    assert torch.allclose(expected, unguided + 3 * (text - unguided), atol=2e-5)


def _coverage_of(area, h: int, w: int) -> list[list[float]]:
    """How much of each latent of a canvas a rectangle covers."""
    rows, columns = (
        [max(0.0, min(stop * size, i + 1) - max(start * size, i)) for i in range(size)]
        for start, stop, size in ((area[1], area[3], h), (area[0], area[2], w))
    )
    return [[row * column for column in columns] for row in rows]


def drawn_inputs(pipeline, engine, monkeypatch, request: Request) -> UNetInputs:
    with monkeypatch.context() as patch:
        calls = _calls(engine, patch)
        drawn(pipeline, request)
    return calls[0][0]


def plain_contexts(pipeline, engine, monkeypatch, models) -> Iterator[torch.Tensor]:
    """The contexts of the two regions, each as a picture's own prompt."""
    for prompt in ("a blue boat", "snow"):
        inputs = drawn_inputs(pipeline, engine, monkeypatch, regional(models, prompt=prompt))
        yield inputs.context[1:2]


def test_a_region_by_window_draws_the_same_in_any_batch_and_with_pag_and_a_control_s_branches(pipeline, models):
    settings = {"width": 2 * SIDE, "height": SIDE, "guides": (guide_choice("pag"), guide_choice("apg"))}
    request = regional(models, Region("a blue boat", LEFT, by=WINDOW), Region("snow", RIGHT, by=PREDICTION), **settings)
    first, second = drawn(pipeline, request, count=2, batch=2)
    assert psnr(first.pixels, drawn(pipeline, request)[0].pixels) >= 50
    assert psnr(second.pixels, first.pixels) < 40


@pytest.mark.parametrize("mask, native, expected", [
    ((slice(0, 4), slice(0, 4)), (2, 2), (0, 0, 4, 4)),  # as large as the region
    ((slice(0, 8), slice(0, 6)), (8, 8), (0, 0, 8, 8)),  # grown to the native size, inside the canvas
    ((slice(0, 8), slice(10, 12)), (8, 8), (0, 7, 8, 8)),  # around it
    ((slice(2, 3), slice(15, 16)), (4, 8), (0, 8, 4, 8)),
    ((slice(0, 1), slice(0, 1)), (99, 99), (0, 0, 8, 16)),  # a canvas smaller than the native size
])  # fmt: skip
def test_a_region_is_seen_in_a_part_of_the_canvas_no_smaller_than_the_native_size(mask, native, expected):
    canvas = torch.zeros(8, 16)
    canvas[mask] = 0.1
    window = window_around(canvas, native)
    assert (window.top, window.left, window.height, window.width) == expected


@pytest.mark.parametrize("more, said", [
    ({"regions": (Region("a boat", LEFT, by=WINDOW), Region("snow", RIGHT))}, "by=window or by=prediction into all of them"),
    ({"windows": Windows((SIDE, SIDE), 8), "width": 2 * SIDE}, "by=attention into each region, or leave the windows out"),
])  # fmt: skip
def test_what_does_not_go_with_regions_by_window(pipeline, models, more, said):
    with pytest.raises(InvalidRequest, match=said) as caught:
        pipeline.resolve(regional(models, Region("a boat", LEFT, by=WINDOW)).replace(**more))
    assert caught.value.field == "regions"


def test_attention_reads_each_region_s_own_prompt_in_the_conditional_rows(pipeline, models, monkeypatch):
    """`tests/models/test_region_masks.py` holds what the UNet makes of it."""
    request = regional(models, Region("a blue boat", LEFT), Region("snow", RIGHT, base=0.2))
    engine = pipeline.engine(request)
    calls = _calls(engine, monkeypatch)
    first, second = drawn(pipeline, request, count=2, batch=2)
    inputs, _ = calls[0]
    (edit,) = inputs.regions
    assert inputs.branches == ("uncond", "cond") and edit.rows == (2, 4) and edit.bases[1] == pytest.approx(0.2)
    assert torch.allclose(edit.masks, torch.tensor([_coverage(area, SIDE // 8) for area in (LEFT, RIGHT)]))
    assert edit.contexts[0] is calls[1][0].regions[0].contexts[0], "engines cache by the context"
    boat = drawn_contexts(pipeline, engine, monkeypatch, regional(models, prompt="a blue boat"))
    assert torch.equal(edit.contexts[0][0], boat)
    monkeypatch.undo()
    assert psnr(first.pixels, drawn(pipeline, request)[0].pixels) >= 50, "a batch never changes a picture"
    assert psnr(second.pixels, drawn(pipeline, regional(models, seed=8))[0].pixels) < 40


def drawn_contexts(pipeline, engine, monkeypatch, request: Request) -> torch.Tensor:
    calls = _calls(engine, monkeypatch)
    drawn(pipeline, request)
    return calls[0][0].context[-1]


@pytest.mark.parametrize("by", RegionMethod)
def test_regions_that_all_say_what_the_prompt_says_change_nothing(pipeline, models, by):
    regions = (Region("a red house", LEFT, by=by), Region("a red house", RIGHT, weight=3, base=0.4, by=by))
    same, plain = (drawn(pipeline, regional(models, *each))[0].pixels for each in (regions, ()))
    assert psnr(same, plain) >= 50


@pytest.mark.parametrize("by", [PREDICTION, WINDOW])
def test_what_is_no_part_of_the_picture_guides_nothing(pipeline, models, by):
    """Of a prompt that is seen nowhere neither its parts nor what PAG draws away from change anything."""
    regions = (Region("a blue boat", (0.0, 0.0, 0.5, 1.0), by=by), Region("snow", (0.5, 0.0, 1.0, 1.0), by=by))
    plain, perturbed, of_parts = (
        drawn(pipeline, regional(models, *regions, **more))[0].pixels
        for more in (
            {},
            {"guides": (guide_choice("pag", scale=30.0),)},
            {"prompt": "a red house AND grass :0.7 AND dog"},
        )
    )
    assert psnr(perturbed, plain) >= 50 and psnr(of_parts, plain) >= 50


@pytest.mark.parametrize("weights", [None, (1.0, 0.6)])
def test_a_region_s_prediction_counts_once_whatever_the_prompt_s_parts_and_pag_as_far_as_the_prompt_is_seen(
    pipeline, models, weights
):
    regions = (Region("boat", LEFT, base=0.3, by=PREDICTION), Region("snow", RIGHT, by=PREDICTION))
    request = pipeline.resolve(regional(models, *regions, guides=(guide_choice("pag", scale=2.0),)))
    n, facts = SIDE // 8, pipeline.engine(request).facts
    context, made = torch.zeros(1, 77, 32), torch.Generator().manual_seed(0)
    parts = weights or (1.0,)
    conds = [Branch(COND, context, None if weights is None else torch.tensor([w])) for w in parts]
    perturbed = [replace(cond, name=PERTURBED) for cond in conds]
    branches = [Branch(UNCOND, context), *conds, Branch(REGION, context), Branch(REGION, context), *perturbed]
    guide = guidance.guide(request, facts)
    chosen = guide.choose(branches, 1.0)
    assert set(chosen) == set(branches)
    out = {branch: torch.randn(1, 4, n, n, generator=made, dtype=torch.float64) for branch in chosen}
    uncond = out[branches[0]]
    prompt, *areas = blended_fractions(blended_areas(request, 8)).double()
    own = zip(areas, (output for branch, output in out.items() if branch.name == REGION), strict=True)
    expected = uncond + request.guidance * sum(area * (region - uncond) for area, region in own)
    for w, cond, without in zip(parts, conds, perturbed, strict=True):
        expected = expected + w * prompt * (request.guidance * (out[cond] - uncond) + 2.0 * (out[cond] - out[without]))
    assert torch.allclose(guide(out, State(torch.zeros_like(uncond), 1.0, "epsilon")), expected, atol=1e-6)


@pytest.mark.parametrize("by", RegionMethod)
@pytest.mark.parametrize("texts", [{"region": 90}, {"negative": 90}, {"prompt": 90}])
def test_prompts_of_any_lengths_go_together(pipeline, models, by, texts):
    region = Region("boat " * texts.get("region", 1), LEFT, by=by)
    settings = {
        "negative": "trees " * texts.get("negative", 1),
        "prompt": "house " * texts.get("prompt", 1),
        "steps": 1,
    }
    assert drawn(pipeline, regional(models, region, Region("snow", RIGHT, by=by), **settings))


def test_both_ways_go_together_and_with_and(pipeline, models, monkeypatch):
    request = regional(
        models, Region("boat", LEFT), Region("snow", RIGHT, by=PREDICTION), prompt="a red house AND grass :0.6"
    )
    calls = _calls(pipeline.engine(request), monkeypatch)
    drawn(pipeline, request)
    inputs, _ = calls[0]
    assert inputs.branches == ("uncond", "cond", "cond", "region")
    assert [edit.rows for edit in inputs.regions] == [(1, 2), (2, 3)]


def test_prompts_of_regions_are_scheduled_and_have_wildcards(pipeline, models, monkeypatch):
    request = regional(models, Region("[boat:snow:0.5] {red|blue}", LEFT))
    calls = _calls(pipeline.engine(request), monkeypatch)
    (picture,) = drawn(pipeline, request)
    contexts = [inputs.regions[0].contexts[0] for inputs, _ in calls]
    assert not torch.equal(*contexts)
    assert picture.request.regions[0].prompt.split()[-1] in ("red", "blue")
    assert picture.facts["choices"][0][0] == "{red|blue}"


def test_tokens_are_not_merged_across_regions(pipeline, models, monkeypatch):
    request = regional(models, Region("boat", LEFT), speed="fast")
    calls = []
    engine = pipeline.engine(request)
    partly = engine.predict_partly
    monkeypatch.setattr(
        engine, "predict_partly", lambda inputs, *more: (calls.append(inputs), partly(inputs, *more))[1]
    )
    (picture,) = drawn(pipeline, request)
    assert calls and not any(isinstance(edit, TokenMerging) for inputs in calls for edit in inputs.edits)
    assert all(inputs.regions for inputs in calls) and "merged" not in picture.facts["losses"]


def _painted(path: Path, size=(SIDE, SIDE)) -> str:
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[:, : size[0] // 2] = 255
    mask[:, size[0] // 2 : size[0] // 2 + 4] = 128
    Image.fromarray(mask).save(path)
    return str(path)


def test_a_painted_mask_is_brought_to_the_latents_by_area(tmp_path):
    mask = region_mask(Region("x", mask=_painted(tmp_path / "a.png")), (8, 8))
    assert mask.shape == (8, 8) and mask[:, :4].eq(1).all() and mask[:, 5:].eq(0).all()
    assert mask[:, 4].tolist() == pytest.approx([128 / 255 / 2] * 8, abs=0.01)
    assert region_mask(Region("x", mask=_painted(tmp_path / "b.png", (32, 32))), (8, 8))[0, 4] == pytest.approx(
        0.5, abs=0.01
    )


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: str(folder / "none.png"), "cannot be|no picture|there is no"),
        (lambda folder: _painted(folder / "wide.png", (96, 32)), "96x32, which is not the shape"),
        (
            lambda folder: (Image.new("L", (64, 64)).save(folder / "black.png"), str(folder / "black.png"))[1],
            "black everywhere",
        ),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_before_a_network_runs(
    pipeline, models, monkeypatch, tmp_path, make, sentence
):
    request = regional(models, Region("boat", mask=make(tmp_path)))
    monkeypatch.setattr(pipeline.engine(request), "network", lambda name: pytest.fail(f"{name} was loaded"))
    with pytest.raises(InvalidRequest, match=sentence) as refused:
        drawn(pipeline, request)
    assert refused.value.field == "regions" and str(refused.value).count(". ") == 0


def test_an_engine_without_the_edit_blends_predictions_and_refuses_attention(pipeline, models, monkeypatch):
    by_attention = regional(models, Region("boat", LEFT), steps=1)
    engine = pipeline.engine(by_attention)
    monkeypatch.setattr(engine, "can", engine.can - {Capability.REGION_MASKS})
    with pytest.raises(InvalidRequest, match="cannot draw regions by attention; write by=prediction") as refused:
        drawn(pipeline, by_attention)
    assert refused.value.field == "regions"
    assert drawn(pipeline, regional(models, Region("boat", LEFT, by=PREDICTION), steps=1))


def test_a_picture_records_its_regions_and_they_are_read_back(pipeline, models):
    request = regional(
        models, Region('a "blue" boat, (sea:1.2): x', LEFT, base=0.3), Region("schnee\nzwei", RIGHT, by=PREDICTION)
    )
    text = metadata_a1111.write(pipeline.resolve(request), {})
    assert metadata.parse_parameters(text).fields["regions"] == request.regions
    assert Request.from_json(request.to_json()).regions == request.regions
