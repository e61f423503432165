"""Plans: each ecosystem's levels, starts and ends; everything that cannot be carried out refused by name."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from sdedge import catalog
from sdedge.catalog import PRESETS, SAMPLERS, resolve, resolve_schedule
from sdedge.errors import InvalidRequest
from sdedge.sampling import samplers
from sdedge.sampling.noise import BrownianNoise, initial
from sdedge.sampling.presets import sampling_plan
from sdedge.sampling.schedule import NoiseSchedule
from tests.conftest import cases

from .conftest import Prompt, denoiser, elementwise, last, scaled_error

V1 = NoiseSchedule()
ALPHAS = V1.alphas_cumprod
SHAPE = (1, 4, 8, 8)


def test_catalog_lists_what_is_implemented():
    assert set(SAMPLERS) == set(samplers.SAMPLERS)
    for info in SAMPLERS.values():
        assert info.default_schedule in info.schedules and info.advice and info.label
    for preset in PRESETS.values():
        assert set(preset.samplers) <= set(SAMPLERS) and set(preset.schedules) <= set(catalog.SCHEDULES)


def test_no_sampler_is_asked_for_by_its_name():
    # What sets a sampler apart is a row in `samplers/needs.py` or a named set in `trajectories.py`.
    names = set(SAMPLERS) - set(catalog.SCHEDULES)
    for folder in ("sampling", "generation"):
        for file in (Path(catalog.__file__).parent / folder).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Compare):
                    compared = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                    assert not names & compared, f"{file.name}:{node.lineno}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dpmpp_2m", ("dpmpp_2m", None)),
        ("DPM++ 2M Karras", ("dpmpp_2m", "karras")),
        ("Euler a", ("euler_a", None)),
        ("k_euler_a", ("euler_a", None)),
        ("DPM++ 3M SDE Exponential", ("dpmpp_3m_sde", "exponential")),
        ("DPM++ 2M SDE Heun SGM Uniform", ("dpmpp_2m_sde_heun", "sgm_uniform")),
        ("DPM2 a Karras", ("dpm2_a", "karras")),
        ("k_dpmpp_2m_ka", ("dpmpp_2m", "karras")),
        ("DDIM", ("ddim", None)),
        ("UniPC", ("unipc", None)),
        ("DPMSolverMultistepScheduler", ("dpmpp_2m", None)),
        ("PNDM", ("plms", None)),
        ("LMS Karras", ("lms", "karras")),
        ("DPM++ SDE Align Your Steps", ("dpmpp_sde", "ays")),
        ("SA-Solver", ("sa_solver", None)),
    ],
)
def test_names_from_anywhere(name, expected):
    assert resolve(name) == expected


def test_every_label_resolves_to_itself():
    for info in SAMPLERS.values():
        assert resolve(info.label) == resolve(info.name) == (info.name, None)
        for schedule in catalog.SCHEDULES.values():
            assert resolve(f"{info.label} {schedule.label}") == (info.name, schedule.name)
    assert all(resolve_schedule(s.label) == s.name for s in catalog.SCHEDULES.values())
    assert resolve_schedule("Automatic") is None


PAIRS = {"sdedge": (322, 322), "a1111": (152, 152), "diffusers": (72, 72), "compvis": (3, 2), "apple": (4, 4)}
"""How many of them a preset does not refuse, from noise and from a picture."""


@pytest.mark.parametrize(
    ("strength", "preset"),
    cases(
        itertools.product((None, 0.55), PRESETS),
        quick=[*((None, preset) for preset in PRESETS), (0.55, "diffusers"), (0.55, "compvis"), (0.55, "apple")],
    ),
)
def test_every_pair_runs(preset, strength):
    """All samplers with all their schedules: falling levels, the promised number of steps, a finite image."""
    noise, ran = initial([1], SHAPE[1:]), 0
    for name, schedule in itertools.product(PRESETS[preset].samplers, PRESETS[preset].schedules):
        try:
            run = sampling_plan(name, schedule, 4, preset, strength=strength)
        except InvalidRequest:
            continue
        ran += 1
        assert all(high >= low for high, low in itertools.pairwise(run.sigmas))
        denoise = denoiser(elementwise, run, Prompt(torch.zeros(1, 1, 1)), guidance=1)
        start = run.start(noise, None if strength is None else torch.zeros(SHAPE))
        results = list(run.run(denoise, start, run.step_noise([1], SHAPE[1:])))
        assert run.yields in (None, len(results)), (name, schedule)
        assert torch.isfinite(run.finish(results[-1][0])).all(), (name, schedule)
    assert ran == PAIRS[preset][strength is not None]


# CompVis, written out as its scripts compute it, in DDPM's variable.


def ldm_ddim(network, z, times, steps, noise, eta=0.0, plms=False):
    """LDM's loop over ascending `times` (the first `steps` of them), downwards."""
    previous = [float(ALPHAS[0]), *(float(ALPHAS[t]) for t in times[:-1])]
    past = []
    for index in reversed(range(steps)):
        a, below = float(ALPHAS[times[index]]), previous[index]
        spread = eta * ((1 - below) / (1 - a) * (1 - a / below)) ** 0.5

        def step(eps, a=a, below=below, spread=spread, z=z):
            x0 = (z - (1 - a) ** 0.5 * eps) / a**0.5
            return below**0.5 * x0 + (1 - below - spread**2) ** 0.5 * eps

        eps = network(z, times[index])
        direction = eps
        if plms and not past:
            direction = (eps + network(step(eps), times[max(index - 1, 0)])) / 2
        elif plms:
            weights = ((3, -1), (23, -16, 5), (55, -59, 37, -9))[min(len(past), 3) - 1]
            direction = sum(w * e for w, e in zip(weights, [eps, *past])) / (2, 12, 24)[min(len(past), 3) - 1]
        past = [eps, *past][:3]
        z = step(direction) + spread * noise()
    return z


