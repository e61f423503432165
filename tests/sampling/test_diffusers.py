"""Preset "diffusers", step by step against the schedulers of diffusers with the v1 config, on a random network.

The schedulers keep sigmas and (mostly) samples in float32 whatever the model gives, so the runs compared are float32
with a float64 network: 1e-5 of the latents' scale, and 1e-4 for third-order DEIS, whose coefficients diffusers computes
from float32 logarithms.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from sdedge.sampling.presets import sampling_plan
from sdedge.sampling.samplers import SAMPLERS
from sdedge.sampling.schedule import NoiseSchedule

from .conftest import denoiser, last, scaled_error

schedulers = pytest.importorskip("diffusers").schedulers
SHAPE = (1, 4, 8, 8)
V1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
LDM = {"set_alpha_to_one": False, "clip_sample": False}
VP = (
    "ddim",
    "ddpm",
    "plms",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_heun",
    "unipc",
    "deis",
    "sa_solver",
    "lcm",
    "tcd",
)

# sampler, schedule, steps, scheduler, its config, our options, its step() arguments
RUNS = [
    ("ddim", "leading", 10, "DDIMScheduler", LDM, {}, {}),
    ("ddim", "leading", 7, "DDIMScheduler", LDM, {"eta": 0.6}, {"eta": 0.6}),
    ("ddim", "trailing", 10, "DDIMScheduler", LDM, {}, {}),
    ("ddpm", "leading", 10, "DDPMScheduler", {"clip_sample": False}, {}, {}),
    ("plms", "leading", 10, "PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}, {}, {}),
    ("euler", "leading", 10, "EulerDiscreteScheduler", {}, {}, {}),
    ("euler", "linspace", 10, "EulerDiscreteScheduler", {}, {}, {}),
    ("euler", "trailing", 10, "EulerDiscreteScheduler", {}, {}, {}),
    ("euler", "karras", 10, "EulerDiscreteScheduler", {"use_karras_sigmas": True}, {}, {}),
    ("euler", "exponential", 10, "EulerDiscreteScheduler", {"use_exponential_sigmas": True}, {}, {}),
    ("euler", "beta", 10, "EulerDiscreteScheduler", {"use_beta_sigmas": True}, {}, {}),
    ("euler_a", "leading", 10, "EulerAncestralDiscreteScheduler", {}, {}, {}),
    ("heun", "karras", 6, "HeunDiscreteScheduler", {"use_karras_sigmas": True}, {}, {}),
    ("heun", "leading", 6, "HeunDiscreteScheduler", {}, {}, {}),
    ("dpm2", "leading", 6, "KDPM2DiscreteScheduler", {}, {}, {}),
    ("dpm2", "karras", 6, "KDPM2DiscreteScheduler", {"use_karras_sigmas": True}, {}, {}),
    ("lms", "leading", 10, "LMSDiscreteScheduler", {}, {}, {}),
    ("dpmpp_2m", "leading", 10, "DPMSolverMultistepScheduler", {}, {}, {}),
    ("dpmpp_2m", "linspace", 16, "DPMSolverMultistepScheduler", {}, {}, {}),
    ("dpmpp_2m", "trailing", 10, "DPMSolverMultistepScheduler", {}, {}, {}),
    ("dpmpp_2m", "karras", 10, "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}, {}, {}),
    ("dpmpp_2m", "exponential", 10, "DPMSolverMultistepScheduler", {"use_exponential_sigmas": True}, {}, {}),
    ("dpmpp_2m", "beta", 10, "DPMSolverMultistepScheduler", {"use_beta_sigmas": True}, {}, {}),
    (
        "dpmpp_2m_sde",
        "karras",
        10,
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
        {},
        {},
    ),
    (
        "dpmpp_2m_sde_heun",
        "leading",
        10,
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
        {},
        {},
    ),
    ("unipc", "leading", 10, "UniPCMultistepScheduler", {}, {}, {}),
    (
        "unipc",
        "karras",
        10,
        "UniPCMultistepScheduler",
        {"use_karras_sigmas": True, "solver_order": 3},
        {"order": 3},
        {},
    ),
    (
        "unipc",
        "linspace",
        10,
        "UniPCMultistepScheduler",
        {"solver_type": "bh1", "solver_order": 3},
        {"order": 3, "variant": "bh1"},
        {},
    ),  # diffusers' bh1 is NaN at its last step, to sigma 0; ours is x0
    ("unipc", "linspace", 6, "UniPCMultistepScheduler", {"solver_order": 1}, {"order": 1}, {}),
    ("deis", "leading", 10, "DEISMultistepScheduler", {}, {}, {}),
    ("deis", "linspace", 16, "DEISMultistepScheduler", {"solver_order": 3}, {"order": 3}, {}),
    ("deis", "karras", 10, "DEISMultistepScheduler", {"use_karras_sigmas": True, "solver_order": 3}, {"order": 3}, {}),
    ("sa_solver", "leading", 10, "SASolverScheduler", {}, {}, {}),
    ("sa_solver", "karras", 10, "SASolverScheduler", {"use_karras_sigmas": True}, {}, {}),
    (
        "sa_solver",
        "linspace",
        10,
        "SASolverScheduler",
        {"predictor_order": 3, "corrector_order": 4},
        {"predictor_order": 3, "corrector_order": 4},
        {},
    ),
    ("lcm", "lcm", 4, "LCMScheduler", {}, {}, {}),
    ("lcm", "lcm", 50, "LCMScheduler", {}, {}, {}),
    ("tcd", "lcm", 4, "TCDScheduler", {"set_alpha_to_one": False}, {}, {}),
    ("tcd", "lcm", 4, "TCDScheduler", {"set_alpha_to_one": False}, {"eta": 0.8}, {"eta": 0.8}),
]


def referee_run(scheduler, steps, x, network, first=0, **arguments):
    """[prev_sample after every evaluation] of a diffusers scheduler from unit-variance noise or from `first` on."""
    results = []
    for t in scheduler.timesteps[first:]:
        scaled = scheduler.scale_model_input(x, t)
        x = scheduler.step(network(scaled, t), t, x, **arguments)[0]
        results.append(x)
    return results


def build(name, schedule, config):
    spacing = {"timestep_spacing": schedule if schedule in ("linspace", "trailing") else "leading"}
    kind = getattr(schedulers, name)
    allowed = kind.__init__.__wrapped__.__code__.co_varnames if hasattr(kind.__init__, "__wrapped__") else ()
    return kind(**{k: v for k, v in {**V1, **spacing, **config}.items() if not allowed or k in allowed})


def in_their_variable(sampler, x, sigma):
    return x / (sigma**2 + 1) ** 0.5 if sampler in VP else x


@pytest.mark.parametrize(
    ("sampler", "schedule", "steps", "name", "config", "options", "arguments"),
    RUNS,
    ids=[f"{run[0]}-{run[1]}-{run[2]}-{i}" for i, run in enumerate(RUNS)],
)
def test_whole_trajectory(unet, prompt, sampler, schedule, steps, name, config, options, arguments):
    scheduler = build(name, schedule, config)
    scheduler.set_timesteps(steps)
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))

    def network(x, t):
        t = torch.as_tensor([float(t)], dtype=torch.float64)
        return unet(x.double(), t, prompt.cond).float()

    if name in (
        "DDPMScheduler",
        "EulerAncestralDiscreteScheduler",
        "SASolverScheduler",
        "LCMScheduler",
        "TCDScheduler",
        "DDIMScheduler",
    ) or "sde" in config.get("algorithm_type", ""):
        arguments = {**arguments, "generator": torch.Generator().manual_seed(9)}
    expected = referee_run(scheduler, steps, noise * scheduler.init_noise_sigma, network, **arguments)

    run = sampling_plan(sampler, schedule, steps, "diffusers", options=options)
    ours, timesteps = [], []

    def predict(x, t, context):
        timesteps.append(float(t[0]))
        return unet(x.double(), t.double(), context).float()

    generator = torch.Generator().manual_seed(9)
    for x, _ in run.run(
        denoiser(predict, run, prompt, guidance=1), run.start(noise), lambda *_: torch.randn(SHAPE, generator=generator)
    ):
        ours.append(x)
    assert np.allclose(timesteps, [float(t) for t in scheduler.timesteps], atol=2e-3)  # theirs are logs in float32
    if sampler in ("heun", "dpm2"):
        expected = [*expected[1:-1:2], expected[-1]]  # one result per step
    elif sampler == "plms":
        expected = expected[1:]
    assert len(ours) == len(expected) and torch.isfinite(ours[-1]).all()
    if options.get("variant") == "bh1":
        assert expected.pop().isnan().all()
        del ours[-1]
    within = 1e-4 if options == {"order": 3} and sampler == "deis" else 1e-5
    for i, (x, theirs) in enumerate(zip(ours, expected)):
        assert scaled_error(in_their_variable(sampler, x, run.sigmas[i + 1]), theirs) < within, f"step {i}"
    if len(ours) == run.steps:
        assert scaled_error(run.finish(ours[-1]), expected[-1]) < within


@pytest.mark.parametrize(
    ("sampler", "name", "config"),
    [
        ("ddim", "DDIMScheduler", LDM),
        ("euler", "EulerDiscreteScheduler", {}),
        ("dpmpp_2m", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("plms", "PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}),
    ],
)
def test_image_to_image(unet, prompt, sampler, name, config):
    """Noised and started where diffusers' image-to-image pipeline does, PNDM's skipped step included."""
    schedule = "karras" if "use_karras_sigmas" in config else "leading"
    scheduler, steps, strength = build(name, schedule, config), 10, 0.65
    scheduler.set_timesteps(steps)
    first = steps - min(int(steps * strength), steps)
    generator = torch.Generator().manual_seed(0)
    latent, noise = torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    x = scheduler.add_noise(latent, noise, scheduler.timesteps[first : first + 1])
    expected = referee_run(
        scheduler,
        steps,
        x,
        lambda x, t: unet(x.double(), torch.tensor([float(t)], dtype=torch.float64), prompt.cond).float(),
        first=first,
    )

    run = sampling_plan(sampler, schedule, steps, "diffusers", strength=strength)
    denoise = denoiser(lambda x, t, c: unet(x.double(), t.double(), c).float(), run, prompt, guidance=1)
    result = last(run.run(denoise, run.start(noise, latent), lambda *_: None))
    assert scaled_error(run.finish(result), expected[-1]) < 1e-5


def test_ipndm_on_levels_of_our_own(unet, prompt):
    """diffusers' IPNDM has a schedule of its own that starts at infinite sigma; `trained_betas` gives it ours."""
    sigmas = [14.0, 9.0, 5.0, 3.0, 1.6, 0.8, 0.3, 0.0]
    rates = [(s**2 / (s**2 + 1)) ** 0.5 for s in sigmas]  # what it calls betas: sigma in DDPM's variable
    scheduler = schedulers.IPNDMScheduler(num_train_timesteps=len(sigmas) - 1, trained_betas=rates)
    scheduler.set_timesteps(len(sigmas) - 1)
    schedule, noise = NoiseSchedule(), torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    expected = []
    x = noise
    for sigma, t in zip(sigmas, scheduler.timesteps):
        at = torch.tensor([schedule.timestep(sigma)], dtype=torch.float64)
        eps = unet(x.double(), at, prompt.cond).float()
        a, b = (1 / (sigma**2 + 1)) ** 0.5, (sigma**2 / (sigma**2 + 1)) ** 0.5
        v = (eps - b * x) / a  # it takes v
        x = scheduler.step(v, t, x)[0]
        expected.append(x)
    denoise = denoiser(lambda x, t, c: unet(x.double(), t.double(), c).float(), schedule, prompt, guidance=1)
    ours = SAMPLERS["ipndm"](denoise, noise * (sigmas[0] ** 2 + 1) ** 0.5, sigmas, lambda *_: None)
    for i, (x, _) in enumerate(ours):
        assert scaled_error(x / (sigmas[i + 1] ** 2 + 1) ** 0.5, expected[i]) < 1e-5, f"step {i}"


