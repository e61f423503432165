"""The levels each preset visits, and where an image enters them.

One function per ecosystem, each a statement of what its code does; `presets.sampling_plan` chooses among them and checks the
request first. Facts are those of LDM's scripts, diffusers' schedulers, the A1111 web UI and Apple's Swift package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sdedge.catalog import DIFFUSERS_EULERS, DIFFUSERS_REPLACED, DIFFUSERS_SOLVERS
from sdedge.errors import InvalidRequest
from sdedge.sampling import schedule as spacing
from sdedge.sampling.schedule import NoiseSchedule


@dataclass(frozen=True)
class SigmaTrajectory:
    """Levels under construction: sigmas (n + 1), the timesteps told (n, or none), and how the run begins and ends."""

    sigmas: list[float]
    timesteps: list[float] = field(default_factory=list)
    latent_start: bool = True  # unit variance in DDPM's variable, as against noise times the first sigma
    latent_end: bool = False  # ends in DDPM's variable at a level above zero
    noise_sigma: float | None = None
    inner: dict[str, Any] = field(default_factory=dict)  # sampler options that follow from the preset

    def cut(self, start: int, **changes: Any) -> SigmaTrajectory:
        return replace(self, sigmas=self.sigmas[start:], timesteps=self.timesteps[start:], **changes)


# Samplers that an ecosystem treats apart.
_STOPS_ABOVE_ZERO = frozenset({"tcd"})  # the last sigma is the lowest trained one
_A1111_TIMESTEPS = frozenset({"ddim", "plms"})  # its own loop over timesteps, in DDPM's variable
_A1111_DISCARDS = frozenset({"dpm2", "dpm2_a", "dpmpp_3m_sde"})  # the sigma before the last is left out
_APPLE_TIMESTEPS = frozenset({"plms"})  # steps over whole timesteps to the lowest one
_COMPVIS_NOISE_ONLY = frozenset({"plms"})  # has no image to image
_DIFFUSERS_REPEATS = frozenset({"plms"})  # its list of timesteps holds the second one twice
_DIFFUSERS_TO_ZERO = frozenset({"ddpm", "lcm"})  # whatever set_alpha_to_one says
_DIFFUSERS_ABOVE_ZERO = frozenset({"tcd", "deis", "sa_solver"})  # ends at the lowest trained sigma
_DIFFUSERS_ANY_TRAILING = frozenset({"ddpm"})  # steps from each timestep of its list to the next
_DIFFUSERS_WHOLE_KARRAS = frozenset({"dpm2"})  # rounds the timesteps of the Karras schedule


def _sdedge(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    sigmas = spacing.sigmas(schedule, n, noise_schedule).tolist()
    if sampler in _STOPS_ABOVE_ZERO:
        return SigmaTrajectory([*sigmas[:-1], noise_schedule.sigma_min], latent_end=True)
    return SigmaTrajectory(sigmas)


def _a1111(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    if sampler in _A1111_TIMESTEPS:
        # The web UI's loop stops at the lowest timestep and never evaluates it.
        times = spacing.timesteps_ddim_uniform(n, noise_schedule.num_train_timesteps)
        if len(times) < 2:
            raise InvalidRequest(f"Preset a1111 needs at least 2 steps for {sampler}, not {n}.")
        return SigmaTrajectory([noise_schedule.sigma(t) for t in times], times[:-1], latent_end=True)
    discard = sampler in _A1111_DISCARDS
    values = _a1111_sigmas(schedule, n + 1 if discard else n, noise_schedule)
    if discard:
        del values[-2]
    return SigmaTrajectory(float32_sigmas(values), latent_start=False)


def _a1111_sigmas(schedule: str, n: int, noise_schedule: NoiseSchedule) -> list[float]:
    low, high = noise_schedule.sigma_min, noise_schedule.sigma_max
    if schedule == "beta":
        return [*spacing.sigmas_beta(n, low, high), 0.0]
    if schedule == "kl_optimal":
        return spacing.sigmas_kl_optimal(n + 1, low, high)
    if schedule == "ays":
        return [*spacing.sigmas_ays(n), 0.0]
    return spacing.sigmas(schedule, n, noise_schedule).tolist()


def _compvis(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    times = spacing.timesteps_ddim_uniform(n, noise_schedule.num_train_timesteps)
    return SigmaTrajectory(
        [*(noise_schedule.sigma(t) for t in times), noise_schedule.sigma_min], times, latent_end=True
    )


def _apple(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    T = noise_schedule.num_train_timesteps
    if sampler in _APPLE_TIMESTEPS:
        times = spacing.timesteps_leading(n, T)
        return SigmaTrajectory(
            [*(noise_schedule.sigma(t) for t in times), noise_schedule.sigma_min], times, latent_end=True
        )
    late = 2 if n < 15 else 0  # the Swift code takes the last two of few steps at first order
    if schedule == "karras":
        values = (
            spacing.sigmas_karras(n, noise_schedule.sigma_min, noise_schedule.sigma_max)
            if n > 1
            else [noise_schedule.sigma_max, noise_schedule.sigma_min]
        )
        # Its n-th step goes from the lowest level to itself and changes nothing.
        return SigmaTrajectory(
            values,
            [float(round(noise_schedule.timestep(s))) for s in values[:-1]],
            latent_end=True,
            inner={"first_order": max(late - 1, 0)},
        )
    if schedule == "leading":
        times = [1.0 + i * ((T - 1) // (n + 1)) for i in range(n, 0, -1)]
    else:
        times = np.linspace(0, T - 1, n + 1)[1:].round()[::-1].tolist()
    return SigmaTrajectory(
        [*(noise_schedule.sigma(t) for t in times), noise_schedule.sigma_min],
        times,
        latent_end=True,
        inner={"first_order": late},
    )


def _diffusers(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    if sampler in DIFFUSERS_EULERS:
        return _diffusers_euler(sampler, schedule, n, noise_schedule)
    if sampler in DIFFUSERS_SOLVERS:
        return _diffusers_solver(sampler, schedule, n, noise_schedule)
    T = noise_schedule.num_train_timesteps
    if schedule == "lcm":
        times = spacing.timesteps_lcm(n, T)
    else:
        times = _diffusers_times(schedule, n, noise_schedule).round().tolist()
        if schedule == "trailing" and sampler not in _DIFFUSERS_ANY_TRAILING and T % n:
            raise InvalidRequest(
                f"diffusers' {sampler} does not step from one trailing timestep to the next with {n} "
                f"steps; choose a divisor of {T}, schedule leading, or preset sdedge."
            )
    to_zero = sampler in _DIFFUSERS_TO_ZERO or (
        sampler not in _DIFFUSERS_ABOVE_ZERO and noise_schedule.set_alpha_to_one
    )
    final = 0.0 if to_zero else noise_schedule.sigma_min
    return SigmaTrajectory([*(noise_schedule.sigma(t) for t in times), final], times, latent_end=True)


def _diffusers_times(schedule: str, n: int, noise_schedule: NoiseSchedule) -> np.ndarray:
    T = noise_schedule.num_train_timesteps
    if schedule == "leading":
        return np.array(spacing.timesteps_leading(n, T, noise_schedule.steps_offset))
    if schedule == "trailing":
        return np.array(spacing.timesteps_trailing(n, T))
    return np.linspace(0, T - 1, n, dtype=np.float32)[::-1].astype(np.float64)


def _diffusers_euler(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    """Follows the schedulers that carry k-diffusion's variable: float timesteps, replacements within the spaced range."""
    base = noise_schedule.timestep_spacing if schedule in DIFFUSERS_REPLACED else schedule
    times = _diffusers_times(base, n, noise_schedule).tolist()
    values = [noise_schedule.sigma(t, "linear") for t in times]
    if schedule in DIFFUSERS_REPLACED:
        values = _SPACINGS[schedule](n, values[-1], values[0])
        times = [noise_schedule.timestep(s) for s in values]
        if sampler in _DIFFUSERS_WHOLE_KARRAS and schedule == "karras":
            times = [float(round(t)) for t in times]
    return SigmaTrajectory(float32_sigmas([*values, 0.0]), times, latent_start=base == "leading")


