"""Whole pictures with controls equal diffusers', and A1111's modes follow its formulas."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    StableDiffusionAdapterPipeline,
    StableDiffusionControlNetPipeline,
)
from PIL import Image

from sdedge.catalog import Preset
from sdedge.controls import Control, ControlMode
from sdedge.engines.open import load_engine
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.events import Notice
from sdedge.generation import hints as hints_module
from sdedge.generation.control_weights import acts
from sdedge.generation.hints import has_own_hole, hint_tensor, read_control_mask, read_hint
from sdedge.generation.img2img import SourceImage
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.images.stitch import Crop, crop_around
from sdedge.models.unet_inputs import UNetInputs
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.regions import Region, RegionMethod
from sdedge.request import Request
from tests.conftest import cases
from tests.control_models import (
    author_names,
    ldm_names,
    random_adapter,
    random_controlnet,
    write_pth,
    write_safetensors,
)
from tests.generation.conftest import SIDE, controlled_request, diffusers_components, drawn, psnr, write_model

EQUAL = 50  # dB


@pytest.fixture(scope="module")
def models(made_once) -> dict[int, str]:
    """As the other tests of pictures have, with v1's twelve residuals and that of the middle."""
    return {4: str(made_once("tiny-4-deep", partial(write_model, 4, layers=2)))}


@pytest.fixture(scope="module")
def networks(models) -> dict[str, torch.nn.Module]:
    """Random control models for the tiny model, strong enough to change its pictures."""
    unet = json.loads((Path(models[4]) / "unet" / "config.json").read_text())
    return {
        "canny": random_controlnet(unet, 1, 0.3), "depth": random_controlnet(unet, 2, 0.3),
        "shuffle": random_controlnet(unet, 3, 0.3, global_pool_conditions=True),
        "sketch": random_adapter(unet, channels=1), "color": random_adapter(unet, light=True),
    }  # fmt: skip


@pytest.fixture(scope="module")
def control_files(networks, tmp_path_factory) -> dict[str, str]:
    """Each of them in another container."""
    folder = tmp_path_factory.mktemp("controls")
    paths = {
        "canny": write_pth(folder / "control_v11p_sd15_canny.pth", ldm_names(networks["canny"].state_dict())),
        "depth": write_safetensors(folder / "depth.safetensors", ldm_names(networks["depth"].state_dict())),
        "shuffle": folder / "pooled",
        "sketch": write_pth(folder / "t2iadapter_sketch.pth", author_names(networks["sketch"].state_dict()), ""),
        "color": write_safetensors(folder / "color.safetensors", networks["color"].state_dict()),
    }  # fmt: skip
    networks["shuffle"].save_pretrained(paths["shuffle"])
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def hints(tmp_path_factory) -> dict[str, str]:
    folder, rng = tmp_path_factory.mktemp("hints"), np.random.default_rng(5)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    return {name: str(folder / f"{name}.png") for name in ("a", "b")}


