"""Drawing from pictures: equal to diffusers' pipelines, never outside the mask, and from the right noise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from sdedge.catalog import MaskedContent
from sdedge.engines.open import load_engine
from sdedge.engines.protocol import Capability
from sdedge.errors import InvalidRequest
from sdedge.events import Notice, Step
from sdedge.generation.img2img import Start, slerp
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.images.convert import from_pixels, to_pixels
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request
from sdedge.sampling.noise import stream
from sdedge.training.recipe import QUICK, export, networks
from tests.conftest import needs_embedded

SCHEDULERS = {
    "ddim": DDIMScheduler, "plms": PNDMScheduler, "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler, "dpmpp_2m": DPMSolverMultistepScheduler,
}  # fmt: skip
SIDE = 64


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[int, str]:
    """Random models of 4 and of 9 input channels, whose latents depend on the picture and less on its noise."""
    folders = {}
    for channels in (4, 9):
        recipe = replace(
            QUICK,
            unet=replace(
                QUICK.unet, in_channels=channels, block_out_channels=(8, 16, 16, 16), norm_num_groups=4, sample_size=8
            ),
            vae=replace(QUICK.vae, block_out_channels=(4, 8, 8, 8), layers_per_block=1),
        )
        nets = networks(recipe, "cpu")
        torch.manual_seed(3)
        with torch.no_grad():
            nets.conditioned.unet.conv_out.weight.normal_(std=0.1)
            nets.vae.quant_conv.weight[:4] *= 5
            nets.vae.quant_conv.bias[4:] -= 3
        folders[channels] = tmp_path_factory.mktemp("models") / f"tiny-{channels}"
        export(recipe, nets, folders[channels])
    return {channels: str(folder) for channels, folder in folders.items()}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """photo.png and mask.png of the models' size; large.png and large-mask.png of no multiple of 8."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, (w, h) in {"photo": (SIDE, SIDE), "large": (150, 117)}.items():
        blocks = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((w, h), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    for name, (w, h) in {"mask": (SIDE, SIDE), "large-mask": (150, 117)}.items():
        mask = np.zeros((h, w), dtype=np.uint8)
        mask[h // 4 : h // 2 + 3, w // 3 : w // 3 + 29] = 255
        Image.fromarray(mask).save(folder / f"{name}.png")
    return folder


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def _draw(pipeline: Pipeline, request: Request, count: int = 1, batch: int = 1) -> list[Picture]:
    return [event for event in pipeline.images(request, count, batch) if isinstance(event, Picture)]


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def _request(model: str, files: Path, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": model, "image": str(files / "photo.png"),
                "guidance": 3.0, "steps": 5, "sampler": "ddim", "seed": 7}  # fmt: skip
    return Request(**{**settings, **more})


# ---- The referee --------------------------------------------------------------------------------------------------


@cache
def _components(model: str) -> dict:
    return StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None).components


def _by_diffusers(kind: type, request: Request, **more) -> np.ndarray:
    referee = kind(**_components(request.model), requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": request.schedule or "leading"}
    referee.scheduler = SCHEDULERS[request.sampler].from_config(config)
    picture = referee(
        request.prompt,
        image=Image.open(request.image).convert("RGB"),
        negative_prompt=request.negative,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        strength=request.strength,
        generator=torch.Generator().manual_seed(request.seed),
        **more,
    )
    return np.asarray(picture.images[0])


@pytest.mark.parametrize(
    ("sampler", "strength"), [("ddim", 0.75), ("plms", 0.5), ("euler", 1.0), ("euler_a", 0.6), ("dpmpp_2m", 0.75)]
)
def test_img2img_equals_diffusers(pipeline, models, files, sampler, strength):
    request = _request(models[4], files, sampler=sampler, strength=strength, preset="diffusers", schedule="leading")
    (ours,) = _draw(pipeline, request)
    assert _psnr(ours.pixels, _by_diffusers(StableDiffusionImg2ImgPipeline, request)) >= 50
    (other,) = _draw(pipeline, request.replace(seed=8))
    assert _psnr(ours.pixels, other.pixels) < 40, "a referee that anything equals proves nothing"


@pytest.mark.parametrize("channels", [4, 9])
@pytest.mark.parametrize(("sampler", "strength"), [("ddim", 1.0), ("euler", 0.75), ("euler_a", 0.6)])
def test_inpainting_equals_diffusers(pipeline, models, files, channels, sampler, strength):
    request = _request(models[channels], files, mask=str(files / "mask.png"), mask_blur=0, sampler=sampler,
                       strength=strength, preset="diffusers", schedule="leading")  # fmt: skip
    mask = _pixels(files / "mask.png") > 127
    (ours,) = _draw(pipeline, request)
    theirs = _by_diffusers(
        StableDiffusionInpaintPipeline, request, mask_image=Image.open(request.mask), height=SIDE, width=SIDE
    )
    assert _psnr(ours.pixels[mask], theirs[mask]) >= 50
    (other,) = _draw(pipeline, request.replace(seed=8))
    assert _psnr(ours.pixels[mask], other.pixels[mask]) < 40


# ---- Strength -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["sdedge", "diffusers", "compvis"])
def test_strength_zero_is_the_encoded_and_decoded_picture(pipeline, models, files, preset):
    request = _request(models[4], files, strength=0.0, preset=preset)
    engine = pipeline.engine(request)
    draw = stream(7)
    noise = [draw((4, 8, 8)) for _ in range(2)][0 if preset in ("diffusers", "compvis") else 1]
    latent = engine.encode(from_pixels(_pixels(files / "photo.png")[None]), noise[None])
    expected = to_pixels(engine.decode(latent), "truncate" if preset == "compvis" else "round")[0]
    assert np.array_equal(_draw(pipeline, request)[0].pixels, expected)


@pytest.mark.parametrize(
    ("preset", "sampler"), [("sdedge", "dpmpp_2m"), ("sdedge", "euler_a"), ("sdedge", "dpmpp_sde"), ("apple", "plms")]
)
def test_strength_one_is_the_picture_of_the_noise_alone(pipeline, models, files, sampler, preset):
    request = _request(models[4], files, strength=1.0, sampler=sampler, preset=preset, steps=4)
    (ours,) = _draw(pipeline, request)
    (free,) = _draw(pipeline, request.replace(image=None, width=SIDE, height=SIDE))
    assert np.array_equal(ours.pixels, free.pixels)


def test_more_strength_leaves_less_of_the_picture(pipeline, models, files):
    request = _request(models[4], files, steps=10)
    kept = _draw(pipeline, request.replace(strength=0.0))[0].pixels
    near, far = (_psnr(_draw(pipeline, request.replace(strength=s))[0].pixels, kept) for s in (0.1, 0.9))
    assert near > far + 3


def test_a_scheduled_prompt_changes_at_the_same_noise_as_from_noise_alone(pipeline, models, files):
    request = _request(models[4], files, strength=0.5)
    (scheduled,) = _draw(pipeline, request.replace(prompt="a [red:blue:0.5] house"))
    (late,) = _draw(pipeline, request.replace(prompt="a blue house"))
    assert np.array_equal(scheduled.pixels, late.pixels)


# ---- Outside the mask ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "preset", "content"),
    [*((4, "sdedge", content) for content in MaskedContent), (9, "sdedge", "original"), (9, "sdedge", "noise"),
     (4, "a1111", "fill"), (9, "compvis", "original"), (4, "compvis", "nothing"), (4, "apple", "original")],
)  # fmt: skip
def test_nothing_outside_the_mask_changes(pipeline, models, files, channels, preset, content):
    request = _request(models[channels], files, mask=str(files / "mask.png"), masked_content=content, steps=2,
                       sampler="ddim" if preset == "compvis" else "dpmpp_2m", preset=preset,
                       strength=0.6)  # fmt: skip
    (ours,) = _draw(pipeline, request)
    photo, mask = _pixels(files / "photo.png"), _pixels(files / "mask.png") > 127
    assert np.array_equal(ours.pixels[~mask], photo[~mask])
    assert np.mean(ours.pixels[mask] != photo[mask]) > 0.5


@pytest.mark.parametrize("mask_only", [False, True])
@pytest.mark.parametrize("size", [(None, None), (64, 64), (96, 64)])
def test_a_large_picture_keeps_its_size_and_every_pixel_outside(pipeline, models, files, mask_only, size):
    request = _request(models[4], files, image=str(files / "large.png"), mask=str(files / "large-mask.png"), steps=2,
                       mask_only=mask_only, width=size[0], height=size[1], mask_padding=8)  # fmt: skip
    (ours,) = _draw(pipeline, request)
    photo, mask = _pixels(files / "large.png"), _pixels(files / "large-mask.png") > 127
    assert ours.pixels.shape == photo.shape and np.array_equal(ours.pixels[~mask], photo[~mask])
    assert np.mean(ours.pixels[mask] != photo[mask]) > 0.5


def test_the_finished_latent_is_the_picture_s_own_where_it_is_held():
    """Which the pixels put back over it would hide."""
    x, latent = torch.randn(2, 4, 6, 8), torch.randn(2, 4, 6, 8)
    held = torch.zeros(1, 1, 6, 8)
    held[..., 2:] = 1
    held[..., 4] = 0.25
    kept = Start(x, 0.5, latent, held).keep(x)
    assert torch.equal(kept[..., :2], latent[..., :2]) and torch.equal(kept[..., 5:], x[..., 5:])
    torch.testing.assert_close(kept[..., 4], 0.25 * x[..., 4] + 0.75 * latent[..., 4])
    for free in (Start(x, 0.5, latent), Start(x)):
        assert free.keep(x) is x


def test_outpainting_keeps_the_picture_and_draws_around_it(pipeline, models, files):
    request = _request(models[4], files, outpaint=(8, 0, 19, 5), steps=2, strength=1.0)
    (ours,) = _draw(pipeline, request)
    photo = _pixels(files / "photo.png")
    assert ours.pixels.shape == (SIDE + 5, SIDE + 27, 3)
    assert (ours.request.width, ours.request.height) == (88, 72)
    assert np.array_equal(ours.pixels[:SIDE, 8 : 8 + SIDE], photo)
    extended = np.pad(photo, ((0, 5), (8, 19), (0, 0)), mode="edge")
    assert np.mean(ours.pixels[:, -10:] != extended[:, -10:]) > 0.8


def test_a_batch_inpaints_as_each_alone(pipeline, models, files):
    request = _request(models[4], files, mask=str(files / "mask.png"), steps=3, sampler="euler_a")
    together = _draw(pipeline, request, count=3, batch=3)
    for i, picture in enumerate(together):
        assert _psnr(picture.pixels, _draw(pipeline, request.replace(seed=7 + i))[0].pixels) > 60


def test_full_content_is_hidden_from_the_start_where_it_should_be(pipeline, models, files, tmp_path):
    """With "fill" and "nothing" what was under the mask has no influence; with "original" it has."""
    photo, mask = _pixels(files / "photo.png").copy(), _pixels(files / "mask.png") > 127
    photo[mask] = 255 - photo[mask]
    Image.fromarray(photo).save(tmp_path / "other.png")
    for content, hidden in (("fill", True), ("original", False)):
        request = _request(models[4], files, mask=str(files / "mask.png"), masked_content=content, strength=0.5,
                           mask_blur=0, steps=4)  # fmt: skip
        (one,), (two,) = (_draw(pipeline, r) for r in (request, request.replace(image=str(tmp_path / "other.png"))))
        assert np.array_equal(one.pixels[mask], two.pixels[mask]) == hidden


# ---- 9 channels without a mask ------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [False, True])
def test_an_inpainting_model_without_a_mask_is_told_that_all_is_masked(pipeline, models, files, monkeypatch, image):
    request = _request(models[9], files, steps=1, **({} if image else {"image": None}))
    engine, seen = pipeline.engine(request), []
    predict = engine.predict
    monkeypatch.setattr(engine, "predict", lambda inputs: seen.append(inputs.sample) or predict(inputs))
    _draw(pipeline, request)
    draw = stream(7)
    noise = [draw((4, 8, 8)) for _ in range(3)][2 if image else 1]
    assert seen[0].shape == (2, 9, 8, 8) and torch.all(seen[0][:, 4] == 1)
    expected = engine.encode(torch.zeros(1, 3, SIDE, SIDE), noise[None])
    assert torch.equal(seen[0][:1, 5:], expected)


# ---- Variations and tiles -----------------------------------------------------------------------------------------


def test_slerp_is_the_formula_column_by_column():
    a, b = (torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(seed)).double() for seed in (0, 1))
    ours = slerp(a, b, 0.3)
    for c in range(4):
        for x in range(6):
            low, high = a[c, :, x].numpy(), b[c, :, x].numpy()
            angle = np.arccos(np.dot(low, high) / np.linalg.norm(low) / np.linalg.norm(high))
            expected = (np.sin(0.7 * angle) * low + np.sin(0.3 * angle) * high) / np.sin(angle)
            assert np.allclose(ours[c, :, x].numpy(), expected)
    assert torch.equal(slerp(a, a, 0.4), a)


