"""The noise schedule a model was trained with, and the ways to choose levels from it.

Everything is in the variance-exploding variable x = x_ddpm / sqrt(alpha_bar), so x = x0 + sigma eps with
sigma = sqrt((1 - alpha_bar) / alpha_bar), the convention of k-diffusion. A list of levels has n + 1 falling values
for n steps. Levels are plain float64 on the CPU; nothing here touches a device.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdedge.errors import InvalidRequest, ModelError
from sdedge.sampling.beta import beta_quantile

MAX_TIMESTEPS = 10_000  # v1 has 1,000
ZERO_SNR_ALPHA = 2.0**-24  # the last alpha-bar after the rescale, as in diffusers: sigma would be infinite


def _is_beta(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1


# What each value of a scheduler_config.json has to be.
_FITS: dict[str, Callable[[Any], bool]] = {
    "beta_start": _is_beta, "beta_end": _is_beta, "beta_schedule": lambda v: isinstance(v, str),
    "num_train_timesteps": lambda v: type(v) is int and 2 <= v <= MAX_TIMESTEPS,
    "trained_betas": lambda v: isinstance(v, (list, tuple)) and 2 <= len(v) <= MAX_TIMESTEPS and all(map(_is_beta, v)),
    "prediction_type": lambda v: isinstance(v, str), "rescale_betas_zero_snr": lambda v: isinstance(v, bool),
    "timestep_spacing": lambda v: v in ("leading", "linspace", "trailing"),
    "steps_offset": lambda v: type(v) is int and 0 <= v <= 100, "set_alpha_to_one": lambda v: isinstance(v, bool),
}  # fmt: skip


@dataclass(frozen=True)
class NoiseSchedule:
    """The v1 schedule by default: betas linear in their square root, 1000 timesteps, eps prediction.

    The field names are those of a diffusers scheduler_config.json. `precision` is the arithmetic used to compute the
    betas and their product ("float64" as LDM, "float32" as diffusers; relative difference of sigma up to 1.3e-5);
    the values are float64 either way.
    """

    beta_start: float = 0.00085
    beta_end: float = 0.012
    beta_schedule: str = "scaled_linear"
    num_train_timesteps: int = 1000
    trained_betas: tuple[float, ...] | None = None
    prediction_type: str = "epsilon"
    rescale_betas_zero_snr: bool = False
    timestep_spacing: str = "leading"
    steps_offset: int = 1
    set_alpha_to_one: bool = False
    precision: str = "float64"

    def __post_init__(self) -> None:
        for value, choices, what in (
            (self.beta_schedule, ("linear", "scaled_linear", "squaredcos_cap_v2"), "beta_schedule"),
            (self.prediction_type, ("epsilon", "v_prediction", "sample"), "prediction_type"),
            (self.precision, ("float32", "float64"), "precision"),
        ):
            if value not in choices:
                raise InvalidRequest(
                    f"Unknown {what} {value[:80]!r} in the scheduler config; known: {', '.join(choices)}."
                )

    @classmethod
    def from_config(cls, config: Mapping[str, Any], precision: str = "float64") -> NoiseSchedule:
        """Reads the dict of a scheduler_config.json; keys that do not describe the schedule are ignored.

        Raises ModelError for values of another type, more timesteps than anybody trains with, and levels that do not rise.
        """
        known = {f.name for f in fields(cls)} - {"precision"}
        values = {key: value for key, value in config.items() if key in known and value is not None}
        for key, value in values.items():
            if not _FITS[key](value):
                shown = repr(value)[:80]
                raise ModelError(f"The scheduler config has {key}={shown}, which no schedule has; get the model again.")
        if "trained_betas" in values:
            values["trained_betas"] = tuple(float(beta) for beta in values["trained_betas"])
            values["num_train_timesteps"] = len(values["trained_betas"])
        schedule = cls(**values, precision=precision)
        sigmas = schedule._sigmas
        if not all(0 < low < high < math.inf for low, high in pairwise(sigmas)):
            raise ModelError(
                "The scheduler config's betas give levels that do not rise with the timestep; get the model again."
            )
        return schedule

    @cached_property
    def betas(self) -> Tensor:
        dtype = getattr(torch, self.precision)
        betas = (
            _BETAS[self.beta_schedule](self, dtype)
            if self.trained_betas is None
            else torch.tensor(self.trained_betas, dtype=dtype)
        )
        return (zero_terminal_snr(betas) if self.rescale_betas_zero_snr else betas).double()

    @cached_property
    def alphas_cumprod(self) -> Tensor:
        product = torch.cumprod(1.0 - self.betas.to(getattr(torch, self.precision)), dim=0)
        if self.rescale_betas_zero_snr:
            product[-1] = ZERO_SNR_ALPHA
        return product.double()

    @cached_property
    def sigmas(self) -> Tensor:
        """The training levels, rising with the timestep; float64 (num_train_timesteps,)."""
        alphas_cumprod = self.alphas_cumprod.to(getattr(torch, self.precision))
        return (((1 - alphas_cumprod) / alphas_cumprod) ** 0.5).double()

    @property
    def sigma_min(self) -> float:
        return self._sigmas[0]

    @property
    def sigma_max(self) -> float:
        return self._sigmas[-1]

    @cached_property
    def _sigmas(self) -> list[float]:
        return self.sigmas.tolist()

    @cached_property
    def _log_sigmas(self) -> list[float]:
        return np.log(np.asarray(self._sigmas, dtype=self.precision)).astype(float).tolist()

    def sigma(self, timestep: float, interpolation: str = "log") -> float:
        """Returns the level of a timestep, between two of them linear in log sigma (k-diffusion) or sigma (diffusers)."""
        last = self.num_train_timesteps - 1
        low = min(max(math.floor(timestep), 0), last)
        high, w = min(low + 1, last), min(max(timestep - low, 0.0), 1.0)
        if w == 0 or high == low:
            return self._sigmas[low]
        if interpolation == "linear":
            return (1 - w) * self._sigmas[low] + w * self._sigmas[high]
        return math.exp((1 - w) * self._log_sigmas[low] + w * self._log_sigmas[high])

    def timestep(self, sigma: float, interpolation: str = "log") -> float:
        """Returns the (fractional) timestep of a level, clamped to the trained range: the inverse of `sigma`."""
        table, value = (
            (self._sigmas, sigma) if interpolation == "linear" else (self._log_sigmas, math.log(max(sigma, 1e-10)))
        )
        low = min(max(bisect_right(table, value) - 1, 0), len(table) - 2)
        w = (value - table[low]) / (table[low + 1] - table[low])
        return low + min(max(w, 0.0), 1.0)


def zero_terminal_snr(betas: Tensor) -> Tensor:
    """Returns betas shifted and scaled so that the last alpha-bar is zero (Lin et al. 2023, algorithm 1)."""
    root = torch.cumprod(1.0 - betas, dim=0).sqrt()
    first, last = root[0].clone(), root[-1].clone()
    root = (root - last) * (first / (first - last))
    alphas_cumprod = root**2
    return 1 - torch.cat([alphas_cumprod[:1], alphas_cumprod[1:] / alphas_cumprod[:-1]])


def _linear(schedule: NoiseSchedule, dtype: torch.dtype) -> Tensor:
    return torch.linspace(schedule.beta_start, schedule.beta_end, schedule.num_train_timesteps, dtype=dtype)


def _scaled_linear(schedule: NoiseSchedule, dtype: torch.dtype) -> Tensor:
    start, end = schedule.beta_start**0.5, schedule.beta_end**0.5
    return torch.linspace(start, end, schedule.num_train_timesteps, dtype=dtype) ** 2


def _cosine(schedule: NoiseSchedule, dtype: torch.dtype) -> Tensor:
    # Nichol and Dhariwal 2021, capped at 0.999.
    count = schedule.num_train_timesteps
    alpha_bar = [math.cos((i / count + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(count + 1)]
    return torch.tensor([min(1 - alpha_bar[i + 1] / alpha_bar[i], 0.999) for i in range(count)], dtype=dtype)


_BETAS: dict[str, Callable[[NoiseSchedule, torch.dtype], Tensor]] = {
    "linear": _linear,
    "scaled_linear": _scaled_linear,
    "squaredcos_cap_v2": _cosine,
}


# Timesteps, falling; T is the number of training timesteps. "Leading", "linspace" and "trailing" are the names that
# Lin et al. 2023 (table 2) and diffusers' `timestep_spacing` give to where in its interval each step stands.


def timesteps_uniform(n: int, T: int = 1000) -> list[float]:
    """Returns n equally spaced points from T - 1 to 0, not rounded: k-diffusion's `get_sigmas`, A1111's "Uniform"."""
    return np.linspace(T - 1, 0, n).tolist()


def timesteps_sgm_uniform(n: int, T: int = 1000) -> list[float]:
    """Returns n of n + 1 equal points from T - 1 to 0, the last left out: A1111's and ComfyUI's "SGM Uniform".

    Stability's generative-models space so: the last step, to sigma 0, spans as much time as each before it.
    """
    return np.linspace(T - 1, 0, n + 1)[:-1].tolist()


def timesteps_simple(n: int, T: int = 1000) -> list[float]:
    """Returns every (T / n)-th whole timestep counted from the top, rounded up: ComfyUI's and A1111's "Simple"."""
    return [float(T - 1 - int(i * (T / n))) for i in range(n)]


def timesteps_ddim_uniform(n: int, T: int = 1000) -> list[float]:
    """Returns 1, 1 + c, 1 + 2c … with c = T // n; more than n of them where n does not divide T.

    It is LDM's "uniform" of DDIM and PLMS (preset compvis), and A1111's and ComfyUI's "DDIM Uniform". What would be beyond the
    last timestep is that one, once: from it to itself no sampler steps.
    """
    return _once([t + 1 for t in range(0, T, max(T // n, 1))], T)


def timesteps_leading(n: int, T: int = 1000, offset: int = 1) -> list[float]:
    """Returns the first timestep of each of n intervals of T // n, plus `offset`; the noisiest ones are never visited.

    It is DDIM's spacing (Song et al. 2020) as diffusers reads it, with v1's `steps_offset` of 1, and so Apple's for PNDM.
    What would be beyond the last timestep is that one, once.
    """
    return _once([i * (T // n) + offset for i in range(n)], T)


def _once(rising: list[int], T: int) -> list[float]:
    """Returns timesteps falling, each once, none beyond the last of T."""
    return [float(t) for t in dict.fromkeys(min(t, T - 1) for t in reversed(rising))]


def timesteps_trailing(n: int, T: int = 1000) -> list[float]:
    """Returns the last timestep of each of n intervals, from T - 1: Lin et al. 2023; diffusers'."""
    return (np.arange(T, 0, -T / n).round() - 1)[:n].tolist()


