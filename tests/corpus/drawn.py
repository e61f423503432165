"""Pictures of a narrow random model, drawn by diffusers' pipelines and by loops around k-diffusion's samplers."""

from __future__ import annotations

from functools import cache
from typing import Any

import diffusers
import numpy as np
import torch
from torch import Tensor

from sdedge.sampling.noise import Philox
from tests.k_diffusion_referee import load_k_diffusion

PROMPT, NEGATIVE, GUIDANCE, STEPS, SIDE = "a red house", "trees", 3.0, 6, 64
SCHEDULERS = {
    "ddim": ("DDIMScheduler", {}), "pndm": ("PNDMScheduler", {}), "euler": ("EulerDiscreteScheduler", {}),
    "euler_k": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}), "heun": ("HeunDiscreteScheduler", {}),
    "heun_k": ("HeunDiscreteScheduler", {"use_karras_sigmas": True}), "lms": ("LMSDiscreteScheduler", {}),
    "kdpm_2": ("KDPM2DiscreteScheduler", {}), "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_k": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}), "unipc": ("UniPCMultistepScheduler", {}),
    "unipc_k": ("UniPCMultistepScheduler", {"use_karras_sigmas": True}), "deis": ("DEISMultistepScheduler", {}),
    "deis_k": ("DEISMultistepScheduler", {"use_karras_sigmas": True}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}), "ddpm": ("DDPMScheduler", {}), "lcm": ("LCMScheduler", {}),
}  # fmt: skip
"""InvokeAI's names of samplers: diffusers' class and what is set of it."""
SAMPLERS = {
    "Euler": "euler", "Euler a": "euler_ancestral", "Heun": "heun", "LMS": "lms", "DPM2": "dpm_2", "DPM2 a": "dpm_2_ancestral",
    "DPM++ 2S a": "dpmpp_2s_ancestral", "DPM++ 2M": "dpmpp_2m", "DPM++ SDE": "dpmpp_sde", "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ 3M SDE": "dpmpp_3m_sde",
}  # fmt: skip
"""The web UI's names of samplers, and k-diffusion's."""
_DISCARD = {"DPM2", "DPM2 a", "DPM++ 3M SDE"}
"""Samplers for which the web UI leaves out the next to last level."""


@cache
def _pipeline(model: str) -> diffusers.StableDiffusionPipeline:
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def by_diffusers(
    model: str, scheduler: str, seed: int, philox: bool = False, own_step_noise: bool = False
) -> np.ndarray:
    """Returns uint8 (H, W, 3) pixels of diffusers' pipeline, as InvokeAI sets it up.

    With `own_step_noise` the noise of the steps comes from a generator of its own, as there.
    """
    pipeline = _pipeline(model)
    name, changes = SCHEDULERS[scheduler]
    config = {**pipeline.scheduler.config, "clip_sample": False, "timestep_spacing": "leading", **changes}
    original, pipeline.scheduler = pipeline.scheduler, getattr(diffusers, name).from_config(config)
    generator = torch.Generator().manual_seed(seed)
    shape = (1, 4, SIDE // 8, SIDE // 8)
    latents = Philox(seed)(shape) if philox else torch.randn(shape, generator=generator)
    if own_step_noise:
        generator = torch.Generator().manual_seed(seed ^ 0xFFFFFFFF)
    try:
        picture = pipeline(
            PROMPT, negative_prompt=NEGATIVE, num_inference_steps=STEPS, guidance_scale=GUIDANCE, latents=latents,
            generator=generator, height=SIDE, width=SIDE,
        )  # fmt: skip
    finally:
        pipeline.scheduler = original
    return np.asarray(picture.images[0])


@torch.no_grad()
def by_k_diffusion(model: str, sampler: str, schedule: str, seed: int, philox: bool = False) -> np.ndarray:
    """Returns uint8 (H, W, 3) pixels of k-diffusion's sampler around the model's own networks, as the web UI runs it."""
    k_diffusion = load_k_diffusion()
    assert k_diffusion is not None
    pipeline = _pipeline(model)
    denoiser = _denoiser(k_diffusion, pipeline)
    shape = (1, 4, SIDE // 8, SIDE // 8)
    generator = torch.Generator().manual_seed(seed)
    draw = Philox(seed) if philox else lambda size: torch.randn(size, generator=generator)
    sigmas = _sigmas(k_diffusion, denoiser, sampler, schedule)
    x, options = draw(shape) * sigmas[0], {}
    if "SDE" in sampler:
        low, high = sigmas[sigmas > 0].min(), sigmas.max()
        options = {"noise_sampler": k_diffusion.sampling.BrownianTreeNoiseSampler(x, low, high, seed=seed)}
    elif sampler.endswith(" a"):
        options = {"noise_sampler": lambda sigma, sigma_next: draw(shape)}
    run = getattr(k_diffusion.sampling, f"sample_{SAMPLERS[sampler]}")
    latents = run(_guided(denoiser, pipeline), x, sigmas, disable=True, **options)
    pixels = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample[0]
    return (255.0 * ((pixels + 1) / 2).clamp(0, 1).permute(1, 2, 0).numpy()).astype(np.uint8)


def _denoiser(k_diffusion: Any, pipeline: Any) -> Any:
    class Denoiser(k_diffusion.external.DiscreteEpsDDPMDenoiser):
        def get_eps(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
            return pipeline.unet(x, t, encoder_hidden_states=context).sample

    return Denoiser(None, pipeline.scheduler.alphas_cumprod, quantize=False)


def _guided(denoiser: Any, pipeline: Any) -> Any:
    tokens = pipeline.tokenizer([PROMPT, NEGATIVE], padding="max_length", max_length=77, return_tensors="pt").input_ids
    cond, uncond = pipeline.text_encoder(tokens)[0].split(1)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        x0, x0_uncond = denoiser(x, sigma, context=cond), denoiser(x, sigma, context=uncond)
        return x0_uncond + (x0 - x0_uncond) * GUIDANCE

    return denoise


def _sigmas(k_diffusion: Any, denoiser: Any, sampler: str, schedule: str) -> Tensor:
    steps = STEPS + (sampler in _DISCARD)
    if schedule == "Karras":
        ends = denoiser.sigmas[0].item(), denoiser.sigmas[-1].item()
        sigmas = k_diffusion.sampling.get_sigmas_karras(n=steps, sigma_min=ends[0], sigma_max=ends[1])
    elif schedule == "Exponential":
        ends = denoiser.sigmas[0].item(), denoiser.sigmas[-1].item()
        sigmas = k_diffusion.sampling.get_sigmas_exponential(n=steps, sigma_min=ends[0], sigma_max=ends[1])
    else:
        sigmas = denoiser.get_sigmas(steps)
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if sampler in _DISCARD else sigmas
