"""Tiled diffusion against the papers' formulas in plain loops, and whole pictures drawn in windows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.engines.protocol import Capability
from sdedge.errors import InvalidRequest
from sdedge.generation.windowed import jitter, placed, starts, window_weights, windowed
from sdedge.images import metadata, metadata_a1111
from sdedge.machine.memory_plan import MemoryRequest, predict
from sdedge.models.unet_inputs import RegionMasks, UNetInputs, Window
from sdedge.regions import Region
from sdedge.request import Request, Resolved
from sdedge.windows import Blend, Windows
from tests.generation.conftest import drawn, psnr

WINDOW = Windows((64, 64), 24)  # 8 x 8 latents that share 3


def tiled(models, width=136, height=104, windows=WINDOW, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": models[4], "guidance": 3.0, "steps": 2, "sampler": "euler",
                "seed": 7, "width": width, "height": height, "windows": windows}  # fmt: skip
    return Request(**{**settings, **more})


@pytest.mark.parametrize("blend", Blend)
def test_predictions_are_blended_as_the_papers_say(blend):
    """MultiDiffusion's equation 5 and Mixture of Diffusers' Gaussian, pixel by pixel of every branch and channel."""
    torch.manual_seed(0)
    x = torch.randn(2, 4, 13, 17)

    def network(part: torch.Tensor) -> torch.Tensor:
        return part * 2 + part.mean((2, 3), keepdim=True) + torch.arange(part.shape[3]) * 0.1

    request = Resolved("x", width=136, height=104, windows=replace(WINDOW, blend=blend))
    seen = []
    predict = windowed(lambda inputs: (seen.append(inputs.window), network(inputs.x))[1], request, 8, [500.0])
    ours = predict(UNetInputs(x, torch.full((2,), 500.0), torch.zeros(2, 1, 1)))

    tops, lefts = (0, 5), (0, 5, 9)  # every 5, and the last one shifted back to the edge
    assert [(window.top, window.left) for window in seen] == [(top, left) for top in tops for left in lefts]
    density = [
        math.exp(-(((i - 3.5) / 8) ** 2) / (2 * 0.01)) / math.sqrt(2 * math.pi * 0.01)
        if blend is Blend.MIXTURE
        else 1.0
        for i in range(8)
    ]
    expected = torch.zeros_like(x)
    for n in range(2):
        for y in range(13):
            for column in range(17):
                total, sums = torch.zeros(4), 0.0
                for top in tops:
                    for left in lefts:
                        if top <= y < top + 8 and left <= column < left + 8:
                            weight = density[y - top] * density[column - left]
                            part = network(x[n : n + 1, :, top : top + 8, left : left + 8])
                            total += weight * part[0, :, y - top, column - left]
                            sums += weight
                expected[n, :, y, column] = total / sums
    assert torch.allclose(ours, expected, atol=1e-5)


@pytest.mark.slow
def test_a_picture_in_windows_is_guided_once_on_the_whole_canvas(pipeline, models):
    """A loop of its own: predictions of windows, their mean, guidance with rescale of the whole, Euler's step."""
    request = pipeline.resolve(tiled(models, windows=replace(WINDOW, blend=Blend.MULTIDIFFUSION), guidance_rescale=0.7))
    engine, calls = pipeline.engine(request), []
    predict = engine.predict
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "predict", lambda inputs: (calls.append(inputs), predict(inputs))[1])
        (picture,) = drawn(pipeline, request)
    assert len(calls) == 2 * 6 and all(inputs.x.shape == (2, 4, 8, 8) for inputs in calls)
    assert all(inputs.context is calls[0].context for inputs in calls), "engines cache by the context"

    from sdedge.generation.sample import decode_pixels, make_plan

    plan = make_plan(request, engine.facts)
    x = torch.randn(1, 4, 13, 17, generator=torch.Generator().manual_seed(7)) * plan.sigmas[0]
    context = calls[0].context
    for sigma, following in zip(plan.sigmas, plan.sigmas[1:]):
        total, sums = torch.zeros(2, 4, 13, 17), torch.zeros(13, 17)
        t = torch.full((2,), plan.timestep(sigma))
        for top in (0, 5):
            for left in (0, 5, 9):
                part = (x / (sigma**2 + 1) ** 0.5)[..., top : top + 8, left : left + 8].repeat(2, 1, 1, 1)
                total[..., top : top + 8, left : left + 8] += predict(UNetInputs(part, t, context))
                sums[top : top + 8, left : left + 8] += 1
        uncond, cond = (total / sums).split(1)
        guided = uncond + 3 * (cond - uncond)
        guided = guided * (0.7 * cond.std() / guided.std() + 0.3)
        x = x + guided * (following - sigma)
    assert psnr(decode_pixels(engine, request, x), picture.pixels) >= 50
    assert psnr(drawn(pipeline, request.replace(windows=None))[0].pixels, picture.pixels) < 40


def test_windows_cover_every_latent_and_stay_inside():
    for length in (8, 9, 15, 16, 40):
        for offset in range(5):
            places = starts(length, 8, 5, offset)
            covered = {i for place in places for i in range(place, place + 8)}
            assert covered == set(range(length)), (length, offset)
    assert starts(16, 8, 8) == [0, 8] and starts(8, 8, 5) == [0]
    windows = [*placed((9, 24), (8, 8), 3, (1, 4))]
    assert {window.top for window in windows} == {0, 1} and max(window.left for window in windows) == 16