def _by_diffusers(kind: type, request: Request, **more) -> np.ndarray:
    name = "controlnet" if "controlnet" in more else "adapter"
    parts = {part: value for part, value in diffusers_components(request.model).items() if part != "image_encoder"}
    referee = kind(**parts, **{name: more.pop(name)}, requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": "leading"}
    referee.scheduler = DDIMScheduler.from_config(config)
    picture = referee(
        request.prompt, negative_prompt=request.negative, num_inference_steps=request.steps,
        guidance_scale=request.guidance, generator=torch.Generator().manual_seed(request.seed), height=SIDE, width=SIDE,
        **more,
    )  # fmt: skip
    return np.asarray(picture.images[0])


def _opened(path: str, mode: str = "RGB") -> Image.Image:
    return Image.open(path).convert(mode)


def _pixels(pipeline, request: Request) -> np.ndarray:
    (picture,) = drawn(pipeline, request)
    return picture.pixels


@pytest.mark.parametrize(
    ("mode", "weight", "span"),
    [
        (ControlMode.BALANCED, 0.8, (0.0, 1.0)),
        pytest.param(ControlMode.BALANCED, 1.0, (0.2, 0.7), marks=pytest.mark.slow),
        pytest.param(ControlMode.CONTROL, 1.0, (0.0, 1.0), marks=pytest.mark.slow),  # diffusers' guess mode
    ],
)
def test_a_picture_with_a_controlnet_is_that_of_diffusers(
    pipeline, models, networks, control_files, hints, mode, weight, span
):
    request = controlled_request(models, Control(control_files["canny"], hints["a"], weight, span, mode))
    theirs = _by_diffusers(
        StableDiffusionControlNetPipeline, request, controlnet=networks["canny"], image=_opened(hints["a"]),
        controlnet_conditioning_scale=weight, control_guidance_start=span[0], control_guidance_end=span[1],
        guess_mode=mode is ControlMode.CONTROL,
    )  # fmt: skip
    ours = _pixels(pipeline, request)
    assert psnr(ours, theirs) >= EQUAL
    assert psnr(ours, _pixels(pipeline, controlled_request(models))) < 40, (
        "a control that changes nothing proves nothing"
    )


@pytest.mark.slow
def test_two_controlnets_are_those_of_diffusers(pipeline, models, networks, control_files, hints):
    controls = Control(control_files["canny"], hints["a"], 0.7), Control(control_files["depth"], hints["b"], 1.2)
    theirs = _by_diffusers(
        StableDiffusionControlNetPipeline, controlled_request(models), controlnet=[networks["canny"], networks["depth"]],
        image=[_opened(hints["a"]), _opened(hints["b"])], controlnet_conditioning_scale=[0.7, 1.2],
    )  # fmt: skip
    both = _pixels(pipeline, controlled_request(models, *controls))
    assert psnr(both, theirs) >= EQUAL
    assert psnr(both, _pixels(pipeline, controlled_request(models, controls[0]))) < 40


@pytest.mark.slow
def test_pooled_residuals_are_those_of_diffusers(pipeline, models, networks, control_files, hints):
    request = controlled_request(models, Control(control_files["shuffle"], hints["a"]))
    theirs = _by_diffusers(
        StableDiffusionControlNetPipeline, request, controlnet=networks["shuffle"], image=_opened(hints["a"])
    )
    assert psnr(_pixels(pipeline, request), theirs) >= EQUAL


@pytest.mark.parametrize(("name", "mode"), [pytest.param("sketch", "L", marks=pytest.mark.slow), ("color", "RGB")])
def test_a_picture_with_an_adapter_is_that_of_diffusers(pipeline, models, networks, control_files, hints, name, mode):
    request = controlled_request(models, Control(control_files[name], hints["a"], 1.5))
    theirs = _by_diffusers(
        StableDiffusionAdapterPipeline, request, adapter=networks[name], image=_opened(hints["a"], mode),
        adapter_conditioning_scale=1.5,
    )  # fmt: skip
    ours = _pixels(pipeline, request)
    assert psnr(ours, theirs) >= EQUAL
    assert psnr(ours, _pixels(pipeline, controlled_request(models))) < 40


# What has no referee: A1111's modes, by its formulas; masks; the other ways to draw


class Recorder:
    """An engine's calls of the UNet, by what controls added to them."""

    def __init__(self, monkeypatch, engine) -> None:
        self.inputs: list[UNetInputs] = []
        real = engine.predict
        monkeypatch.setattr(engine, "predict", lambda inputs: (self.inputs.append(inputs), real(inputs))[1])


def _entering(pipeline, monkeypatch, request: Request) -> list[UNetInputs]:
    with monkeypatch.context() as patch:
        recorder = Recorder(patch, pipeline.engine(request))
        drawn(pipeline, request)
    return recorder.inputs


@pytest.mark.parametrize(
    ("mode", "uncond"),
    cases([(ControlMode.PROMPT, True), (ControlMode.CONTROL, False)], quick=[(ControlMode.PROMPT, True)]),
)
def test_a1111_weighs_the_layers_from_the_middle_outwards(
    pipeline, models, control_files, hints, monkeypatch, mode, uncond
):
    def entering(name: str, mode: ControlMode) -> UNetInputs:
        control = Control(control_files[name], hints["a"], 0.5, mode=mode)
        return _entering(
            pipeline,
            monkeypatch,
            controlled_request(models, control, steps=2, preset="a1111", sampler="euler", schedule="karras"),
        )[0]

    plain, weighed = entering("canny", ControlMode.BALANCED), entering("canny", mode)
    for i, (a, b) in enumerate(zip(plain.skips, weighed.skips, strict=True)):
        assert torch.allclose(a[1:] * 0.825 ** (12 - i), b[1:], atol=1e-5), i
        assert bool(b[:1].any()) == uncond and (
            not uncond or torch.allclose(a[:1] * 0.825 ** (12 - i), b[:1], atol=1e-5)
        )
    plain, weighed = entering("sketch", ControlMode.BALANCED), entering("sketch", mode)
    for factor, a, b in zip((0.25, 0.62, 0.825, 1.0), plain.down, weighed.down, strict=True):
        assert torch.allclose(a * factor, b[-1:], atol=1e-5) and (b.shape[0] == 1 or not b[:1].any())


def test_what_acts_on_the_prompt_alone_does_not_where_the_negative_one_is_asked_for_by_itself(
    pipeline, models, control_files, hints, monkeypatch
):
    """Regions by window ask for each branch in a call of its own."""
    controls = [Control(control_files[name], hints["a"], mode=ControlMode.CONTROL) for name in ("canny", "color")]
    halves = [Region("a boat", (left, 0.0, left + 0.5, 1.0), base=0.2, by=RegionMethod.WINDOW) for left in (0.0, 0.5)]
    request = controlled_request(models, *controls, steps=1).replace(regions=tuple(halves))
    acting = {name: set() for name in ("uncond", "cond", "region alone")}
    for inputs in _entering(pipeline, monkeypatch, request):
        added = [*(inputs.skips or ()), *inputs.down]
        acting[inputs.branches[0]].add(any(bool(tensor.any()) for tensor in added))
    assert acting == {"uncond": {False}, "cond": {True}, "region alone": {True}}


@pytest.mark.parametrize(
    ("preset", "steps"), [("a1111", [2, 3, 4, 5]), ("diffusers", [2, 3, 4]), ("sdedge", [2, 3, 4])]
)
def test_a_range_of_steps_is_each_program_s_own(preset, steps):
    control = Control("canny", span=(0.2, 0.5))
    assert [i for i in range(10) if acts(control, i, 10, Preset(preset))] == steps


def test_a_control_acts_where_its_mask_is_white(pipeline, models, control_files, hints, monkeypatch, tmp_path):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, : SIDE // 2] = 255
    Image.fromarray(mask).save(tmp_path / "left.png")
    controls = [
        Control(control_files[name], hints["a"], mask=str(tmp_path / "left.png")) for name in ("canny", "color")
    ]
    (inputs, *_) = _entering(pipeline, monkeypatch, controlled_request(models, *controls, steps=1))
    for tensor in (*inputs.skips[:3], inputs.down[0]):
        half = tensor.shape[-1] // 2
        assert tensor[..., :half].any() and not tensor[..., half:].any()


@pytest.mark.parametrize("memory", [pytest.param("low", marks=pytest.mark.slow), "stream"])
def test_every_memory_mode_draws_the_same_picture(pipeline, models, control_files, hints, memory):
    controls = Control(control_files["canny"], hints["a"]), Control(control_files["color"], hints["b"])
    request = controlled_request(models, *controls, steps=3)
    sparing = Pipeline(load_engine("cpu", memory=memory))
    assert np.array_equal(_pixels(sparing, request), _pixels(pipeline, request))


def test_reused_features_share_the_residuals_of_their_steps(pipeline, models, control_files, hints, monkeypatch):
    request = controlled_request(
        models, Control(control_files["canny"], hints["a"]), steps=8, speed="fast", preset="sdedge"
    )
    engine, runs = pipeline.engine(request), []
    pipeline.resolve(request)
    real = engine.run
    monkeypatch.setattr(engine, "run", lambda name, *tensors: (runs.append(name), real(name, *tensors))[1])
    (picture,) = drawn(pipeline, request)
    assert "control residuals shared by" in picture.facts["losses"]
    assert 1 < len([name for name in runs if not name.endswith("hint")]) < 8
    assert len([name for name in runs if name.endswith("hint")]) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hint": None}, "has no hint picture"),
        ({"hint": "/nowhere/hint.png"}, "there is no picture"),
        ({"span": (0.0, 0.1)}, "no whole step falls"),
        ({"model": "/nowhere/net.pth"}, "There is no control model"),
    ],
)
def test_what_cannot_be_used_is_said_before_a_network_runs(
    pipeline, models, control_files, hints, monkeypatch, change, sentence
):
    request = controlled_request(models, replace(Control(control_files["canny"], hints["a"]), **change), steps=3)
    monkeypatch.setattr(pipeline.engine(request), "predict", lambda inputs: pytest.fail("the UNet ran"))
    with pytest.raises(SdedgeError, match=sentence) as refusal:
        drawn(pipeline, request)
    assert str(refusal.value).count(". ") == 0


