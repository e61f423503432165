"""PAG, APG and FreeU in a picture: equal to diffusers' pipelines, together, and refused by engines that cannot."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, StableDiffusionPAGPipeline, StableDiffusionPipeline

from sdedge.engines.protocol import Capability
from sdedge.errors import InvalidRequest
from sdedge.events import Notice
from sdedge.generation.guidance import branch_count
from sdedge.generation.requirements import refuse_unsupported
from sdedge.guides import guide_choice
from sdedge.request import Request, Resolved
from tests.conftest import cases
from tests.generation.conftest import drawn, psnr

SCHEDULERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}
PAG, FREEU = guide_choice("pag", scale=50.0), guide_choice("freeu", b1=1.5, b2=1.6, s1=0.9, s2=0.2)


@cache
def _components(model: str) -> dict[str, Any]:
    return StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None).components


def _by_diffusers(request: Request) -> np.ndarray:
    names = {guide.name: guide.by_name for guide in request.guides}
    kind = StableDiffusionPAGPipeline if "pag" in names else StableDiffusionPipeline
    referee = kind(**_components(request.model), requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": "leading"}
    referee.scheduler = SCHEDULERS[request.sampler].from_config(config)
    if "freeu" in names:
        referee.enable_freeu(**names["freeu"])
    picture = referee(
        request.prompt, negative_prompt=request.negative, num_inference_steps=request.steps, width=request.width,
        height=request.height, guidance_scale=request.guidance, guidance_rescale=request.guidance_rescale,
        generator=torch.Generator().manual_seed(request.seed),
        **({"pag_scale": names["pag"]["scale"]} if "pag" in names else {}),
    )  # fmt: skip
    if "freeu" in names:
        referee.disable_freeu()
    return np.asarray(picture.images[0])


def _request(model: str, **more: Any) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": model, "guidance": 3.0, "steps": 4, "seed": 7,
                "sampler": "ddim", "preset": "diffusers", "schedule": "leading", "width": 192, "height": 256}  # fmt: skip
    return Request(**{**settings, **more})


@pytest.mark.parametrize(
    ("guides", "more"),
    cases(
        [((PAG,), {}), ((PAG,), {"guidance": 1.0}), ((PAG,), {"guidance_rescale": 0.7, "sampler": "euler"}),
         ((FREEU,), {}), ((FREEU,), {"sampler": "euler"}), ((FREEU, PAG), {})],
        quick=[((PAG,), {"guidance_rescale": 0.7, "sampler": "euler"})],
    ),
)  # fmt: skip
def test_a_picture_equals_diffusers(pipeline, models, guides, more):
    request = _request(models[4], guides=guides, **more)
    (ours,) = drawn(pipeline, request)
    assert psnr(ours.pixels, _by_diffusers(request)) >= 50
    (plain,) = drawn(pipeline, request.replace(guides=()))
    assert psnr(ours.pixels, plain.pixels) < 45, "a guide that changes nothing proves nothing"


@pytest.mark.slow
def test_all_of_them_together_act_also_on_the_parts_of_an_and_in_a_batch(pipeline, models):
    guides = (PAG, guide_choice("apg", norm=2), FREEU)
    request = _request(models[4], prompt="a red house AND a tree :0.5", guides=guides, steps=2, width=128, height=128)
    together = drawn(pipeline, request, count=2, batch=2)
    (second,) = drawn(pipeline, request.replace(seed=8))
    assert psnr(together[1].pixels, second.pixels) > 60
    for left in range(3):
        fewer = request.replace(guides=guides[:left] + guides[left + 1 :])
        assert not np.array_equal(drawn(pipeline, fewer)[0].pixels, together[0].pixels), guides[left]


@pytest.mark.parametrize(
    ("guides", "capability"), [((PAG,), Capability.IDENTITY_ATTENTION), ((FREEU,), Capability.FREEU)]
)
def test_an_engine_that_cannot_is_told_so_before_anything_is_drawn(guides, capability):
    facts = SimpleNamespace(name="small", in_channels=4, guidance_channels=0)
    engine = SimpleNamespace(facts=facts, description="another", can=frozenset(Capability) - {capability})
    with pytest.raises(InvalidRequest, match=f"cannot draw with {guides[0].name}") as refusal:
        refuse_unsupported(engine, Resolved("x", guides=guides))
    assert refusal.value.field == "guides"
    refuse_unsupported(engine, Resolved("x", guides=(guide_choice("apg"),)))


@pytest.mark.slow
def test_apg_without_guidance_is_said_to_have_no_effect(pipeline, models):
    request = _request(models[4], guides=(guide_choice("apg"),), steps=1)
    for guidance, says in ((1.0, True), (3.0, False)):
        events = [*pipeline.images(request.replace(guidance=guidance))]
        assert any("no effect" in event.message for event in events if isinstance(event, Notice)) == says


def test_the_plan_counts_the_rows_of_perturbed_branches():
    facts = SimpleNamespace(in_channels=4, guidance_channels=0)
    for prompt, guides, guidance, rows in (
        ("a", (), 7.5, 2), ("a", (PAG,), 7.5, 3), ("a", (PAG,), 1.0, 2), ("a AND b", (PAG, FREEU), 7.5, 5),
    ):  # fmt: skip
        assert branch_count(Request(prompt, guides=guides, guidance=guidance), facts) == rows