def test_jitter_is_of_the_seed_and_the_step():
    drawn_offsets = [jitter(seed, step, (48, 48)) for seed in range(3) for step in range(3)]
    assert len(set(drawn_offsets)) == 9 and drawn_offsets == [
        jitter(s, t, (48, 48)) for s in range(3) for t in range(3)
    ]


@pytest.mark.slow
def test_a_picture_with_jitter_is_the_same_alone_and_in_a_batch(pipeline, models):
    request = tiled(models, windows=replace(WINDOW, jitter=True))
    together = [picture.pixels for picture in drawn(pipeline, request, count=2, batch=2)]
    alone = [drawn(pipeline, request.numbered(i))[0].pixels for i in range(2)]
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    assert psnr(alone[0], drawn(pipeline, tiled(models))[0].pixels) < 45


def test_one_window_that_is_all_draws_the_picture_as_without(pipeline, models):
    plain, in_one = (drawn(pipeline, tiled(models, 64, 64, windows=each))[0] for each in (None, WINDOW))
    assert np.array_equal(plain.pixels, in_one.pixels)


def test_masks_of_regions_and_channels_are_cropped():
    x = torch.arange(2 * 4 * 6 * 7.0).reshape(2, 4, 6, 7)
    edit = RegionMasks((), torch.rand(1, 6, 7), torch.ones(1), torch.zeros(1))
    inputs = UNetInputs(x, torch.ones(2), torch.ones(2, 3, 4), channels=torch.rand(2, 5, 6, 7), edits=(edit,))
    window = Window(1, 2, 3, 4, (6, 7))
    part = inputs.cropped(window)
    for cropped, all_of_it in ((part.x, x), (part.channels, inputs.channels), (part.regions[0].masks, edit.masks)):
        assert torch.equal(cropped, all_of_it[..., 1:4, 2:6])
    assert part.context is inputs.context and part.window == window


@pytest.mark.slow
def test_regions_go_with_windows(pipeline, models):
    """The same text everywhere is the picture without regions; another one in the right half changes that half most."""
    same = (Region("a red house", (0, 0, 0.5, 1)), Region("a red house", (0.5, 0, 1, 1)))
    plain = drawn(pipeline, tiled(models))[0].pixels
    assert psnr(drawn(pipeline, tiled(models, regions=same))[0].pixels, plain) >= 50
    changed = drawn(pipeline, tiled(models, regions=(Region("snow", (0.5, 0, 1, 1)),)))[0].pixels
    change = np.abs(changed.astype(int) - plain).mean((0, 2))
    assert change[84:].mean() > 3 * change[:48].mean()


@pytest.mark.slow
def test_a_picture_to_start_from_and_its_mask_go_with_windows(pipeline, models, tmp_path):
    photo = np.random.default_rng(0).integers(0, 255, (104, 136, 3), np.uint8)
    mask = np.zeros((104, 136), np.uint8)
    mask[24:80, 40:112] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    request = tiled(models, image=str(tmp_path / "photo.png"), mask=str(tmp_path / "mask.png"), strength=0.8)
    for model in (models[4], models[9]):
        pixels = drawn(pipeline, request.replace(model=model))[0].pixels
        assert np.array_equal(pixels[mask == 0], photo[mask == 0]) and not np.array_equal(pixels, photo)


def test_refused_by_name(pipeline, models, monkeypatch):
    with pytest.raises(InvalidRequest, match="cannot be drawn in windows") as refused:
        tiled(models, tiling=True)
    assert refused.value.field == "windows"
    request = tiled(models)
    engine = pipeline.engine(request)
    with pytest.raises(InvalidRequest, match="overlap by 64 pixels, which is all"):
        pipeline.resolve(tiled(models, windows=Windows(None, 64)))
    monkeypatch.setattr(engine, "can", engine.can - {Capability.WINDOWS})
    with pytest.raises(InvalidRequest, match="draws pictures as a whole only") as refused:
        drawn(pipeline, request)
    assert refused.value.field == "windows"


def test_windows_are_recorded_settled_and_read_back(pipeline, models):
    (picture,) = drawn(pipeline, tiled(models, windows=Windows(), steps=1))
    assert picture.request.windows == Windows((64, 64), 16)
    text = metadata_a1111.write(picture.request, {})
    assert metadata.parse_parameters(text).fields["windows"] == picture.request.windows
    theirs = """a\nSteps: 20, Size: 1024x1024, Tiled Diffusion: "{'Method': 'MultiDiffusion', 'Tile tile width': 96, 'Tile tile \
height': 64, 'Tile Overlap': 16, 'Tile batch size': 4}\""""
    assert metadata.parse_parameters(theirs).fields["windows"] == Windows((768, 512), 128, Blend.MULTIDIFFUSION)
    demo = metadata.parse_parameters(theirs.replace("MultiDiffusion", "DemoFusion"))
    assert "windows" not in demo.fields and any("windows" in note for note in demo.notes)


@pytest.mark.parametrize("mode", ["fast", "lowest", "stream"])
def test_the_plan_counts_the_window_and_not_the_canvas(mode):
    plain, large = MemoryRequest(2048, 2048, itemsize=2), MemoryRequest(2048, 2048, itemsize=2, window=(512, 512))
    assert predict(mode, large) < predict(mode, plain)
    assert predict(mode, replace(large, window=(4096, 4096))) == predict(mode, plain)
    assert predict("lowest", MemoryRequest(4096, 4096, itemsize=2, window=(512, 512))) < 4e9


def test_weights_are_the_same_from_both_ends():
    weights = window_weights(8, 12, Blend.MIXTURE)
    assert torch.equal(weights, weights.flip(0)) and torch.equal(weights, weights.flip(1)) and weights.min() > 0