def test_a_control_that_fills_a_hole_is_left_out_where_there_is_none_any_more(
    pipeline, models, control_files, hints, tmp_path
):
    """Of inpainting with hires fix; one whose hint has a hole of its own stays."""
    own = tmp_path / "control_v11p_sd15_inpaint.pth"
    own.write_bytes(Path(control_files["canny"]).read_bytes())
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (8, 8, 40, 40))
    mask.save(tmp_path / "mask.png")
    again = Pass(Changes({"strength": 0.5, "steps": 2}), Enlargement("latent", 2.0))
    inpaints = {"image": hints["a"], "mask": str(tmp_path / "mask.png"), "steps": 2, "passes": (again,)}
    events = list(pipeline.images(controlled_request(models, Control(str(own)), **inpaints)))
    said = [event.message for event in events if isinstance(event, Notice)]
    assert (
        "The control control_v11p_sd15_inpaint fills a hole; it is left out where the whole picture is drawn again."
        in said
    )
    (picture,) = [event for event in events if isinstance(event, Picture)]
    (without,) = drawn(pipeline, controlled_request(models, **{**inpaints, "passes": ()}))
    assert picture.request.controls and picture.pixels.shape == (2 * SIDE, 2 * SIDE, 3)
    assert psnr(np.asarray(picture.image.resize((SIDE, SIDE))), without.pixels) < 40
    Image.fromarray(np.dstack([np.zeros((SIDE, SIDE, 3), np.uint8), np.asarray(mask)])).save(tmp_path / "hole.png")
    (filled,) = drawn(pipeline, controlled_request(models, Control(str(own), str(tmp_path / "hole.png")), **inpaints))
    assert not np.array_equal(filled.pixels, picture.pixels)