# The sums of diffusers' own scheduler tests: a dummy model, ten steps, its tests' configs.
LINEAR = {
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "steps_offset": 0,
    "set_alpha_to_one": True,
    "timestep_spacing": "linspace",
}
SCALED = {**LINEAR, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
LEADING = {**LINEAR, "timestep_spacing": "leading"}
LONGER = {**LINEAR, "num_train_timesteps": 1100}
SUMS = [
    ("ddim", "leading", LEADING, {}, 172.0067, 0.223967),
    ("lcm", "lcm", SCALED, {}, 197.7616, 0.2575),
    ("tcd", "lcm", SCALED, {"eta": 0}, 181.2040, None),
    ("dpmpp_2m", "linspace", LINEAR, {}, None, 0.3301),
    ("unipc", "linspace", LINEAR, {}, None, 0.2464),
    ("euler", "linspace", LONGER, {}, 10.0807, 0.0131),
    ("euler", "karras", LONGER, {}, 124.52299, 0.16213932),
    ("euler_a", "linspace", LONGER, {}, 152.3192, 0.1983),
]


@pytest.mark.parametrize(
    ("sampler", "schedule", "config", "options", "total", "mean"), SUMS, ids=[f"{row[0]}-{row[1]}" for row in SUMS]
)
def test_dummy_model_sums(prompt, sampler, schedule, config, options, total, mean):
    sample, generator = (
        (torch.arange(768).reshape(3, 8, 8, 4) / 768).permute(3, 0, 1, 2),
        torch.Generator().manual_seed(0),
    )
    run = sampling_plan(sampler, schedule, 10, "diffusers", NoiseSchedule.from_config(config), options=options)
    if sampler in ("dpmpp_2m", "unipc"):  # these tests ask for final_sigmas_type="sigma_min"
        low = run.noise_schedule.sigma_min
        run = replace(run, sigmas=(*run.sigmas[:-1], low), final_scale=(low**2 + 1) ** -0.5)
    denoise = denoiser(lambda x, t, c: x * (t / (t + 1)).view(-1, 1, 1, 1), run, prompt, guidance=1)
    noise = lambda *_: torch.randn(sample.shape, generator=generator)  # noqa: E731
    x = run.start(sample)
    if sampler in ("euler", "euler_a"):
        # Their loop hands the *scaled* latent to step(), so every step begins from it; Heun's and LMS's sums, which
        # rest on that too, have no counterpart in a sampler that owns its steps.
        def denoise(x, sigma):
            t = run.timestep(sigma)
            return x - sigma * (x * t / (t + 1))

        for sigma, following in pairwise(run.sigmas):
            x = last(SAMPLERS[sampler](denoise, x / (sigma**2 + 1) ** 0.5, [sigma, following], noise))
    else:
        x = last(run.run(denoise, x, noise))
    x = run.finish(x)
    assert total is None or abs(float(x.abs().sum()) - total) < 1e-2
    assert mean is None or abs(float(x.abs().mean()) - mean) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m", "euler", "unipc", "lms"])
def test_on_the_embedded_model(pocket, sampler):
    """The same on the model that ships, in float64."""
    network, prompt = pocket
    name = {
        "ddim": "DDIMScheduler",
        "dpmpp_2m": "DPMSolverMultistepScheduler",
        "euler": "EulerDiscreteScheduler",
        "unipc": "UniPCMultistepScheduler",
        "lms": "LMSDiscreteScheduler",
    }[sampler]
    scheduler = build(name, "leading", LDM if sampler == "ddim" else {})
    scheduler.set_timesteps(6)
    noise = torch.randn((1, 4, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = referee_run(
        scheduler, 6, noise * scheduler.init_noise_sigma, lambda x, t: network(x, torch.tensor([float(t)]), prompt.cond)
    )
    run = sampling_plan(sampler, "leading", 6, "diffusers")
    x = last(run.run(denoiser(network, run, prompt, guidance=1), run.start(noise), lambda *_: None))
    assert scaled_error(run.finish(x), expected[-1]) < 1e-5