def _diffusers_solver(sampler: str, schedule: str, n: int, noise_schedule: NoiseSchedule) -> SigmaTrajectory:
    """Follows the multistep solvers: whole timesteps, n of n + 1 points, replacements over the whole trained range."""
    T = noise_schedule.num_train_timesteps
    to_zero = sampler not in _DIFFUSERS_ABOVE_ZERO
    if schedule in DIFFUSERS_REPLACED:
        values = _SPACINGS[schedule](n, noise_schedule.sigma_min, noise_schedule.sigma_max)
        # Karras timesteps are rounded, the others truncated by a cast.
        times = [float(round(t) if schedule == "karras" else int(t)) for t in map(noise_schedule.timestep, values)]
        values = [*values, 0.0 if to_zero else values[-1]]
    else:
        if schedule == "leading":
            times = [float(i * (T // (n + 1)) + noise_schedule.steps_offset) for i in range(n, 0, -1)]
        elif schedule == "linspace":
            times = np.linspace(0, T - 1, n + 1).round()[:0:-1].tolist()
        else:
            times = spacing.timesteps_trailing(n, T)
        values = [*(noise_schedule.sigma(t) for t in times), 0.0 if to_zero else noise_schedule.sigma_min]
    return SigmaTrajectory(float32_sigmas(values), times, latent_end=not to_zero)


_SPACINGS: dict[str, Callable[[int, float, float], list[float]]] = {
    "karras": spacing.sigmas_karras,
    "exponential": spacing.sigmas_exponential,
    "beta": spacing.sigmas_beta,
}


def float32_sigmas(values: Sequence[float]) -> list[float]:
    return np.asarray(values, dtype=np.float32).astype(float).tolist()


# Where an image enters the levels.


def cut_sdedge(
    trajectory: SigmaTrajectory, sampler: str, n: int, strength: float, noise_schedule: NoiseSchedule
) -> SigmaTrajectory:
    run = max(1, round(strength * (len(trajectory.sigmas) - 1)))
    return trajectory.cut(len(trajectory.sigmas) - 1 - run)


def _cut_a1111(
    trajectory: SigmaTrajectory, sampler: str, n: int, strength: float, noise_schedule: NoiseSchedule
) -> SigmaTrajectory:
    enc = int(min(strength, 0.999) * n)
    if sampler in _A1111_TIMESTEPS:
        return _enter_above(trajectory, len(trajectory.sigmas) - 1 - enc, strength)
    return trajectory.cut(max(n - enc - 1, 0))


def _cut_compvis(
    trajectory: SigmaTrajectory, sampler: str, n: int, strength: float, noise_schedule: NoiseSchedule
) -> SigmaTrajectory:
    if sampler in _COMPVIS_NOISE_ONLY:
        raise InvalidRequest("Preset compvis has no PLMS for image to image; choose sampler ddim or another preset.")
    return _enter_above(trajectory, len(trajectory.timesteps) - 1 - int(strength * n), strength)


def _enter_above(trajectory: SigmaTrajectory, index: int, strength: float) -> SigmaTrajectory:
    """Starts as LDM does: noised to the level at `index`, but first evaluated one level below, with the same numbers."""
    index = max(index, 0)
    if index + 1 > len(trajectory.sigmas) - 2:
        raise InvalidRequest(f"Strength {strength} leaves no step; raise the strength or the number of steps.")
    return trajectory.cut(index + 1, noise_sigma=trajectory.sigmas[index])


def _cut_diffusers(
    trajectory: SigmaTrajectory, sampler: str, n: int, strength: float, noise_schedule: NoiseSchedule
) -> SigmaTrajectory:
    run = min(int(n * strength), n)
    if run < 1:
        raise InvalidRequest(f"Strength {strength} of {n} steps leaves no step; raise the strength or the steps.")
    start = n - run
    if sampler in _DIFFUSERS_REPEATS and start >= 2:
        # Every later index is one behind.
        return trajectory.cut(start - 1, inner={**trajectory.inner, "repeat": False})
    return trajectory.cut(start)


def _cut_apple(
    trajectory: SigmaTrajectory, sampler: str, n: int, strength: float, noise_schedule: NoiseSchedule
) -> SigmaTrajectory:
    enc, T = int(strength * n), noise_schedule.num_train_timesteps
    noised = min(max(0, T - T // n * (n - enc) + 1), T - 1)
    return replace(
        _cut_diffusers(trajectory, sampler, n, strength, noise_schedule), noise_sigma=noise_schedule.sigma(noised)
    )


TRAJECTORIES: dict[str, Callable[[str, str, int, NoiseSchedule], SigmaTrajectory]] = {
    "sdedge": _sdedge,
    "a1111": _a1111,
    "diffusers": _diffusers,
    "compvis": _compvis,
    "apple": _apple,
}
CUTS: dict[str, Callable[[SigmaTrajectory, str, int, float, NoiseSchedule], SigmaTrajectory]] = {
    "sdedge": cut_sdedge,
    "a1111": _cut_a1111,
    "diffusers": _cut_diffusers,
    "compvis": _cut_compvis,
    "apple": _cut_apple,
}


# Where a pass enters them that runs as many steps as it is given, as A1111's second pass does.


def lengthened(steps: int, strength: float, limit: int) -> int:
    """Returns how many steps a run has of which `strength` leaves `steps`."""
    return min(max(steps, int(steps / min(strength, 0.999))), limit)


def _cut_sdedge_to(trajectory: SigmaTrajectory, sampler: str, run: int, n: int, strength: float) -> SigmaTrajectory:
    return trajectory.cut(max(len(trajectory.sigmas) - 1 - run, 0))


def _cut_a1111_to(trajectory: SigmaTrajectory, sampler: str, run: int, n: int, strength: float) -> SigmaTrajectory:
    if sampler in _A1111_TIMESTEPS:  # one step fewer than asked for, as there
        return _enter_above(trajectory, len(trajectory.sigmas) - run, strength)
    return trajectory.cut(max(n - run, 0))


CUTS_TO: dict[str, Callable[[SigmaTrajectory, str, int, int, float], SigmaTrajectory]] = {
    "sdedge": _cut_sdedge_to,
    "a1111": _cut_a1111_to,
}