def test_a_control_in_whose_span_no_step_of_a_later_pass_falls_is_refused_at_once(
    pipeline, models, control_files, hints
):
    again = Pass(Changes({"strength": 0.5, "steps": 2}), Enlargement("latent", 2.0))
    control = Control(control_files["canny"], hints["a"], span=(0.0, 0.15))
    settings = {"preset": "sdedge", "sampler": "euler", "schedule": None}
    with pytest.raises(InvalidRequest, match="no whole step falls"):
        pipeline.resolve(controlled_request(models, control, **settings, passes=(again,)))
    assert pipeline.resolve(controlled_request(models, control, **settings))


def test_hint_and_mask_of_a_control_are_of_the_whole_picture_where_a_part_is_drawn(tmp_path):
    """A hint of its own that shows what the picture shows lies over it pixel for pixel, as one that is left out does."""
    y, x = np.mgrid[:40, :60]
    canvas = np.stack([4 * x, 6 * y, 2 * (x + y)], axis=2).astype(np.uint8)
    alpha = np.zeros((40, 60), np.float32)
    alpha[10:14, 12:16] = 1
    crop = crop_around(alpha > 0, (16, 16), 4)
    source = SourceImage(canvas, crop, crop.cut(canvas), np.zeros((16, 16), bool), alpha)
    for name, pixels in (("photo.png", canvas), ("large.png", np.repeat(np.repeat(canvas, 2, 0), 2, 1))):
        Image.fromarray(pixels).save(tmp_path / name)
        own = read_hint(Control("tile", str(tmp_path / name)), "tile", "tile", (16, 16), source)
        left_out = read_hint(Control("tile"), "tile", "tile", (16, 16), source)
        assert np.abs(own.pixels.astype(int) - left_out.pixels).max() <= 3 and own.notices == ()
    half = np.zeros((40, 60), np.uint8)
    half[:, 14:] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    mask = read_control_mask(Control("tile", mask=str(tmp_path / "half.png")), (16, 16), source)
    expected = crop.cut(np.repeat(half[..., None], 3, 2))[..., 0]
    assert mask is not None and torch.equal((mask[0, 0] * 255).round().byte(), torch.from_numpy(expected))
    half[:, :] = 0
    half[30:, 40:] = 255  # outside the part: the control acts nowhere in it, which is no error
    Image.fromarray(half).save(tmp_path / "half.png")
    assert not read_control_mask(Control("tile", mask=str(tmp_path / "half.png")), (16, 16), source).any()


