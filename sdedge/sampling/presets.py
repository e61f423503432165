"""Presets: which levels a run visits, where it starts and how it ends, as each ecosystem does it.

`sampling_plan` turns sampler, schedule, steps and preset into a `SamplingPlan`, the only thing the pipeline needs: the
sigmas, the timestep the network is told at each, the first latent, the sampler's options and the last touch. Everything
that cannot be carried out is refused here, by name, with the valid choices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from sdedge import catalog
from sdedge.catalog import PRESETS, SAMPLERS, MaskMode, NoiseSource, PresetInfo, SamplerInfo
from sdedge.errors import InvalidRequest
from sdedge.sampler_options import check as check_options
from sdedge.sampling.noise import BrownianNoise, Noise
from sdedge.sampling.samplers import SAMPLERS as IMPLEMENTED
from sdedge.sampling.samplers import Denoise, StepNoise, Steps
from sdedge.sampling.samplers.adaptive import dpm_fast_orders
from sdedge.sampling.samplers.few_step import lcm_boundary
from sdedge.sampling.samplers.sde import restart_sigmas
from sdedge.sampling.schedule import NoiseSchedule
from sdedge.sampling.trajectories import CUTS, DIFFUSERS_PAIRS, TRAJECTORIES, SigmaTrajectory, cut_sdedge


@dataclass(frozen=True)
class SamplingPlan:
    """One run, decided. Levels and timesteps are Python floats; x is in the variance-exploding variable.

    sampler, schedule, preset   canonical names (schedule is "custom" for levels given by the user)
    sigmas                      n + 1 falling levels, the last 0 unless the preset stops above it
    timesteps                   what the network is told at sigmas[:-1]; () where it follows from the level
    noise_schedule              the model's, in the preset's precision
    options                     keyword arguments of the sampler
    noise                       "independent" or "brownian"
    start_scale                 scale of the noise that starts a run without an image
    noise_sigma, entry_scale    an image starts at (latent + noise_sigma noise) entry_scale
    """

    sampler: str
    schedule: str
    preset: str
    sigmas: tuple[float, ...]
    timesteps: tuple[float, ...]
    noise_schedule: NoiseSchedule
    start_scale: float
    noise_sigma: float
    entry_scale: float = 1.0
    final_scale: float = 1.0
    noise: str = "independent"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1

    @property
    def yields(self) -> int | None:
        """How many times the sampler will yield; None where it decides itself."""
        if self.sampler == "dpm_adaptive":
            return None
        if self.sampler == "dpm_fast":
            return len(dpm_fast_orders(self.steps))
        if self.sampler == "restart":
            return len(restart_sigmas(self.sigmas, self.options.get("segments")))
        return self.steps - (1 if self.options.get("repeat") is False else 0)

    @property
    def prediction_type(self) -> str:
        return self.noise_schedule.prediction_type

    @property
    def rounding(self) -> str:
        """How decoded pixels become bytes: "round" or "truncate"."""
        return PRESETS[self.preset].rounding

    @property
    def mask_mode(self) -> MaskMode:
        return PRESETS[self.preset].mask

    @property
    def one_image(self) -> bool:
        return SAMPLERS[self.sampler].one_image

    @cached_property
    def _timestep_by_sigma(self) -> dict[float, float]:
        return dict(zip(self.sigmas, self.timesteps))

    def timestep(self, sigma: float) -> float:
        """The timestep the network is told at a level, fractional where the preset does not round."""
        return (
            self._timestep_by_sigma[sigma] if sigma in self._timestep_by_sigma else self.noise_schedule.timestep(sigma)
        )

    def start(self, noise: Tensor, latent: Tensor | None = None) -> Tensor:
        """The first x, from unit noise (B, C, h, w) alone or with an image's latent of that shape."""
        if latent is None:
            return noise * self.start_scale
        return (latent + noise * self.noise_sigma) * self.entry_scale

    def finish(self, x: Tensor) -> Tensor:
        """The latent to decode from the last x: DDPM's variable where the preset stops above zero."""
        return x * self.final_scale if self.final_scale != 1 else x

    def step_noise(
        self,
        seeds: Sequence[int],
        shape: Sequence[int],
        source: str = NoiseSource.TORCH,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> StepNoise:
        """The noise of the steps for these seeds, continuing each stream after its initial latent."""
        if self.noise == "brownian":
            low = min(sigma for sigma in self.sigmas if sigma > 0)
            return BrownianNoise(seeds, shape, low, max(self.sigmas), source, device, dtype)
        return Noise(seeds, shape, source, device, dtype)

    def run(self, denoise: Denoise, x: Tensor, noise: StepNoise) -> Steps:
        """The sampler's generator: yields (x, x0) per step."""
        return IMPLEMENTED[self.sampler](denoise, x, self.sigmas, noise, **self.options)


def sampling_plan(
    sampler: str,
    schedule: str | None = None,
    steps: int = 20,
    preset: str = catalog.DEFAULT_PRESET,
    noise_schedule: NoiseSchedule | None = None,
    *,
    strength: float | None = None,
    sigmas: Sequence[float] | None = None,
    timesteps: Sequence[float] | None = None,
    options: Mapping[str, Any] | None = None,
) -> SamplingPlan:
    """Decide a run. `schedule` None means the preset's default for the sampler; labels are understood.

    `strength` in (0, 1] starts from an image: the levels are cut as the preset does. `sigmas` or `timesteps`, falling,
    replace the schedule and the number of steps; a missing final zero is added to sigmas.

    Raises InvalidRequest for unknown names, unsupported pairs, counts or strengths out of range, levels that rise,
    and options that mean nothing to the sampler; the message names the valid choices.
    """
    if preset not in PRESETS:
        raise InvalidRequest(f"Unknown preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    sampler, attached = catalog.resolve(sampler)
    info, rules = SAMPLERS[sampler], PRESETS[preset]
    if sampler not in rules.samplers:
        raise InvalidRequest(f"Preset {preset} has no sampler {sampler}; choose one of {', '.join(rules.samplers)}.")
    chosen = dict(check_options(sampler, options or {}))
    trained = replace(noise_schedule or NoiseSchedule(), precision=rules.precision)
    named = catalog.resolve_schedule(schedule) if schedule is not None else attached
    if sigmas is not None or timesteps is not None:
        if named is not None:
            raise InvalidRequest(f"Give either schedule {named} or your own levels, not both.")
        route, schedule = _custom(sigmas, timesteps, trained, rules), "custom"
        steps = len(route.sigmas) - 1
    else:
        schedule = named or _default_schedule(info, rules, trained)
        _check_pair(info, rules, schedule)
        if not 1 <= steps <= trained.num_train_timesteps:
            raise InvalidRequest(
                f"{steps} steps do not fit the model's {trained.num_train_timesteps} timesteps; "
                f"choose 1 to {trained.num_train_timesteps}."
            )
        route = TRAJECTORIES[preset](sampler, schedule, steps, trained)
        if sampler in ("dpm_fast", "dpm_adaptive"):
            route = _full_range(route, sampler, trained)
    if strength is not None:
        if not 0 < strength <= 1:
            raise InvalidRequest(f"Strength {strength} is out of range; choose more than 0 and up to 1.")
        cut = cut_sdedge if schedule == "custom" else CUTS[preset]
        route = cut(route, sampler, steps, strength, trained)
    return _finish_plan(sampler, schedule, rules, trained, route, chosen)


def _finish_plan(
    sampler: str,
    schedule: str,
    rules: PresetInfo,
    trained: NoiseSchedule,
    route: SigmaTrajectory,
    chosen: dict[str, Any],
) -> SamplingPlan:
    first, last = route.sigmas[0], route.sigmas[-1]
    noise_sigma = first if route.noise_sigma is None else route.noise_sigma
    timestep_of = dict(zip(route.sigmas, route.timesteps))
    times = [timestep_of[s] if s in timestep_of else trained.timestep(s) for s in route.sigmas]
    options = {**route.inner, **chosen}
    if sampler == "sa_solver":
        tau = options.get("tau", SAMPLERS[sampler].options["tau"].default)
        options["tau"] = tuple(tau if 200 <= t <= 800 else 0.0 for t in times[:-1])
    elif sampler == "lcm":
        options["c_skip"] = tuple(lcm_boundary(t) for t in times[:-1])
    elif sampler == "tcd":
        eta = options.pop("eta", SAMPLERS[sampler].options["eta"].default)
        options["down"] = tuple(
            trained.sigma(math.floor((1 - eta) * t)) if s > 0 else 0.0 for t, s in zip(times[1:], route.sigmas[1:])
        )
    if rules.always_draw and sampler in ("ddim", "euler", "heun", "dpm2"):
        options["always_draw"] = True
    return SamplingPlan(
        sampler=sampler,
        schedule=schedule,
        preset=rules.name,
        sigmas=tuple(route.sigmas),
        timesteps=tuple(route.timesteps),
        noise_schedule=trained,
        options=options,
        start_scale=math.sqrt(first**2 + 1) if route.latent_start else first,
        noise_sigma=noise_sigma,
        entry_scale=math.sqrt((first**2 + 1) / (noise_sigma**2 + 1)) if noise_sigma != first else 1.0,
        final_scale=1 / math.sqrt(last**2 + 1) if route.latent_end else 1.0,
        noise="brownian" if SAMPLERS[sampler].noise == "brownian" and rules.name != "diffusers" else "independent",
    )


# What is refused.


def _check_pair(info: SamplerInfo, rules: PresetInfo, schedule: str) -> None:
    valid = _valid_schedules(info, rules)
    if schedule not in valid:
        raise InvalidRequest(
            f"Sampler {info.name} does not take schedule {schedule} in preset {rules.name}; "
            f"choose one of {', '.join(valid)}."
        )


def _valid_schedules(info: SamplerInfo, rules: PresetInfo) -> tuple[str, ...]:
    if rules.name == "diffusers":
        return DIFFUSERS_PAIRS[info.name]
    if rules.name == "apple":
        return ("leading",) if info.name == "plms" else ("linspace", "leading", "karras")
    if rules.name == "a1111" and info.name in ("ddim", "plms"):
        return ("ddim_uniform",)
    return tuple(name for name in info.schedules if name in rules.schedules)


def _default_schedule(info: SamplerInfo, rules: PresetInfo, trained: NoiseSchedule) -> str:
    valid = _valid_schedules(info, rules)
    for name in (trained.timestep_spacing,) if rules.name == "diffusers" else (info.default_schedule,):
        if name in valid:
            return name
    return valid[0]


def _full_range(route: SigmaTrajectory, sampler: str, trained: NoiseSchedule) -> SigmaTrajectory:
    """The DPM solvers count on the ends only: from the first level to the lowest trained one."""
    if len(route.sigmas) < 3:
        raise InvalidRequest(f"Sampler {sampler} needs at least 2 steps.")
    return replace(route, sigmas=[*route.sigmas[:-2], trained.sigma_min, 0.0])


def _custom(
    sigmas: Sequence[float] | None, timesteps: Sequence[float] | None, trained: NoiseSchedule, rules: PresetInfo
) -> SigmaTrajectory:
    if sigmas is not None and timesteps is not None:
        raise InvalidRequest("Give either sigmas or timesteps, not both.")
    values = [float(value) for value in (sigmas if sigmas is not None else timesteps or ())]
    what, top = ("Sigmas", math.inf) if sigmas is not None else ("Timesteps", trained.num_train_timesteps - 1)
    if not values or not all(math.isfinite(v) and 0 <= v <= top for v in values) or values[0] == 0 < top == math.inf:
        raise InvalidRequest(f"{what} [{_brief(values)}] are out of range; give falling numbers, none above {top:g}.")
    for high, low in pairwise(values):
        if low >= high:
            raise InvalidRequest(f"{what} must fall, but {low:g} follows {high:g}; put them in falling order.")
    latent = rules.start != "sigma"
    if sigmas is not None:
        return SigmaTrajectory(values if values[-1] == 0 else [*values, 0.0], latent_start=latent)
    route = [trained.sigma(t, rules.interpolation) for t in values]
    return SigmaTrajectory([*route, 0.0], values, latent_start=latent)


def _brief(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:4]) + (" …" if len(values) > 4 else "")
