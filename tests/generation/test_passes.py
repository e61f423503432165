"""Several passes of one request: equal to pipelines one after another, announced, and no memory or picture lost on the way."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.boxes import Boxes
from sdedge.errors import InvalidRequest, OutOfMemory
from sdedge.events import Loading, Step
from sdedge.generation import upscale
from sdedge.generation.passes import largest, settled
from sdedge.generation.pipeline import Picture
from sdedge.generation.prompts import encode_prompts
from sdedge.generation.sample import decode_pixels
from sdedge.models.unet_inputs import UNetInputs
from sdedge.passes import ENLARGERS, Changes, Enlargement, Pass
from sdedge.regions import Region, RegionMethod
from sdedge.request import Request, Resolved
from sdedge.sampling.noise import initial
from sdedge.sampling.presets import sampling_plan
from sdedge.windows import Windows
from tests.detector_models import random_detector, save_as_ultralytics

from ..conftest import cases
from .conftest import SIDE, diffusers_components, drawn, from_photo, psnr

LARGE = 2 * SIDE


def hires(strength: float = 0.5, by: str = "latent", **more) -> Pass:
    size = {"size": more.pop("size")} if "size" in more else {}
    return Pass(Changes({"strength": strength, **more}), Enlargement(by, **size))


def boxes(strength: float = 0.5, **changes) -> Pass:
    return Pass(Changes({"strength": strength, **changes}), boxes=Boxes("face_yolov8n.pt"))


def request_of(models, *passes: Pass, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": models[4], "guidance": 3.0, "steps": 4, "sampler": "ddim",
                "schedule": "leading", "preset": "diffusers", "seed": 7, "width": SIDE, "height": SIDE}  # fmt: skip
    return Request(**{**settings, **more}, passes=passes)


def _two_pipelines(model: str, enlarge, output: str) -> np.ndarray:
    """Draws with diffusers: text to image, what `enlarge` makes of that, image to image at the new size."""
    from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

    parts = {**diffusers_components(model)}
    parts["scheduler"] = DDIMScheduler.from_config(parts["scheduler"].config)
    first = StableDiffusionPipeline(**parts, requires_safety_checker=False)
    again = StableDiffusionImg2ImgPipeline(**parts, requires_safety_checker=False)
    texts = {"prompt": "a red house", "negative_prompt": "trees", "guidance_scale": 3.0, "num_inference_steps": 4}
    for each in (first, again):
        each.set_progress_bar_config(disable=True)
    small = first(
        **texts, height=SIDE, width=SIDE, output_type=output, generator=torch.Generator().manual_seed(7)
    ).images
    large = again(**texts, image=enlarge(small), strength=0.5, generator=torch.Generator().manual_seed(7)).images
    return np.asarray(large[0])


WAYS = [("latent", "latent"), ("lanczos", "pil"), ("latent-bicubic-antialiased", "latent"), ("nearest", "pil")]


@pytest.mark.parametrize(("by", "output"), cases(WAYS, quick=WAYS[:2]))
def test_hires_fix_equals_two_pipelines_of_diffusers(models, pipeline, by, output):
    modes = {"latent": {"mode": "bilinear"}, "latent-bicubic-antialiased": {"mode": "bicubic", "antialias": True}}
    resampling = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}

    def enlarge(small):
        if output == "latent":
            return torch.nn.functional.interpolate(small, scale_factor=2, **modes[by])
        return small[0].resize((LARGE, LARGE), resampling[by])

    (picture,) = drawn(pipeline, request_of(models, hires(by=by)))
    assert picture.pixels.shape == (LARGE, LARGE, 3)
    assert psnr(picture.pixels, _two_pipelines(models[4], enlarge, output)) >= 50


def test_every_step_says_in_which_pass_it_is_and_passes_go_picture_by_picture(models, pipeline):
    request = request_of(
        models, hires(steps=2, guidance=1.0), Pass(Changes(strength=0.25)), preset="sdedge", schedule=None
    )
    events = list(pipeline.images(request, count=2, batch=2, previews=True))
    steps = [(e.pass_number, e.passes, e.first, e.size, e.index, e.total) for e in events if isinstance(e, Step)]
    first = [(1, 3, 0, 2, i, 4) for i in (1, 2, 3, 4)]
    later = [[(2, 3, n, 1, 1, 2), (2, 3, n, 1, 2, 2), *((3, 3, n, 1, i, 4) for i in (1, 2, 3, 4))] for n in (0, 1)]
    assert steps == [*first, *later[0], *later[1]]
    assert all(event.preview for event in events if isinstance(event, Step))
    pictures = [event for event in events if isinstance(event, Picture)]
    assert [picture.seed for picture in pictures] == [7, 8]
    assert all(picture.pixels.shape == (LARGE, LARGE, 3) for picture in pictures)
    assert (
        events.index(pictures[0]) < [i for i, event in enumerate(events) if isinstance(event, Step)][10]
    )  # kept early

    # A batch changes no picture.
    alone = drawn(pipeline, request.replace(seed=8))[0]
    assert psnr(alone.pixels, pictures[1].pixels) >= 50


def test_a_pass_of_no_strength_only_enlarges(models, pipeline):
    (plain,) = drawn(pipeline, request_of(models))
    (large,) = drawn(pipeline, request_of(models, hires(0.0, "lanczos", size=(150, 0))))
    assert np.array_equal(large.pixels, np.asarray(plain.image.resize((150, 150), Image.Resampling.LANCZOS)))
    assert large.request.passes[0].enlarge == Enlargement("lanczos", size=(150, 0)) and large.request.width == SIDE


def test_the_size_that_a_pass_finds_is_that_of_the_picture_with_what_was_drawn_into_it(models, pipeline, files):
    """Three times what is drawn is too large, three times the picture that it is put into is not."""
    Image.new("RGB", (128, 128), "red").save(files / "small.png")
    mask = Image.new("L", (128, 128))
    mask.paste(255, (40, 40, 56, 56))
    mask.save(files / "small-mask.png")
    inpaints = {"image": str(files / "small.png"), "mask": str(files / "small-mask.png"), "mask_only": True}
    larger = (Pass(Changes({"strength": 0.5}), Enlargement("lanczos", 3.0)),)
    request = from_photo(models[4], files, **inpaints, width=2048, height=2048, passes=larger)
    assert pipeline.resolve(request).passes


@pytest.mark.slow
def test_a_masked_picture_is_put_back_before_its_next_pass(models, pipeline, files):
    """What was drawn into a larger picture is enlarged with all of that picture."""
    request = from_photo(models[4], files, image=str(files / "large.png"), mask=str(files / "large-mask.png"), width=SIDE,
                         height=SIDE, mask_only=True)  # fmt: skip
    (plain,) = drawn(pipeline, request)
    (large,) = drawn(pipeline, request.replace(passes=(hires(0.0, "lanczos"),)))
    assert np.array_equal(large.pixels, np.asarray(plain.image.resize((300, 234), Image.Resampling.LANCZOS)))
    (again,) = drawn(pipeline, request.replace(passes=(hires(0.4, "latent", steps=2),)))
    assert again.pixels.shape == (232, 296, 3)  # twice, in whole cells


@pytest.mark.slow
def test_wildcards_and_prompts_of_a_pass_are_its_own(models, pipeline):
    request = request_of(models, hires(prompt="a {green|blue} house", steps=2), prompt="a red house")
    (picture,) = drawn(pipeline, request)
    chosen = picture.request.passes[0].changes["prompt"]
    assert chosen in ("a green house", "a blue house") and picture.request.prompt == "a red house"
    assert [choice[1] for choice in picture.facts["choices"]] == [chosen.split()[1]]
    again = drawn(pipeline, picture.request.replace(passes=(hires(prompt=chosen, steps=2),)))[0]
    assert np.array_equal(again.pixels, picture.pixels)


def test_memory_is_planned_for_the_largest_pass():
    request = Resolved(
        "x", width=512, height=512, passes=(hires(size=(1024, 0)), hires(size=(1536, 0)), hires(0.0, "lanczos"))
    )
    assert largest(request, (512, 512), 1) == (1536, 1536, 1)
    assert largest(request, (512, 512), 16) == (512, 512, 16)
    assert [each.size for each in settled(request, (512, 512))] == [(1024, 1024), (1536, 1536), (3072, 3072)]


@pytest.mark.parametrize(
    ("passes", "said"),
    [
        ((hires(prompt="x <lora:none such:1>"),), "none such"),
        ((hires(by="no-such"),), "no upscaler .no-such"),
        ((Pass(Changes(strength=0.5), Enlargement(scale=16)),) * 2, "sides of 64 to 4096"),
        ((hires(size=(32768, 0)),), "sides of 64 to 4096"),
        ((hires(0.0, "lanczos", size=(20000, 0)), hires(0.0, "lanczos")), "32768 pixels a side"),
        ((hires(sampler="euler", schedule="trailing", options={"s_churn": 1.0}),), "does not take|trailing"),
        ((boxes(prompt="[PROMPT] [SEP] a face <lora:none such:1>"),), "none such"),
        ((boxes(sampler="ddim", schedule="karras"),), "ddim|karras"),
        ((boxes(steps=2, strength=0.1), {"preset": "diffusers"}), "leaves no step"),
        ((hires(size=(2 * SIDE, SIDE)), {"regions": (Region("a house", mask="tall.png"),)}), "not the shape"),
        (
            (hires(), {"regions": (Region("x", by=RegionMethod.WINDOW),), "windows": Windows((SIDE, SIDE), 8)}),
            "do not go with a picture that is drawn in windows",
        ),
    ],
)
def test_passes_that_cannot_be_carried_out_are_refused_before_a_step(
    models, pipeline, passes, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (SIDE, SIDE), 255).save("tall.png")
    save_as_ultralytics(random_detector(3), tmp_path / "face_yolov8n.pt")
    more = {name: value for each in passes if isinstance(each, dict) for name, value in each.items()}
    passes = [each for each in passes if not isinstance(each, dict)]
    settings = {"preset": "a1111", "schedule": "karras", "sampler": "euler", **more}
    ran = []
    with pytest.raises(InvalidRequest, match=said) as refusal:
        for event in pipeline.images(request_of(models, *passes, **settings)):
            ran.append(event)
    assert not [event for event in ran if isinstance(event, (Step, Picture))] and str(refusal.value).endswith(".")
    assert all(event == Loading("model") for event in ran)


@pytest.mark.parametrize(
    ("schedule", "sampler", "chosen"),
    [
        ("karras", "dpmpp_2m", "karras"),
        ("karras", "ddim", "ddim_uniform"),
        (None, "dpmpp_2m", "karras"),
        (None, "ddim", "ddim_uniform"),
    ],
)
def test_another_sampler_has_the_schedule_of_the_first_pass_where_it_takes_that(
    models, pipeline, schedule, sampler, chosen
):
    request = request_of(models, hires(sampler=sampler), preset="a1111", sampler="euler", schedule=schedule)
    resolved = pipeline.resolve(request)
    assert resolved.passes[0].changes["schedule"] == chosen and pipeline.resolve(resolved).passes == resolved.passes
    assert pipeline.resolve(request_of(models, hires(steps=3))).passes == (hires(steps=3),)


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim"])
def test_a_second_pass_of_a1111_runs_all_its_steps(sampler):
    """processing.py and sd_samplers_common.py there: steps / strength levels, of which the last `steps` are run."""
    plan = sampling_plan(sampler, None, 10, "a1111", strength=0.5, all_steps=True)
    longer = sampling_plan(sampler, None, 20, "a1111")
    # t_enc = 9: k-diffusion runs sigmas[20 - 9 - 1:], its loop over timesteps visits timesteps[:9].
    assert plan.sigmas == (longer.sigmas[-9:] if sampler == "ddim" else longer.sigmas[10:])
    ours = sampling_plan(sampler, None, 10, "sdedge", strength=0.5, all_steps=True)
    assert ours.steps == 10 and ours.sigmas == sampling_plan(sampler, None, 20, "sdedge").sigmas[10:]
    assert sampling_plan(sampler, None, 10, "diffusers", strength=0.5, all_steps=True).steps == 5


def test_hires_fix_follows_the_web_ui(models, pipeline):
    """processing.py there, written out: the latent by interpolate, noise anew at the larger shape, steps / strength levels."""
    settings = {"preset": "a1111", "sampler": "euler", "schedule": "karras", "guidance": 1.0, "negative": ""}
    request = request_of(models, hires(0.5, "latent-antialiased", steps=3), **settings)
    engine = pipeline.engine(request)
    (picture,) = drawn(pipeline, request)

    def run(plan, x):
        context = encode_prompts(engine, [picture.request], plan.steps)
        for sigma, below in itertools.pairwise(plan.sigmas):
            scale = 1 / (sigma**2 + 1) ** 0.5
            t = torch.tensor([plan.timestep(sigma)])
            eps = engine.predict(UNetInputs(x * scale, t, context.cond))
            x = x + eps * (below - sigma)
        return x

    first, longer = (sampling_plan("euler", "karras", n, "a1111", noise_schedule=engine.facts.schedule) for n in (4, 6))
    latent = run(first, initial([7], (4, 8, 8), "torch") * first.sigmas[0])
    large = torch.nn.functional.interpolate(latent, (16, 16), mode="bilinear", antialias=True)
    second = replace(longer, sigmas=longer.sigmas[3:])  # t_enc = 2: sigmas[6 - 2 - 1:]
    latent = run(second, large + initial([7], (4, 16, 16), "torch") * second.sigmas[0])
    assert psnr(picture.pixels, decode_pixels(engine, picture.request, latent)) >= 50


def test_every_enlarger_has_a_way_to_enlarge(models, pipeline):
    from sdedge.generation.enlarge import LATENT, enlarge_latent

    assert {name for name, row in ENLARGERS.items() if row.is_latent} == set(LATENT)
    latent = torch.arange(24.0).reshape(1, 1, 4, 6)
    for name in LATENT:
        assert enlarge_latent(latent, name, (12, 8)).shape == (1, 1, 8, 12)
        assert enlarge_latent(latent, name, (12, 4)).shape == (1, 1, 4, 12)  # covers, and is cut


@pytest.mark.parametrize("by", ["lanczos", "nearest"])
def test_pixels_that_there_is_no_room_for_are_refused_before_anything_is_drawn(models, pipeline, monkeypatch, by):
    """Only upscalers' networks asked once, and after the passes before."""
    monkeypatch.setattr(upscale, "available_memory", lambda: (10**6, 10**9))
    request = request_of(models, hires(0.5), hires(0.0, by, size=(2000, 2000)))
    events: list[object] = []
    with pytest.raises(OutOfMemory, match="2000x2000"):
        events.extend(pipeline.images(request))
    assert not any(isinstance(event, Step) for event in events)
    (small,) = drawn(pipeline, request_of(models, hires(0.0, by, size=(128, 0))))
    assert small.pixels.shape == (128, 128, 3)