def test_variations_go_from_one_seed_to_the_other(pipeline, models, files):
    request = _request(models[4], files, image=None, steps=3, variation_seed=99)
    zero, half, one = (_draw(pipeline, request.replace(variation_strength=s))[0].pixels for s in (0.0, 0.5, 1.0))
    plain = _draw(pipeline, request.replace(variation_seed=None))[0].pixels
    other = _draw(pipeline, request.replace(variation_seed=None, seed=99))[0].pixels
    assert np.array_equal(zero, plain) and _psnr(one, other) > 55
    assert _psnr(half, plain) > _psnr(plain, other) and not np.array_equal(half, plain)


def test_a_series_of_variations_keeps_the_seed_and_is_recorded(pipeline, models, files):
    request = _request(models[4], files, image=None, steps=1, variation_strength=0.2)
    pictures = _draw(pipeline, request, count=2, batch=2)
    assert [(p.request.seed, p.request.variation_seed) for p in pictures] == [(7, 8), (7, 9)]
    (again,) = _draw(pipeline, Request(**vars(pictures[1].request)))
    assert _psnr(again.pixels, pictures[1].pixels) > 60


@torch.no_grad()
def test_tiles_have_no_edge_and_tiling_is_undone(pipeline, models):
    request = Request("a red house", model=models[4], steps=1, seed=1, width=128, height=128)
    engine = pipeline.engine(request)
    x, context = torch.randn(1, 4, 16, 16), torch.randn(1, 77, 128)
    t = torch.tensor([500.0])
    calls = {"predict": lambda z: engine.predict(UNetInputs(z, t, context)), "decode": engine.decode}
    before = {name: call(x) for name, call in calls.items()}
    engine.set_tiling(True)
    for name, call in calls.items():
        whole = call(x)
        cells = whole.shape[-1] // 16
        moved = call(x.roll((8, 8), (2, 3))).roll((-8 * cells, -8 * cells), (2, 3))
        assert torch.allclose(whole, moved, atol=1e-4), name
        assert not torch.allclose(whole, before[name], atol=1e-3)
    events = pipeline.images(request.replace(tiling=True))
    while not isinstance(next(events), Step):
        pass
    assert not torch.equal(engine.decode(x), before["decode"])
    events.close()  # stopped half-way
    assert all(torch.equal(call(x), before[name]) for name, call in calls.items())


