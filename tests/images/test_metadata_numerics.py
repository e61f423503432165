"""What other programs do with a sampler's name beside what they write: schedules, options and numerics that a name stands for."""

from __future__ import annotations

import pytest

from sdedge.evaluation.reproduction_plan import plan
from sdedge.images.metadata_apps import from_texts
from sdedge.images.metadata_fields import Metadata
from sdedge.sampling.presets import sampling_plan
from tests.images.metadata_samples import png


def _web_ui(settings: str, prompt: str = "a cat") -> Metadata:
    text = f"{prompt}\nSteps: 20, {settings}, CFG scale: 7, Seed: 1, Size: 512x512, RNG: CPU"
    return from_texts({"parameters": text})


def _lost(recorded: Metadata) -> set[str]:
    return {item.field for item in recorded.unhonoured}


@pytest.mark.parametrize("sampler", ["DDIM", "PLMS"])
@pytest.mark.parametrize("schedule", ["Automatic", "Karras", "SGM Uniform", "Uniform", "DDIM"])
def test_samplers_over_timesteps_have_their_own_whatever_the_schedule_type(tmp_path, sampler, schedule):
    """sd_samplers_timesteps.py there: get_timesteps asks for no scheduler, and since 1.9 every text says one."""
    text = f"a cat\nSteps: 20, Sampler: {sampler}, Schedule type: {schedule}, CFG scale: 7, Seed: 1, Size: 64x64, Version: v1.9.4"
    recorded = from_texts({"parameters": text})
    assert recorded.fields["preset"] == "a1111" and "schedule" not in recorded.fields and not recorded.unhonoured
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(parameters=text).getvalue())
    request = plan(picture).request
    drawn = sampling_plan(request.sampler, request.schedule, request.steps, request.preset)
    assert drawn.timesteps == tuple(range(951, 1, -50))


@pytest.mark.parametrize("chosen", [{}, {"sampler": "lcm"}])
def test_a_schedule_that_a_sampler_does_not_take_is_listed_and_its_own_taken(tmp_path, chosen):
    sampler = "DPM++ 2M" if chosen else "LCM"
    text = f"a cat\nSteps: 4, Sampler: {sampler}, Schedule type: Karras, CFG scale: 1, Seed: 1, Size: 64x64, Version: v1.9.4"
    picture = tmp_path / "picture.png"
    picture.write_bytes(png(parameters=text).getvalue())
    planned = plan(picture, chosen)
    assert {"preset", "schedule"} <= {each.field for each in planned.unhonoured}
    request = planned.request
    assert (request.sampler, request.schedule, request.preset) == ("lcm", None, "sdedge")
    assert sampling_plan("lcm", None, 4).schedule == "lcm"
