"""What each sampler needs of a plan, as data: one row a sampler, so that nobody asks for a sampler by its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdedge import catalog
from sdedge.sampling.samplers.adaptive import dpm_adaptive, dpm_fast, dpm_fast_orders
from sdedge.sampling.samplers.ancestral import ddim, ddpm, dpm2_a, dpmpp_2s_a, euler_a
from sdedge.sampling.samplers.contract import Sampler
from sdedge.sampling.samplers.few_step import lcm, lcm_boundary, tcd
from sdedge.sampling.samplers.multistep import deis, dpmpp_2m, ipndm, lms, plms, unipc
from sdedge.sampling.samplers.ode import dpm2, euler, heun
from sdedge.sampling.samplers.sde import (
    dpmpp_2m_sde,
    dpmpp_2m_sde_heun,
    dpmpp_3m_sde,
    dpmpp_sde,
    restart,
    restart_sigmas,
    sa_solver,
)
from sdedge.sampling.schedule import NoiseSchedule

Options = Mapping[str, Any]
StepsYielded = Callable[[Sequence[float], Options], int | None]
DerivedOptions = Callable[[Options, Sequence[float], Sequence[float], NoiseSchedule], Options]


def _one_per_sigma(sigmas: Sequence[float], options: Options) -> int:
    return len(sigmas) - 1


def _as_chosen(
    options: Options, sigmas: Sequence[float], timesteps: Sequence[float], noise_schedule: NoiseSchedule
) -> Options:
    return options


@dataclass(frozen=True)
class SamplerNeeds:
    """What a plan has to know of a sampler beside the sigmas.

    function           the sampler itself
    steps_yielded      (sigmas, options) -> how many times it yields; None where it decides itself
    derived_options    (options, sigmas, a timestep for each of them, noise schedule) -> the sampler's keyword arguments
    ends_only          whether of the sigmas only their number, the first and the last positive one count
    takes_always_draw  whether it can be told to draw noise that it then does not use, as some ecosystems do
    """

    function: Sampler
    steps_yielded: StepsYielded = _one_per_sigma
    derived_options: DerivedOptions = _as_chosen
    ends_only: bool = False
    takes_always_draw: bool = False


def _dpm_fast_steps(sigmas: Sequence[float], options: Options) -> int:
    return len(dpm_fast_orders(len(sigmas) - 1))


def _dpm_adaptive_steps(sigmas: Sequence[float], options: Options) -> None:
    return None


def _restart_steps(sigmas: Sequence[float], options: Options) -> int:
    return len(restart_sigmas(sigmas, options.get("segments")))


def _plms_steps(sigmas: Sequence[float], options: Options) -> int:
    return len(sigmas) - (1 if options.get("repeat", True) else 2)


def _sa_solver_options(
    options: Options, sigmas: Sequence[float], timesteps: Sequence[float], noise_schedule: NoiseSchedule
) -> Options:
    """Renews noise between timesteps 200 and 800 only, as diffusers does."""
    tau = options.get("tau", _default("sa_solver", "tau"))
    return {**options, "tau": tuple(tau if 200 <= t <= 800 else 0.0 for t in timesteps[:-1])}


def _lcm_options(
    options: Options, sigmas: Sequence[float], timesteps: Sequence[float], noise_schedule: NoiseSchedule
) -> Options:
    return {**options, "c_skip": tuple(lcm_boundary(t) for t in timesteps[:-1])}


def _tcd_options(
    options: Options, sigmas: Sequence[float], timesteps: Sequence[float], noise_schedule: NoiseSchedule
) -> Options:
    """Replaces eta by the sigma that each step is taken down to: that of timestep floor((1 - eta) t_next)."""
    eta = options.get("eta", _default("tcd", "eta"))
    down = tuple(
        noise_schedule.sigma(math.floor((1 - eta) * t)) if sigma > 0 else 0.0
        for t, sigma in zip(timesteps[1:], sigmas[1:])
    )
    return {**{name: value for name, value in options.items() if name != "eta"}, "down": down}


def _default(sampler: str, option: str) -> Any:
    return catalog.SAMPLERS[sampler].options[option].default


_ROWS = (
    SamplerNeeds(ddim, takes_always_draw=True),
    SamplerNeeds(ddpm),
    SamplerNeeds(plms, _plms_steps),
    SamplerNeeds(euler, takes_always_draw=True),
    SamplerNeeds(euler_a),
    SamplerNeeds(heun, takes_always_draw=True),
    SamplerNeeds(dpm2, takes_always_draw=True),
    SamplerNeeds(dpm2_a),
    SamplerNeeds(lms),
    SamplerNeeds(dpm_fast, _dpm_fast_steps, ends_only=True),
    SamplerNeeds(dpm_adaptive, _dpm_adaptive_steps, ends_only=True),
    SamplerNeeds(dpmpp_2s_a),
    SamplerNeeds(dpmpp_sde),
    SamplerNeeds(dpmpp_2m),
    SamplerNeeds(dpmpp_2m_sde),
    SamplerNeeds(dpmpp_2m_sde_heun),
    SamplerNeeds(dpmpp_3m_sde),
    SamplerNeeds(unipc),
    SamplerNeeds(deis),
    SamplerNeeds(ipndm),
    SamplerNeeds(sa_solver, derived_options=_sa_solver_options),
    SamplerNeeds(restart, _restart_steps),
    SamplerNeeds(lcm, derived_options=_lcm_options),
    SamplerNeeds(tcd, derived_options=_tcd_options),
)
NEEDS: dict[str, SamplerNeeds] = {row.function.__name__: row for row in _ROWS}
