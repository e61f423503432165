"""What other programs do with a sampler's name beside what they write: schedules, options and numerics that a name stands for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sdedge.evaluation.reproduction_plan import plan
from sdedge.images.metadata_apps import from_texts
from sdedge.images.metadata_fields import Metadata
from sdedge.passes import Enlargement
from sdedge.sampling.presets import sampling_plan
from tests.images.graph_samples import comfyui_prompt
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


@pytest.mark.parametrize(
    ("settings", "schedule"),
    [("Sampler: Restart", "karras"), ("Sampler: Restart, Schedule type: Exponential", "exponential"),
     ("Sampler: Euler a", "uniform"), ("Sampler: DPM++ 2M Karras", "karras"), ("Sampler: DPM++ 2M", "uniform")],
)  # fmt: skip
def test_a_bare_name_means_the_schedule_that_it_had_before_schedules_were_written(settings, schedule):
    """sd_samplers_kdiffusion.py of 1.5 to 1.8 there: Restart has the scheduler karras, bare names of the others have none."""
    assert _web_ui(settings).fields["schedule"] == schedule


def test_unipc_of_the_web_ui_has_equal_steps_in_time_order_3_and_bh1():
    """sd_samplers_timesteps_impl.py and uni_pc.py there: linspace(1, 1 / 1000, n + 1), read at 1000 t - 1; shared_options.py."""
    for beside in ("", ", Schedule type: Karras", ", Schedule type: Automatic"):
        fields = _web_ui(f"Sampler: UniPC{beside}").fields
        assert dict(fields["options"]) == {"order": 3, "variant": "bh1"}
        times = 1000 * np.linspace(1, 1 / 1000, 21) - 1
        drawn = sampling_plan("unipc", fields["schedule"], 20, options=fields["options"])
        assert drawn.sigmas[:-1] == pytest.approx([drawn.noise_schedule.sigma(time) for time in times[:-1]])
    fields = _web_ui("Sampler: UniPC, UniPC order: 2, UniPC variant: bh2").fields
    assert dict(fields["options"]) == {"order": 2, "variant": "bh2"}


@pytest.mark.parametrize(
    ("beside", "preset", "lost"),
    [("Version: v1.6.0", "a1111", set()), ("Version: v1.10.1", "a1111", set()), ("Version: 5ab7f213", "a1111", set()),
     ("Schedule type: DDIM", "a1111", set()), ("Version: f0.0.17v1.8.0rc", "a1111", set()),
     ("Version: v1.5.2", "compvis", set()), ("Version: 1.3.0-72-gabc", "compvis", set()), ("RNG: CPU", "compvis", {"Version"}),
     ("Version: v1.5.2, Hires upscale: 2, Denoising strength: 0.5", "a1111", {"Version"}),
     ("Version: v1.5.2, Denoising strength: 0.5", "a1111", {"Version", "image"})],
)  # fmt: skip
@pytest.mark.parametrize("sampler", ["DDIM", "PLMS"])
def test_ddim_and_plms_of_before_version_1_6_are_those_of_compvis(sampler, beside, preset, lost):
    """sd_samplers_compvis.py there ran ldm's own samplers; sd_samplers_timesteps.py replaced it in 1.6."""
    recorded = _web_ui(f"Sampler: {sampler}, {beside}")
    assert (recorded.fields["preset"], _lost(recorded)) == (preset, lost)


def test_what_the_web_ui_writes_though_it_is_the_usual_one_is_not_lost():
    beta = "Sampler: Euler, Schedule type: Beta, Beta schedule alpha: {}, Beta schedule beta: 0.6"
    assert not _web_ui(beta.format("0.6")).unhonoured
    assert _lost(_web_ui(beta.format("0.8"))) == {"Beta schedule alpha"}


def test_hires_fix_without_an_upscaler_enlarges_by_lanczos():
    """images.py there: resize_image of the upscaler "None" is a resize by LANCZOS."""
    (second,) = _web_ui("Sampler: Euler a, Hires upscale: 2, Hires upscaler: None").fields["passes"]
    assert second.enlarge == Enlargement("lanczos", 2.0)


@pytest.mark.parametrize(
    ("sampler", "lost", "options"),
    [("uni_pc", True, {"order": 3, "variant": "bh1"}), ("uni_pc_bh2", True, {"order": 3, "variant": "bh2"}),
     ("dpm_2", True, {}), ("dpm_2_ancestral", True, {}), ("euler", False, {})],
)  # fmt: skip
def test_samplers_of_comfyui_that_leave_out_a_level_say_so_and_its_unipc_is_of_order_3(sampler, lost, options):
    """KSampler.calculate_sigmas and sample_unipc there: DISCARD_PENULTIMATE_SIGMA_SAMPLERS, bh1, min(3, levels - 2)."""
    again = {"class_type": "KSampler", "seed": 6, "steps": 3, "cfg": 7, "sampler_name": sampler, "scheduler": "normal",
             "denoise": 0.5, "latent_image": ["sampler", 0]}  # fmt: skip
    graph = comfyui_prompt(sampler={"sampler_name": sampler}, again=again, decode={"samples": ["again", 0]})
    recorded = from_texts({"prompt": json.dumps(graph)})
    assert ("sigmas" in _lost(recorded)) == lost and "sampler_name" not in _lost(recorded)
    assert dict(recorded.fields.get("options", {})) == options
    (second,) = recorded.fields["passes"]
    assert dict(second.changes.get("options", {})) == ({**options, "order": 2} if options else {})


@pytest.mark.parametrize(
    ("prompt", "hires", "times"),
    [("a [cat|dog]", "", 1), ("a [cat:dog:0.5]", "", 1), ("a [cat:dog:8]", ", Hires upscale: 2", 2), ("a [cat] (dog:1.2)", "", 0),
     ("a cat", ', Hires upscale: 2, Hires prompt: "[a|b]"', 1), ("[a|b]", ", Hires upscale: 2, Hires prompt: a cat", 1),
     ("a \\[cat|dog\\]", ", Hires upscale: 2", 0)],
)  # fmt: skip
def test_prompts_that_change_while_drawing_are_listed(prompt, hires, times):
    """prompt_parser.py there: reconstruct_cond_batch compares evaluations from 0, and hires passes have offsets."""
    assert [item.field for item in _web_ui(f"Sampler: Euler a{hires}", prompt).unhonoured] == ["prompt"] * times