@pytest.mark.parametrize(("sampler", "n", "eta"), [("ddim", 10, 0.0), ("ddim", 7, 0.5), ("plms", 10, 0.0)])
def test_compvis(unet, prompt, sampler, n, eta):
    times = [t + 1 for t in range(0, 1000, 1000 // n)]
    z = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def draws():
        generator = torch.Generator().manual_seed(4)
        return lambda *_: torch.randn(SHAPE, generator=generator, dtype=torch.float64)

    expected = ldm_ddim(
        lambda z, t: unet(z, torch.tensor([t], dtype=torch.float64), prompt.cond),
        z,
        times,
        len(times),
        draws(),
        eta,
        sampler == "plms",
    )
    run = sampling_plan(sampler, None, n, "compvis", options={"eta": eta} if sampler == "ddim" else {})
    assert run.steps == len(times) and run.rounding == "truncate"
    x = last(run.run(denoiser(unet, run, prompt, guidance=1), run.start(z), draws()))
    assert scaled_error(run.finish(x), expected) < 1e-9


def test_compvis_image_to_image(unet, prompt):
    """Noised at number t_enc, first evaluated at t_enc - 1: 741 and 721 at 50 steps and strength 0.75."""
    latent, noise = (
        torch.randn(SHAPE, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in (1, 2)
    )
    run = sampling_plan("ddim", None, 50, "compvis", strength=0.75)
    assert run.timesteps[0] == 721 and run.noise_sigma == pytest.approx(V1.sigma(741))
    run = sampling_plan("ddim", None, 10, "compvis", strength=0.45)
    times = [t + 1 for t in range(0, 1000, 100)]
    a = float(ALPHAS[times[4]])
    z = a**0.5 * latent + (1 - a) ** 0.5 * noise
    expected = ldm_ddim(
        lambda z, t: unet(z, torch.tensor([t], dtype=torch.float64), prompt.cond), z, times, 4, lambda: 0.0
    )
    x = last(run.run(denoiser(unet, run, prompt, guidance=1), run.start(noise, latent), lambda *_: 0 * noise))
    assert scaled_error(run.finish(x), expected) < 1e-9


def test_a1111_levels(k_diffusion):
    get = k_diffusion.sampling
    low, high = V1.sigma_min, V1.sigma_max
    karras = get.get_sigmas_karras(20, low, high).tolist()
    assert sampling_plan("dpmpp_2m", "karras", 20, "a1111").sigmas == pytest.approx(karras, rel=1e-5)
    # DPM2, DPM2 a and 3M SDE leave out the last level but one.
    for name in ("dpm2", "dpm2_a", "dpmpp_3m_sde"):
        one_more = get.get_sigmas_exponential(21, low, high).tolist()
        assert sampling_plan(name, "exponential", 20, "a1111").sigmas == pytest.approx([*one_more[:-2], 0.0], rel=1e-5)
    kl = sampling_plan("euler", "kl_optimal", 8, "a1111").sigmas
    assert len(kl) == 9 and kl[-1] == pytest.approx(low, rel=1e-5)
    assert sampling_plan("euler", "ays", 10, "a1111").sigmas[-2] == pytest.approx(0.029, rel=1e-5)
    assert sampling_plan("euler", "ays", 10).sigmas[-2] == pytest.approx(0.152, rel=1e-5)
    run = sampling_plan("euler", "uniform", 20, "a1111")
    assert run.start_scale == run.sigmas[0] and run.final_scale == 1 and run.rounding == "truncate"
    assert run.options["always_draw"]


def test_a1111_starts(unet, prompt):
    """Image to image runs t_enc + 1 steps; DDIM stops at timestep 1 and takes one step less than asked."""
    full, run = (
        sampling_plan("euler", "karras", 20, "a1111"),
        sampling_plan("euler", "karras", 20, "a1111", strength=0.5),
    )
    assert run.steps == 11 and run.sigmas == full.sigmas[9:] and run.noise_sigma == run.sigmas[0]
    assert sampling_plan("euler", "karras", 20, "a1111", strength=1.0).steps == 20
    ddim = sampling_plan("ddim", None, 20, "a1111")
    assert ddim.steps == 19 and ddim.timesteps == tuple(range(951, 1, -50)) and ddim.sigmas[-1] == V1.sigma(1)
    assert sampling_plan("ddim", None, 20, "a1111", strength=0.5).timesteps[0] == 451


@pytest.mark.parametrize("sampler", ["dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"])
@pytest.mark.parametrize("all_steps", [False, True])
def test_the_brownian_path_of_a1111_spans_the_levels_that_are_not_run_too(sampler, all_steps):
    """sd_samplers_kdiffusion.py there: sample_img2img makes its noise of `sigmas`, and runs `sigma_sched`, a part of them."""
    run = sampling_plan(sampler, "karras", 10, "a1111", strength=0.4, all_steps=all_steps)
    uncut = sampling_plan(sampler, "karras", 25 if all_steps else 10, "a1111").sigmas
    assert run.sigmas == uncut[-len(run.sigmas) :] and run.steps < len(uncut) - 1
    pair = run.sigmas[:2]
    assert torch.equal(run.step_noise([5], SHAPE[1:])(*pair), BrownianNoise([5], SHAPE[1:], uncut[-2], uncut[0])(*pair))
    ours = sampling_plan(sampler, "karras", 10, "sdedge", strength=0.4)
    pair = ours.sigmas[:2]
    expected = BrownianNoise([5], SHAPE[1:], ours.sigmas[-2], ours.sigmas[0])(*pair)
    assert torch.equal(ours.step_noise([5], SHAPE[1:])(*pair), expected)


@pytest.mark.parametrize("sampler", ["dpm_fast", "dpm_adaptive"])
def test_a1111_renews_all_noise_of_dpm_fast_and_adaptive(sampler):
    """sd_samplers_common.py there: every function with an eta is given opts.eta_ancestral, 1, and `Eta` says only others."""
    assert sampling_plan(sampler, "uniform", 10, "a1111").options["eta"] == 1
    assert sampling_plan(sampler, "uniform", 10, "a1111", options={"eta": 0.3}).options["eta"] == 0.3
    assert sampling_plan(sampler, "uniform", 10, "sdedge").options.get("eta", 0) == 0


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "unipc", "deis", "sa_solver", "ddim", "plms"])
@pytest.mark.parametrize(("schedule", "steps"), [("ddim_uniform", 501), ("ddim_uniform", 1000), ("leading", 1000)])
def test_as_many_steps_as_there_are_timesteps_visit_each_once(sampler, schedule, steps):
    run = sampling_plan(sampler, schedule, steps)
    assert run.sigmas[:-1] == tuple(V1.sigma(t) for t in range(999, 0, -1))
    first = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    x = last(run.run(lambda x, sigma: x / (1 + sigma**2), first, lambda high, low: torch.zeros_like(first)))
    assert torch.isfinite(x).all()


@pytest.mark.parametrize(
    ("preset", "sampler", "schedule"),
    [("apple", "dpmpp_2m", "leading"), ("apple", "dpmpp_2m", "linspace"), ("diffusers", "dpmpp_2m", "leading")],
)
def test_a_count_whose_levels_repeat_is_refused(preset, sampler, schedule):
    with pytest.raises(InvalidRequest, match=f"{schedule} visits a level twice with 1000 steps; choose fewer"):
        sampling_plan(sampler, schedule, 1000, preset)


def test_apple():
    plms = sampling_plan("plms", None, 20, "apple")
    assert plms.timesteps == tuple(range(951, 0, -50))
    dpm = sampling_plan("dpmpp_2m", "linspace", 10, "apple")
    assert dpm.timesteps == tuple(np.linspace(0, 999, 11)[1:].round()[::-1]) and dpm.options["first_order"] == 2
    assert sampling_plan("dpmpp_2m", "linspace", 20, "apple").options["first_order"] == 0
    assert sampling_plan("dpmpp_2m", "leading", 20, "apple").timesteps[0] == 1 + 20 * (999 // 21)
    assert sampling_plan("plms", None, 50, "apple", strength=0.5).noise_sigma == pytest.approx(
        NoiseSchedule(precision="float32").sigma(501)
    )
    assert PRESETS["apple"].noise_source == "numpy"


def test_own_preset():
    run = sampling_plan("dpmpp_2m", None, 20)
    assert run.schedule == "karras" and run.sigmas[0] == pytest.approx(V1.sigma_max) and run.sigmas[-1] == 0
    assert run.start_scale == pytest.approx((V1.sigma_max**2 + 1) ** 0.5) and run.rounding == "round"
    for strength, steps in ((0.01, 1), (0.5, 10), (0.75, 15), (1.0, 20)):
        cut = sampling_plan("dpmpp_2m", None, 20, strength=strength)
        assert cut.steps == steps and cut.sigmas == run.sigmas[20 - steps :]


def test_levels_of_ones_own():
    run = sampling_plan("euler", sigmas=[10, 4, 1.5])
    assert run.sigmas == (10, 4, 1.5, 0) and run.schedule == "custom" and run.steps == 3
    run = sampling_plan("dpmpp_2m", timesteps=[999, 500, 20], preset="diffusers")
    assert run.timesteps == (999, 500, 20) and run.timestep(run.sigmas[1]) == 500 and run.sigmas[-1] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": "eulr"}, r"Unknown sampler 'eulr'.*euler_a"),
        ({"schedule": "karas"}, r"Unknown schedule 'karas'.*karras"),
        ({"preset": "comfy"}, r"Unknown preset 'comfy'.*a1111"),
        ({"preset": "compvis"}, r"compvis has no sampler euler.*ddim, ddpm, plms"),
        ({"sampler": "lcm", "schedule": "karras"}, r"lcm does not take schedule karras.*lcm, simple"),
        ({"preset": "diffusers", "schedule": "ays"}, r"does not take schedule ays in preset diffusers.*leading"),
        ({"sampler": "ddim", "preset": "diffusers", "schedule": "linspace"}, r"choose one of leading, trailing"),
        ({"sampler": "ddim", "preset": "diffusers", "schedule": "trailing", "steps": 30}, "divisor of 1000"),
        ({"sigmas": [1.0, 2.0, 0.0]}, "Sigmas must fall, but 2 follows 1"),
        ({"sigmas": [1.0, 1.0]}, "must fall"),
        ({"sigmas": []}, "out of range"),
        ({"sigmas": [0.0]}, "out of range"),
        ({"sigmas": [float("inf"), 1.0]}, "out of range"),
        ({"sigmas": [float("nan")]}, "out of range"),
        ({"sigmas": [3.0, -1.0]}, "out of range"),
        ({"timesteps": [10, 500]}, "Timesteps must fall"),
        ({"timesteps": [1000]}, "none above 999"),
        ({"sigmas": [3.0], "timesteps": [5]}, "not both"),
        ({"sigmas": [3.0], "schedule": "karras"}, "not both"),
        ({"steps": 0}, "choose 1 to 1000"),
        ({"steps": 1001}, "1001 steps"),
        ({"sampler": "lcm", "steps": 51}, "51 steps"),
        ({"sampler": "dpm_fast", "steps": 1}, "at least 2 steps"),
        ({"options": {"eta": 0.5}}, "Option eta means nothing to sampler euler; its options are s_churn"),
        ({"sampler": "dpmpp_2m", "options": {"eta": 0.5}}, "it has no options"),
        ({"sampler": "ddim", "options": {"eta": 1.5}}, "number from 0 to 1"),
        ({"sampler": "ddim", "options": {"eta": float("nan")}}, "from 0 to 1"),
        ({"sampler": "unipc", "options": {"variant": "bh3"}}, "bh1, bh2"),
        ({"sampler": "lms", "options": {"order": 2.5}}, "whole number from 1 to 4"),
        ({"sampler": "lms", "options": {"order": "4"}}, "whole number"),
        ({"strength": 0.0}, "Strength 0.0"),
        ({"strength": 1.1}, "up to 1"),
        ({"preset": "diffusers", "strength": 0.04}, "leaves no step"),
        ({"sampler": "plms", "preset": "compvis", "strength": 0.5}, "no PLMS"),
    ],
)
def test_refused_by_name(arguments, message):
    with pytest.raises(InvalidRequest, match=message):
        sampling_plan(**{"sampler": "euler", **arguments})