def timesteps_linspace(n: int, T: int = 1000) -> list[float]:
    """Returns n rounded points from T - 1 to 0, both ends included: Nichol and Dhariwal 2021; diffusers'."""
    return np.linspace(0, T - 1, n).round()[::-1].tolist()


def timesteps_lcm(n: int, T: int = 1000, original: int = 50) -> list[float]:
    """Returns n of the `original` timesteps that latent consistency models are distilled on (Luo et al. 2023)."""
    if n > original:
        raise InvalidRequest(f"{n} steps are more than the {original} levels of the lcm schedule; ask for 1 to 8.")
    trained = [float((i + 1) * (T // original) - 1) for i in range(original)][::-1]
    return [trained[math.floor(i * original / n)] for i in range(n)]


def timesteps_beta(n: int, T: int = 1000, alpha: float = 0.6, beta: float = 0.6) -> list[float]:
    """Returns n quantiles of a beta distribution over time (Lee et al. 2024): ComfyUI's "Beta"."""
    return [beta_quantile(1 - i / n, alpha, beta) * (T - 1) for i in range(n)]


# Sigmas, falling: n values without the final zero.


def sigmas_karras(n: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> list[float]:
    """Returns levels equally spaced in sigma^(1 / rho): Karras et al. 2022, equation 5."""
    ramp = np.linspace(0, 1, n)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return ((high + ramp * (low - high)) ** rho).tolist()


def sigmas_exponential(n: int, sigma_min: float, sigma_max: float) -> list[float]:
    """Returns levels equally spaced in log sigma: k-diffusion's `get_sigmas_exponential`."""
    return np.exp(np.linspace(math.log(sigma_max), math.log(sigma_min), n)).tolist()


def sigmas_polyexponential(n: int, sigma_min: float, sigma_max: float, rho: float = 1.0) -> list[float]:
    """Returns levels on a polynomial in log sigma of power rho: k-diffusion's `get_sigmas_polyexponential`."""
    ramp = np.linspace(1, 0, n) ** rho
    return np.exp(ramp * (math.log(sigma_max) - math.log(sigma_min)) + math.log(sigma_min)).tolist()


def sigmas_beta(n: int, sigma_min: float, sigma_max: float, alpha: float = 0.6, beta: float = 0.6) -> list[float]:
    """Returns n quantiles of a beta distribution over sigma, as A1111 and diffusers read the paper."""
    probabilities = np.linspace(0, 1, n).tolist()
    return [
        sigma_min + beta_quantile(1 - probability, alpha, beta) * (sigma_max - sigma_min)
        for probability in probabilities
    ]


def sigmas_kl_optimal(n: int, sigma_min: float, sigma_max: float) -> list[float]:
    """Returns levels equally spaced in arctan(sigma) (Sabour et al. 2024, theorem 3.1)."""
    return np.tan(np.linspace(math.atan(sigma_max), math.atan(sigma_min), n)).tolist()


def sigmas_linear_quadratic(n: int, sigma_max: float, threshold: float = 0.025) -> list[float]:
    """Returns equal steps down to (1 - threshold) sigma_max for the first half, then a parabola with the same slope."""
    half = n // 2
    if half == 0:
        return [sigma_max]
    slope, rest = threshold / half, n - half
    bend = (1 - threshold - slope * rest) / rest**2
    spent = [slope * i if i < half else threshold + slope * (i - half) + bend * (i - half) ** 2 for i in range(n)]
    return [sigma_max * (1 - part) for part in spent]


AYS_SIGMAS = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)


def sigmas_ays(n: int) -> list[float]:
    """Returns Align Your Steps for v1 models (Sabour et al. 2024), read at n points in log sigma."""
    logs = np.log(AYS_SIGMAS)
    return np.exp(np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(logs)), logs)).tolist()


def with_zero(values: Sequence[float]) -> Tensor:
    """Returns the levels and the final zero, float64 (n + 1,)."""
    return torch.tensor([*values, 0.0], dtype=torch.float64)


def sigmas(name: str, n: int, schedule: NoiseSchedule, interpolation: str = "log") -> Tensor:
    """Returns n + 1 falling levels of the named schedule in the project's own convention, the last zero; float64 on the CPU.

    ("ddim_uniform" may give more than n steps.) Raises InvalidRequest for an unknown name or a count that does not fit.
    """
    if name not in SCHEDULES:
        raise InvalidRequest(f"Unknown schedule {name!r}; choose one of {', '.join(SCHEDULES)}.")
    if not 1 <= n <= schedule.num_train_timesteps:
        raise InvalidRequest(
            f"{n} steps do not fit the model's {schedule.num_train_timesteps} timesteps; "
            f"choose 1 to {schedule.num_train_timesteps}."
        )
    return with_zero(SCHEDULES[name](n, schedule, interpolation))


def _over_time(timesteps: Callable[[int, int], list[float]]) -> Callable[[int, NoiseSchedule, str], list[float]]:
    return lambda n, schedule, interpolation: [
        schedule.sigma(t, interpolation) for t in timesteps(n, schedule.num_train_timesteps)
    ]


def _over_sigma(
    spacing: Callable[[int, float, float], list[float]],
) -> Callable[[int, NoiseSchedule, str], list[float]]:
    return lambda n, schedule, interpolation: spacing(n, schedule.sigma_min, schedule.sigma_max)


SCHEDULES: dict[str, Callable[[int, NoiseSchedule, str], list[float]]] = {
    "uniform": _over_time(timesteps_uniform),
    "simple": _over_time(timesteps_simple),
    "ddim_uniform": _over_time(timesteps_ddim_uniform),
    "sgm_uniform": _over_time(timesteps_sgm_uniform),
    "karras": _over_sigma(sigmas_karras),
    "exponential": _over_sigma(sigmas_exponential),
    "polyexponential": _over_sigma(sigmas_polyexponential),
    "beta": _over_time(timesteps_beta),
    "kl_optimal": _over_sigma(sigmas_kl_optimal),
    # n + 1 points of which the last gives way to zero, as the authors do.
    "ays": lambda n, schedule, interpolation: sigmas_ays(n + 1)[:-1],
    "linear_quadratic": lambda n, schedule, interpolation: sigmas_linear_quadratic(n, schedule.sigma_max),
    "leading": _over_time(timesteps_leading),
    "trailing": _over_time(timesteps_trailing),
    "linspace": _over_time(timesteps_linspace),
    "lcm": _over_time(timesteps_lcm),
}