def test_a_hint_of_poses_in_which_nobody_is_is_told(tmp_path, monkeypatch):
    Image.new("RGB", (8, 8), (90, 90, 90)).save(tmp_path / "empty.png")
    skeleton = np.eye(8, dtype=np.uint8)[..., None].repeat(3, 2)
    for hint, said in ((0 * skeleton, True), (skeleton, False)):
        monkeypatch.setattr(hints_module, "network_hint", lambda pixels, name, hint=hint: hint)
        control = Control("p", str(tmp_path / "empty.png"), preprocess="pose")
        notices = read_hint(control, "openpose", "openpose", (8, 8), None).notices
        assert any("No person was found" in notice for notice in notices) is said


def test_a_hint_that_is_opaque_everywhere_leaves_the_hole_to_the_mask(tmp_path):
    Image.new("RGBA", (8, 8), (9, 9, 9, 255)).save(tmp_path / "opaque.png")
    control, hole = Control("inpaint", str(tmp_path / "opaque.png")), np.eye(8, dtype=bool)
    source = SourceImage(np.zeros((8, 8, 3), np.uint8), Crop((0, 0, 8, 8), (8, 8)), np.zeros((8, 8, 3), np.uint8), hole)
    assert read_hint(control, "inpaint", "inpaint", (8, 8), source).hole is hole and not has_own_hole(control)
    assert read_hint(control, "inpaint", "inpaint", (8, 8), None).hole is None


def test_an_inpainting_controlnet_reads_minus_one_in_the_hole(hints, tmp_path):
    picture = np.full((8, 8, 4), 255, np.uint8)
    picture[:4, :, 3] = 0
    Image.fromarray(picture).save(tmp_path / "hole.png")
    hint = read_hint(Control("inpaint", str(tmp_path / "hole.png")), "inpaint", "inpaint", (8, 8), None)
    tensor = hint_tensor(hint, "inpaint", "inpaint", 3)
    assert bool((tensor[:, :, :4] == -1).all()) and bool((tensor[:, :, 4:] == 1).all())
    opaque = read_hint(Control("inpaint", hints["a"]), "inpaint", "inpaint", (8, 8), None)
    with pytest.raises(InvalidRequest, match="fills a hole"):
        hint_tensor(opaque, "inpaint", "inpaint", 3)
