"""Whole pictures with IP-Adapters equal diffusers': each kind, two pictures, masks; and every memory mode draws them alike."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers.image_processor import IPAdapterMaskProcessor
from PIL import Image
from transformers import CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from sdedge.controls import Control, ControlMode, HintFit
from sdedge.engines.open import load_engine
from sdedge.engines.protocol import Capability
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.generation.image_prompts import prepared
from sdedge.generation.pipeline import Pipeline
from sdedge.request import Request
from tests.generation.conftest import SIDE, controlled_request, diffusers_components, drawn, psnr
from tests.ip_adapter_models import SHAPES, random_ip_adapter, write_bin, write_file, write_image_encoder

EQUAL = 50  # dB
SIZES = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}  # what the encoder reads


@pytest.fixture(scope="module")
def folder(models, tmp_path_factory) -> Path:
    """An IP-Adapter of each kind for the tiny model, and the image encoder beside them, as their authors published them."""
    folder = tmp_path_factory.mktemp("ip-adapters")
    unet = json.loads((Path(models[4]) / "unet" / "config.json").read_text())
    for i, kind in enumerate(SHAPES):
        state = random_ip_adapter(unet, kind, seed=i)
        write_bin(folder / f"{kind}.bin", state) if i else write_file(folder / f"{kind}.safetensors", state)
    write_image_encoder(folder / "image_encoder")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> dict[str, str]:
    """Two photos of other proportions than the picture, and a mask of its left half and one of its right."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(5)
    for name, (w, h) in {"a": (70, 50), "b": (45, 64)}.items():
        blocks = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((w, h), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    left = np.zeros((SIDE, SIDE), np.uint8)
    left[:, : SIDE // 2] = 255
    Image.fromarray(left).save(folder / "left.png")
    Image.fromarray(255 - left).save(folder / "right.png")
    return {name: str(folder / f"{name}.png") for name in ("a", "b", "left", "right")}


def _file(folder: Path, kind: str) -> str:
    (path,) = folder.glob(f"{kind}.*")
    return str(path)


def _by_diffusers(folder: Path, request: Request, kinds: list[str], scale, pictures: list, **more) -> np.ndarray:
    encoder = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder").eval()
    reader = CLIPImageProcessorPil(**SIZES)
    parts = {**diffusers_components(request.model), "image_encoder": encoder, "feature_extractor": reader}
    parts["unet"] = copy.deepcopy(parts["unet"])  # into which adapters are hung
    referee = StableDiffusionPipeline(**parts, requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": "leading"}
    referee.scheduler = DDIMScheduler.from_config(config)
    names = [Path(_file(folder, kind)).name for kind in kinds]
    referee.load_ip_adapter(str(folder), subfolder="", weight_name=names, low_cpu_mem_usage=False)
    referee.set_ip_adapter_scale(scale)
    picture = referee(
        request.prompt, negative_prompt=request.negative, num_inference_steps=request.steps,
        guidance_scale=request.guidance, generator=torch.Generator().manual_seed(request.seed), height=SIDE, width=SIDE,
        ip_adapter_image=pictures, **more,
    )  # fmt: skip
    return np.asarray(picture.images[0])


def _opened(path: str) -> Image.Image:
    return Image.open(path).convert("RGB")


def _pixels(pipeline, request: Request) -> np.ndarray:
    (picture,) = drawn(pipeline, request)
    return picture.pixels


@pytest.mark.parametrize(
    "kind", ["classic", pytest.param("plus", marks=pytest.mark.slow), pytest.param("full", marks=pytest.mark.slow)]
)
def test_a_picture_with_an_ip_adapter_is_that_of_diffusers(pipeline, models, folder, photos, kind):
    request = controlled_request(models, Control(_file(folder, kind), photos["a"], 0.8))
    theirs = _by_diffusers(folder, request, [kind], 0.8, [_opened(photos["a"])])
    ours = _pixels(pipeline, request)
    assert psnr(ours, theirs) >= EQUAL
    assert psnr(ours, _pixels(pipeline, controlled_request(models))) < 40, (
        "a picture that changes nothing proves nothing"
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classic", "plus"])
def test_without_guidance_it_is_that_of_diffusers_too(pipeline, models, folder, photos, kind):
    request = controlled_request(models, Control(_file(folder, kind), photos["b"]), guidance=1.0)
    assert (
        psnr(_pixels(pipeline, request), _by_diffusers(folder, request, [kind], 1.0, [_opened(photos["b"])])) >= EQUAL
    )


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [["classic", "classic"], ["plus", "classic"]])
def test_two_pictures_are_those_of_diffusers(pipeline, models, folder, photos, kinds):
    controls = [Control(_file(folder, kind), photos[name], weight)
                for kind, name, weight in zip(kinds, "ab", (0.7, 0.5), strict=True)]  # fmt: skip
    theirs = _by_diffusers(
        folder, controlled_request(models), kinds, [0.7, 0.5], [_opened(photos["a"]), _opened(photos["b"])]
    )
    both = _pixels(pipeline, controlled_request(models, *controls))
    assert psnr(both, theirs) >= EQUAL
    assert psnr(both, _pixels(pipeline, controlled_request(models, controls[0]))) < 40


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classic", "plus"])
def test_masks_are_those_of_diffusers(pipeline, models, folder, photos, kind):
    path = _file(folder, kind)
    controls = (
        Control(path, photos["a"], 0.9, mask=photos["left"]),
        Control(path, photos["b"], 0.6, mask=photos["right"]),
    )
    masks = IPAdapterMaskProcessor().preprocess(
        [Image.open(photos["left"]), Image.open(photos["right"])], height=SIDE, width=SIDE
    )
    theirs = _by_diffusers(
        folder, controlled_request(models), [kind], [[0.9, 0.6]], [[_opened(photos["a"]), _opened(photos["b"])]],
        cross_attention_kwargs={"ip_adapter_masks": [masks.reshape(1, 2, SIDE, SIDE)]},
    )  # fmt: skip
    masked = _pixels(pipeline, controlled_request(models, *controls))
    assert psnr(masked, theirs) >= EQUAL
    unmasked = [Control(path, photos["a"], 0.9), Control(path, photos["b"], 0.6)]
    assert psnr(masked, _pixels(pipeline, controlled_request(models, *unmasked))) < 40


# What has no referee


def test_a_picture_is_prepared_as_transformers_does():
    pixels = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    theirs = CLIPImageProcessorPil(**SIZES)(Image.fromarray(pixels), return_tensors="pt").pixel_values
    cropped = prepared(pixels, 32, HintFit.CROP)
    assert torch.equal(cropped, theirs)


def test_a_picture_is_cropped_squeezed_or_set_on_a_square():
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :16, 0] = 255  # a quarter of the width is red, and a quarter of the height is a green band
    pixels[12:20, :, 1] = 255
    red, green = (
        {fit: int((prepared(pixels, 32, fit)[0, i].mean(axis) > 0).sum()) for fit in HintFit}
        for i, axis in ((0, 0), (1, 1))
    )
    assert red == {HintFit.CROP: 0, HintFit.STRETCH: 8, HintFit.PAD: 8}
    assert green == {HintFit.CROP: 8, HintFit.STRETCH: 8, HintFit.PAD: 4}


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["stream", "low"])
def test_every_memory_mode_draws_the_same_picture_and_no_network_stays(pipeline, models, folder, photos, memory):
    request = controlled_request(models, Control(_file(folder, "plus"), photos["a"]), steps=2)
    sparing = Pipeline(load_engine("cpu", memory=memory))
    assert np.array_equal(_pixels(sparing, request), _pixels(pipeline, request))
    for each in (sparing, pipeline):
        engine = each.engine(request)
        assert len(engine.added) == 2 and not engine.added & engine.loaded


def test_the_encoder_runs_once_for_a_job_and_the_next_one(pipeline, models, folder, tmp_path, monkeypatch):
    Image.new("RGB", (40, 40), "green").save(tmp_path / "green.png")
    request = controlled_request(
        models, Control(_file(folder, "classic"), str(tmp_path / "green.png"), span=(0.0, 0.5)), steps=2
    )
    engine, runs, seen = pipeline.engine(request), [], []
    real, predict = engine.run, engine.predict
    monkeypatch.setattr(engine, "run", lambda name, *tensors: (runs.append(name), real(name, *tensors))[1])
    monkeypatch.setattr(engine, "predict", lambda inputs: (seen.append(len(inputs.pictures)), predict(inputs))[1])
    drawn(pipeline, request, count=2, batch=1)
    drawn(pipeline, request)
    assert len([name for name in runs if "image encoder" in name]) == 1
    assert seen == [1, 0] * 3


@pytest.mark.slow
def test_a_batch_and_a_weight_of_zero_change_nothing(pipeline, models, folder, photos):
    request = controlled_request(models, Control(_file(folder, "classic"), photos["a"], 0.8), steps=2)
    alone = [_pixels(pipeline, request.numbered(i)) for i in range(2)]
    together = [picture.pixels for picture in drawn(pipeline, request, count=2, batch=2)]
    assert all(psnr(a, b) >= EQUAL for a, b in zip(alone, together, strict=True))
    nothing = controlled_request(models, Control(_file(folder, "classic"), photos["a"], 0.0), steps=2)
    assert psnr(_pixels(pipeline, nothing), _pixels(pipeline, controlled_request(models, steps=2))) >= EQUAL


@pytest.mark.slow
def test_without_a_picture_of_its_own_it_reads_the_one_to_start_from(pipeline, models, folder, files):
    photo = str(files / "photo.png")
    own, shared = (
        _pixels(
            pipeline,
            controlled_request(models, Control(_file(folder, "classic"), hint), image=photo, strength=0.8, steps=3),
        )
        for hint in (photo, None)
    )
    assert np.array_equal(own, shared)


@pytest.mark.slow
def test_the_fast_speed_attends_as_well_and_says_nothing_of_residuals(pipeline, models, folder, photos):
    request = controlled_request(
        models, Control(_file(folder, "classic"), photos["a"]), steps=6, preset="sdedge", speed="fast"
    )
    (picture,) = drawn(pipeline, request)
    assert "deep features" in picture.facts["losses"] and "residuals" not in picture.facts["losses"]
    assert psnr(picture.pixels, _pixels(pipeline, request.replace(controls=()))) < 40


def test_an_engine_that_cannot_attend_to_pictures_refuses_by_name(pipeline, models, folder, photos, monkeypatch):
    request = controlled_request(models, Control(_file(folder, "classic"), photos["a"]), steps=1)
    engine = pipeline.engine(request)
    monkeypatch.setattr(engine, "can", engine.can - {Capability.IMAGE_TOKENS})
    with pytest.raises(InvalidRequest, match="cannot attend to pictures, as the IP-Adapter classic"):
        drawn(pipeline, request)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hint": None}, "has no picture"), ({"hint": "/nowhere/a.png"}, "there is no picture"),
        ({"preprocess": "canny"}, "reads a picture as it is"), ({"span": (0.0, 0.1)}, "no whole step falls"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_before_a_network_runs(
    pipeline, models, folder, photos, monkeypatch, change, sentence
):
    control = Control(**{"model": _file(folder, "classic"), "hint": photos["a"], **change})
    request = controlled_request(models, control, steps=3)
    monkeypatch.setattr(pipeline.engine(request), "predict", lambda inputs: pytest.fail("the UNet ran"))
    with pytest.raises(SdedgeError, match=sentence) as refusal:
        drawn(pipeline, request)
    assert str(refusal.value).count(". ") == 0


def test_a_mode_of_controlnets_is_said_to_change_nothing(pipeline, models, folder, photos):
    control = Control(_file(folder, "classic"), photos["a"], mode=ControlMode.PROMPT)
    events = [*pipeline.images(controlled_request(models, control, steps=1))]
    assert any("changes nothing of the IP-Adapter classic" in getattr(event, "message", "") for event in events)


@pytest.mark.slow
def test_the_price_is_the_encoder_and_what_attention_adds(pipeline, models, folder, photos):
    request = pipeline.resolve(controlled_request(models, Control(_file(folder, "plus"), photos["a"], span=(0.0, 0.5))))
    sentence, _ = pipeline.prices(request)
    said = r"The control plus adds one pass a picture of an image encoder of [\d.]+ MB, which then goes, "
    assert re.match(said, sentence)
    assert "% to 50% of the steps and " in sentence
