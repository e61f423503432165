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
from sdedge.sampling.samplers import NEEDS, Denoise, StepNoise, Steps
from sdedge.sampling.schedule import NoiseSchedule
from sdedge.sampling.trajectories import CUTS, CUTS_TO, TRAJECTORIES, SigmaTrajectory, cut_sdedge, lengthened


@dataclass(frozen=True)
class SamplingPlan:
    """One run, decided. Levels and timesteps are Python floats; x is in the variance-exploding variable.

    sampler, schedule, preset   canonical names (schedule is "custom" for levels given by the user)
    sigmas                      n + 1 falling levels, the last 0 unless the preset stops above it
    timesteps                   what the network is told at sigmas[:-1]; () where it follows from the level
    noise_schedule              the model's, in the preset's precision
    options                     keyword arguments of the sampler
    full_steps                  of which these are the last, where a picture is started from
    noise                       "independent" or "brownian"
    path_ends                   the lowest and the highest level that a Brownian path spans
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
    path_ends: tuple[float, float] = (0.0, 0.0)
    options: Mapping[str, Any] = field(default_factory=dict)
    full_steps: int = 0

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1

    @property
    def yields(self) -> int | None:
        """How many times the sampler will yield; None where it decides itself."""
        return NEEDS[self.sampler].steps_yielded(self.sigmas, self.options)

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
        """Returns the timestep the network is told at a level, fractional where the preset does not round."""
        return (
            self._timestep_by_sigma[sigma] if sigma in self._timestep_by_sigma else self.noise_schedule.timestep(sigma)
        )

    def start(self, noise: Tensor, latent: Tensor | None = None) -> Tensor:
        """Returns the first x, from unit noise (B, C, h, w) alone or with an image's latent of that shape."""
        if latent is None:
            return noise * self.start_scale
        return (latent + noise * self.noise_sigma) * self.entry_scale

    def finish(self, x: Tensor) -> Tensor:
        """Returns the latent to decode from the last x: DDPM's variable where the preset stops above zero."""
        return x * self.final_scale if self.final_scale != 1 else x

    def step_noise(
        self,
        seeds: Sequence[int],
        shape: Sequence[int],
        source: str = NoiseSource.TORCH,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> StepNoise:
        """Returns the noise of the steps for these seeds, continuing each stream after its initial latent."""
        if self.noise == "brownian":
            return BrownianNoise(seeds, shape, *self.path_ends, source, device, dtype)
        return Noise(seeds, shape, source, device, dtype)

    def run(self, denoise: Denoise, x: Tensor, noise: StepNoise) -> Steps:
        """Returns the sampler's generator, which yields (x, x0) per step."""
        return NEEDS[self.sampler].function(denoise, x, self.sigmas, noise, **self.options)


def sampling_plan(
    sampler: str,
    schedule: str | None = None,
    steps: int = 20,
    preset: str = catalog.DEFAULT_PRESET,
    noise_schedule: NoiseSchedule | None = None,
    *,
    strength: float | None = None,
    all_steps: bool = False,
    sigmas: Sequence[float] | None = None,
    timesteps: Sequence[float] | None = None,
    options: Mapping[str, Any] | None = None,
) -> SamplingPlan:
    """Decides a run. `schedule` None means the preset's default for the sampler; labels are understood.

    `strength` in (0, 1] starts from an image: the levels are cut as the preset does, or with `all_steps` so that as many
    steps as asked for are left, in the presets that know this (A1111's second pass). `sigmas` or `timesteps`, falling,
    replace the schedule and the number of steps; a missing final zero is added to sigmas.

    Raises InvalidRequest for unknown names, unsupported pairs, counts or strengths out of range, levels that rise,
    and options that mean nothing to the sampler; the message names the valid choices.
    """
    if preset not in PRESETS:
        raise InvalidRequest(f"Unknown preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    sampler, attached = catalog.resolve(sampler)
    info, preset_info = SAMPLERS[sampler], PRESETS[preset]
    if sampler not in preset_info.samplers:
        raise InvalidRequest(
            f"Preset {preset} has no sampler {sampler}; choose one of {', '.join(preset_info.samplers)}."
        )
    if strength is not None and not 0 < strength <= 1:
        raise InvalidRequest(f"Strength {strength} is out of range; choose more than 0 and up to 1.")
    checked, runs_all = check_options(sampler, options or {}), all_steps and preset in CUTS_TO
    noise_schedule = replace(noise_schedule or NoiseSchedule(), precision=preset_info.precision)
    named = catalog.resolve_schedule(schedule) if schedule is not None else attached
    if sigmas is not None or timesteps is not None:
        if named is not None:
            raise InvalidRequest(f"Give either schedule {named} or your own levels, not both.")
        trajectory, schedule = _custom(sigmas, timesteps, noise_schedule, preset_info), "custom"
        steps = len(trajectory.sigmas) - 1
    else:
        schedule = named or _default_schedule(info, preset_info, noise_schedule)
        _check_pair(info, preset_info, schedule)
        trained_steps = noise_schedule.num_train_timesteps
        if not 1 <= steps <= trained_steps:
            raise InvalidRequest(
                f"{steps} steps do not fit the model's {trained_steps} timesteps; choose 1 to {trained_steps}."
            )
        planned = lengthened(steps, strength, trained_steps) if strength and runs_all else steps
        trajectory = TRAJECTORIES[preset](sampler, schedule, planned, noise_schedule)
        _check_falls(trajectory, schedule, planned)
        if NEEDS[sampler].ends_only:
            trajectory = _full_range(trajectory, sampler, noise_schedule)
    uncut = trajectory
    if strength is not None and runs_all and schedule != "custom":
        trajectory = CUTS_TO[preset](trajectory, sampler, steps, planned, strength)
    elif strength is not None:
        cut = cut_sdedge if schedule == "custom" else CUTS[preset]
        trajectory = cut(trajectory, sampler, steps, strength, noise_schedule)
    plan = _finish_plan(sampler, schedule, preset_info, noise_schedule, trajectory, checked)
    spanned = uncut.sigmas if preset_info.whole_path else trajectory.sigmas
    ends = min(sigma for sigma in spanned if sigma > 0), max(spanned)
    return replace(plan, full_steps=len(uncut.sigmas) - 1, path_ends=ends)


def _finish_plan(
    sampler: str,
    schedule: str,
    preset_info: PresetInfo,
    noise_schedule: NoiseSchedule,
    trajectory: SigmaTrajectory,
    options: Mapping[str, Any],
) -> SamplingPlan:
    sigmas, needs = trajectory.sigmas, NEEDS[sampler]
    first, last = sigmas[0], sigmas[-1]
    noise_sigma = first if trajectory.noise_sigma is None else trajectory.noise_sigma
    timestep_of = dict(zip(sigmas, trajectory.timesteps))
    timesteps = [timestep_of[sigma] if sigma in timestep_of else noise_schedule.timestep(sigma) for sigma in sigmas]
    options = {**preset_info.options.get(sampler, {}), **trajectory.inner, **options}
    derived = dict(needs.derived_options(options, sigmas, timesteps, noise_schedule))
    if preset_info.always_draw and needs.takes_always_draw:
        derived["always_draw"] = True
    return SamplingPlan(
        sampler=sampler,
        schedule=schedule,
        preset=preset_info.name,
        sigmas=tuple(sigmas),
        timesteps=tuple(trajectory.timesteps),
        noise_schedule=noise_schedule,
        options=derived,
        start_scale=math.sqrt(first**2 + 1) if trajectory.latent_start else first,
        noise_sigma=noise_sigma,
        entry_scale=math.sqrt((first**2 + 1) / (noise_sigma**2 + 1)) if noise_sigma != first else 1.0,
        final_scale=1 / math.sqrt(last**2 + 1) if trajectory.latent_end else 1.0,
        noise="brownian" if SAMPLERS[sampler].noise == "brownian" and preset_info.brownian else "independent",
    )


# What is refused.


def _check_pair(info: SamplerInfo, preset_info: PresetInfo, schedule: str) -> None:
    valid = catalog.schedules_of(info.name, preset_info.name)
    if schedule not in valid:
        raise InvalidRequest(
            f"Sampler {info.name} does not take schedule {schedule} in preset {preset_info.name}; "
            f"choose one of {', '.join(valid)}."
        )


def _check_falls(trajectory: SigmaTrajectory, schedule: str, steps: int) -> None:
    """Raises InvalidRequest for a count so large that a schedule repeats a level, from which no sampler steps."""
    if any(low >= high for high, low in pairwise(trajectory.sigmas[:-1])):
        raise InvalidRequest(
            f"Schedule {schedule} visits a level twice with {steps} steps; choose fewer steps or another schedule.",
            field="steps",
        )


def _default_schedule(info: SamplerInfo, preset_info: PresetInfo, noise_schedule: NoiseSchedule) -> str:
    valid = catalog.schedules_of(info.name, preset_info.name)
    default = noise_schedule.timestep_spacing if preset_info.spaced_by_model else info.default_schedule
    return default if default in valid else valid[0]


def _full_range(trajectory: SigmaTrajectory, sampler: str, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    """Returns the trajectory down to the lowest trained sigma, for samplers that count on its ends only."""
    if len(trajectory.sigmas) < 3:
        raise InvalidRequest(f"Sampler {sampler} needs at least 2 steps.")
    return replace(trajectory, sigmas=[*trajectory.sigmas[:-2], noise_schedule.sigma_min, 0.0])


def _custom(
    sigmas: Sequence[float] | None,
    timesteps: Sequence[float] | None,
    noise_schedule: NoiseSchedule,
    preset_info: PresetInfo,
) -> SigmaTrajectory:
    if sigmas is not None and timesteps is not None:
        raise InvalidRequest("Give either sigmas or timesteps, not both.")
    values = [float(value) for value in (sigmas if sigmas is not None else timesteps or ())]
    what, top = ("Sigmas", math.inf) if sigmas is not None else ("Timesteps", noise_schedule.num_train_timesteps - 1)
    if not values or not all(math.isfinite(v) and 0 <= v <= top for v in values) or values[0] == 0 < top == math.inf:
        raise InvalidRequest(f"{what} [{_brief(values)}] are out of range; give falling numbers, none above {top:g}.")
    for high, low in pairwise(values):
        if low >= high:
            raise InvalidRequest(f"{what} must fall, but {low:g} follows {high:g}; put them in falling order.")
    latent = preset_info.start != "sigma"
    if sigmas is not None:
        return SigmaTrajectory(values if values[-1] == 0 else [*values, 0.0], latent_start=latent)
    spaced = [noise_schedule.sigma(t, preset_info.interpolation) for t in values]
    return SigmaTrajectory([*spaced, 0.0], values, latent_start=latent)


def _brief(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:4]) + (" …" if len(values) > 4 else "")