def test_an_engine_that_cannot_tile_says_so(pipeline, models, monkeypatch):
    request = Request("a red house", model=models[4], steps=1, seed=1, tiling=True)
    engine = pipeline.engine(request)
    monkeypatch.setattr(engine, "can", engine.can - {Capability.TILING})
    monkeypatch.setattr(engine, "set_tiling", None)
    with pytest.raises(InvalidRequest, match="seamless"):
        _draw(pipeline, request)


# ---- What people give ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "size", "expected"),
    [((64, 64), {}, (64, 64)), ((640, 480), {}, (128, 96)), ((90, 80), {}, (88, 80)), ((30, 60), {}, (64, 128)),
     ((2000, 100), {}, (128, 64)), ((640, 480), {"width": 80}, (80, 64)), ((640, 480), {"height": 96}, (128, 96)),
     ((640, 480), {"width": 64, "height": 64}, (64, 64))],
)  # fmt: skip
def test_an_open_size_follows_the_picture(pipeline, models, tmp_path, picture, size, expected):
    Image.new("RGB", picture).save(tmp_path / "p.png")
    resolved = pipeline.resolve(Request("x", model=models[4], image=str(tmp_path / "p.png"), **size))
    assert (resolved.width, resolved.height) == expected


def test_notes_about_the_files_are_told(pipeline, models, tmp_path):
    frames = [Image.new("RGB", (64, 64), (i, 0, 0)) for i in (0, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    request = Request("x", model=models[4], image=str(tmp_path / "moving.gif"), steps=1, seed=1)
    assert any("first" in e.message for e in pipeline.images(request) if isinstance(e, Notice))


@pytest.mark.parametrize(
    "fields",
    [{"outpaint": (8, 8, 8, 8)}, {"image": "a", "outpaint": (0, 0, 0, 0)}, {"image": "a", "outpaint": (8, 8)},
     {"image": "a", "outpaint": (8.5, 0, 0, 0)}, {"image": "a", "outpaint": (-8, 0, 0, 0)}, {"mask": "m"},
     {"image": "a", "strength": 1.1}, {"image": "a", "masked_content": "blank"}],
)  # fmt: skip
def test_requests_that_mean_nothing_are_refused(fields):
    with pytest.raises(InvalidRequest):
        Request("x", **fields)


def test_the_command_line_has_every_field(models, files):
    from sdedge.commands.generate import generate

    options = ["--strength", "0.4", "--mask", str(files / "mask.png"), "--mask-blur", "2", "--masked-content", "fill",
               "--mask-only", "--mask-padding", "16", "--outpaint", "8,0,8,0", "--variation-seed", "5",
               "--variation-strength", "0.1", "--tiling", "--seed", "1", "--dry-run"]  # fmt: skip
    result = CliRunner().invoke(generate, ["x", "-m", models[4], "-i", str(files / "photo.png"), *options])
    assert result.exit_code == 0, result.output
    request = Request.from_json(result.output)
    assert request.outpaint == (8, 0, 8, 0) and request.tiling and request.mask_only
    assert (request.strength, request.mask_blur, request.masked_content, request.mask_padding) == (0.4, 2.0, "fill", 16)
    assert (request.variation_seed, request.variation_strength) == (5, 0.1)


# ---- The embedded model -------------------------------------------------------------------------------------------


@needs_embedded
def test_inpainting_an_object_in_another_colour_changes_the_colour_and_nothing_outside(pipeline, tmp_path):
    from tests.benchmarks.inpainting import recolour

    results = list(recolour(pipeline, 3, tmp_path))
    assert all(result.outside_equal for result in results)
    assert all(result.colour_right for result in results)
