"""Names, orders, advice and valid pairs of samplers, schedules, presets, speeds, noise sources and sizes. No torch.

The request, the command line and the window read their choices here; `sdedge.sampling` implements them, and a test
asserts that both lists are the same. Facts about the samplers are those of their papers; the labels are the ones
the A1111 web UI writes into its pictures, so `resolve` understands settings copied from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sdedge.errors import InvalidRequest


@dataclass(frozen=True)
class OptionInfo:
    """One knob of a sampler: its default, its closed range or its choices, and what it does."""

    default: float | int | str
    minimum: float | None
    maximum: float | None
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SamplerInfo:
    """What there is to know about a sampler before running it.

    `order` is the global order of convergence of its deterministic part; `calls_per_step` the UNet evaluations of
    one step; `noise` is "none", "independent" (a fresh draw each step) or "brownian" (increments of one path, so that
    more steps refine the same picture); `one_image` says that a batch has to be run one image at a time.
    """

    name: str
    label: str
    order: int
    stochastic: bool
    calls_per_step: float
    advice: str
    default_schedule: str
    schedules: tuple[str, ...]
    noise: str = "none"
    options: Mapping[str, OptionInfo] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    one_image: bool = False


@dataclass(frozen=True)
class ScheduleInfo:
    """A way to choose the noise levels; `over` says whether it spaces timesteps or sigmas."""

    name: str
    label: str
    over: str
    text: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class PresetInfo:
    """Whose numerics to follow. `samplers` and `schedules` are what that ecosystem has a counterpart for.

    `precision` is the arithmetic in which the noise schedule is computed, `interpolation` how a level between two
    timesteps is read ("log" or "linear" in sigma), `start` the scale of the first noise ("sigma" or
    "sqrt(sigma^2+1)"; "latent" for presets that sample in the variance-preserving variable, equal to the latter),
    `rounding` how decoded pixels become bytes, `mask` what a model sees of a kept region (see `sampling.denoiser.masked`),
    `noise_source` what that ecosystem draws with, `always_draw` whether it draws noise it then does not use, `brownian`
    whether samplers with Brownian noise get it, `spaced_by_model` whether the model's config says the default schedule,
    `whole_path` whether a Brownian path spans the levels that a run from a picture leaves out, too, and `options` what a
    sampler's options are where nobody says others.
    """

    name: Preset
    label: str
    text: str
    samplers: tuple[str, ...]
    schedules: tuple[str, ...]
    precision: str
    interpolation: str
    start: str
    rounding: str
    mask: MaskMode
    noise_source: NoiseSource
    always_draw: bool
    brownian: bool = True
    spaced_by_model: bool = False
    whole_path: bool = False
    options: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class SpeedInfo:
    """How far a picture may differ from the exact one for the sake of time; `text` says so in words.

    `reuse` is how many steps share the UNet's deep features (Ma et al. 2023, DeepCache), `guide_above` the sigma below
    which guidance stops (Kynkäänniemi et al. 2024), `steps` the count that suits it where none is given: a request
    always says its own. `merge` is the share of tokens that the UNet's highest self attention leaves out (Bolya &
    Hoffman 2023). What each costs in quality is measured in docs/speed-modes.md.
    """

    name: Speed
    label: str
    text: str
    lossy: bool
    reuse: int = 1
    guide_above: float = 0.0
    steps: int = 20
    merge: float = 0.0


class Preset(StrEnum):
    """Whose numerics to follow."""

    SDEDGE = "sdedge"
    A1111 = "a1111"
    DIFFUSERS = "diffusers"
    COMPVIS = "compvis"
    APPLE = "apple"


class Speed(StrEnum):
    """How far a picture may differ from the exact one for the sake of time."""

    EXACT = "exact"
    FAST = "fast"
    FASTEST = "fastest"


class NoiseSource(StrEnum):
    """The generator that draws a picture's noise."""

    TORCH = "torch"
    NUMPY = "numpy"
    PHILOX = "philox"


class MaskMode(StrEnum):
    """What a model sees of the region that a mask keeps, while the rest is drawn."""

    PREDICTED = "predicted"
    FRESH_NOISE = "fresh_noise"
    INITIAL_NOISE = "initial_noise"


class MaskedContent(StrEnum):
    """What stands under a mask before noise is added."""

    ORIGINAL = "original"
    FILL = "fill"
    NOISE = "noise"
    NOTHING = "nothing"


@dataclass(frozen=True)
class MaskedContentInfo:
    """A masked content in words."""

    name: MaskedContent
    label: str
    text: str


# fmt: off
_SCHEDULE_ROWS = (
    ScheduleInfo("uniform", "Uniform", "timesteps", "equal steps in time from the noisiest level to the cleanest",
                 ("normal", "automatic uniform", "discrete")),
    ScheduleInfo("simple", "Simple", "timesteps", "every k-th training level, from the noisiest"),
    ScheduleInfo("ddim_uniform", "DDIM", "timesteps",
                 "levels 1, 1+c, 1+2c … with c = 1000 // steps; not every count divides, so it may take more steps",
                 ("ddim", "ddim uniform")),
    ScheduleInfo("sgm_uniform", "SGM Uniform", "timesteps", "equal steps in time that stop short of the last level",
                 ("sgmuniform",)),
    ScheduleInfo("karras", "Karras", "sigmas", "dense at low noise (Karras et al. 2022, rho 7); the usual choice"),
    ScheduleInfo("exponential", "Exponential", "sigmas", "equal ratios between levels"),
    ScheduleInfo("polyexponential", "Polyexponential", "sigmas", "a power of the step in the logarithm of sigma"),
    ScheduleInfo("beta", "Beta", "timesteps", "dense at both ends (Lee et al. 2024, alpha = beta = 0.6)"),
    ScheduleInfo("kl_optimal", "KL Optimal", "sigmas", "equal steps in the angle arctan(sigma) (Sabour et al. 2024)"),
    ScheduleInfo("ays", "Align Your Steps", "sigmas", "levels optimised for v1 models (Sabour et al. 2024); 10 steps",
                 ("align_your_steps", "alignyoursteps", "ays")),
    ScheduleInfo("linear_quadratic", "Linear Quadratic", "sigmas", "small equal steps first, then quadratic ones"),
    ScheduleInfo("leading", "Leading", "timesteps", "whole timesteps 1, 1+c, 1+2c …, exactly as many as asked"),
    ScheduleInfo("trailing", "Trailing", "timesteps", "whole timesteps counted down from 999; for zero terminal SNR"),
    ScheduleInfo("linspace", "Linspace", "timesteps", "whole timesteps spread from 999 to 0"),
    ScheduleInfo("lcm", "LCM", "timesteps", "the levels consistency models are distilled on (50 of them); 1 to 8 steps",
                 ("tcd",)),
)
SCHEDULES: dict[str, ScheduleInfo] = {row.name: row for row in _SCHEDULE_ROWS}
ANY = tuple(name for name in SCHEDULES if name != "lcm")
FEW = ("lcm", "simple", "sgm_uniform", "trailing", "leading", "linspace", "uniform")

_ETA_ANCESTRAL = OptionInfo(1.0, 0.0, 1.0, "share of each step's noise that is renewed; 0 makes it deterministic")
_S_NOISE = OptionInfo(1.0, 0.0, 2.0, "scale of the noise that is added")
_ANCESTRAL = {"eta": _ETA_ANCESTRAL, "s_noise": _S_NOISE}
_CHURN = {
    "s_churn": OptionInfo(0.0, 0.0, 1000.0, "noise added before each step, spread over the run"),
    "s_tmin": OptionInfo(0.0, 0.0, float("inf"), "lowest sigma at which noise is added"),
    "s_tmax": OptionInfo(float("inf"), 0.0, float("inf"), "highest sigma at which noise is added"),
    "s_noise": _S_NOISE,
}

_SAMPLER_ROWS = (
    SamplerInfo("ddim", "DDIM", 1, False, 1, "the classic; 30 to 50 steps, good for image to image", "leading", ANY,
                "independent", {"eta": OptionInfo(0.0, 0.0, 1.0, "0 is deterministic, 1 is DDPM")},
                ("k_ddim", "DDIMScheduler")),
    SamplerInfo("ddpm", "DDPM", 1, True, 1, "the original random process; needs 100 steps and more", "leading", ANY,
                "independent", {}, ("DDPMScheduler",)),
    SamplerInfo("plms", "PLMS", 2, False, 1, "the first v1 release's fast sampler; 25 to 50 steps", "leading", ANY,
                "none", {}, ("pndm", "k_plms", "PNDMScheduler")),
    SamplerInfo("euler", "Euler", 1, False, 1, "simple and predictable; 20 to 30 steps", "uniform", ANY,
                "independent", _CHURN, ("k_euler", "EulerDiscreteScheduler")),
    SamplerInfo("euler_a", "Euler a", 1, True, 1, "soft and varied; the picture keeps changing with more steps",
                "uniform", ANY, "independent", _ANCESTRAL,
                ("euler_ancestral", "k_euler_a", "k_euler_ancestral", "EulerAncestralDiscreteScheduler")),
    SamplerInfo("heun", "Heun", 2, False, 2, "accurate but two evaluations a step; 10 to 20 steps", "uniform", ANY,
                "independent", _CHURN, ("k_heun", "HeunDiscreteScheduler")),
    SamplerInfo("dpm2", "DPM2", 2, False, 2, "midpoint method; 10 to 20 steps", "karras", ANY,
                "independent", _CHURN, ("dpm_2", "k_dpm_2", "KDPM2DiscreteScheduler")),
    SamplerInfo("dpm2_a", "DPM2 a", 2, True, 2, "DPM2 with renewed noise", "karras", ANY, "independent", _ANCESTRAL,
                ("dpm_2_ancestral", "k_dpm_2_a", "KDPM2AncestralDiscreteScheduler")),
    SamplerInfo("lms", "LMS", 4, False, 1, "linear multistep; 20 to 50 steps, unstable below", "uniform", ANY, "none",
                {"order": OptionInfo(4, 1, 4, "how many past steps it uses")}, ("k_lms", "LMSDiscreteScheduler")),
    SamplerInfo("dpm_fast", "DPM fast", 3, False, 1, "one evaluation per step asked, in groups of three", "uniform",
                ANY, "independent", {"eta": OptionInfo(0.0, 0.0, 1.0, "renewed noise"), "s_noise": _S_NOISE},
                ("k_dpm_fast",)),
    SamplerInfo("dpm_adaptive", "DPM adaptive", 3, False, 3,
                "chooses its own steps (the number asked is ignored); slow and accurate", "uniform", ANY,
                "independent", {
                    "order": OptionInfo(3, 2, 3, "order of the solver"),
                    "rtol": OptionInfo(0.05, 1e-6, 1.0, "relative error allowed in a step"),
                    "atol": OptionInfo(0.0078, 1e-6, 1.0, "absolute error allowed in a step"),
                    "h_init": OptionInfo(0.05, 1e-4, 1.0, "first step in log sigma"),
                    "pcoeff": OptionInfo(0.0, 0.0, 2.0, "proportional part of the step controller"),
                    "icoeff": OptionInfo(1.0, 0.0, 2.0, "integral part of the step controller"),
                    "dcoeff": OptionInfo(0.0, 0.0, 2.0, "derivative part of the step controller"),
                    "accept_safety": OptionInfo(0.81, 0.1, 1.0, "how much better than needed a step must be"),
                    "eta": OptionInfo(0.0, 0.0, 1.0, "renewed noise"), "s_noise": _S_NOISE,
                }, ("k_dpm_ad",), one_image=True),
    SamplerInfo("dpmpp_2s_a", "DPM++ 2S a", 2, True, 2, "detailed and varied; 15 to 25 steps", "karras", ANY,
                "independent", _ANCESTRAL, ("dpmpp_2s_ancestral", "k_dpmpp_2s_a")),
    SamplerInfo("dpmpp_sde", "DPM++ SDE", 2, True, 2, "rich detail at 10 to 20 steps", "karras", ANY, "brownian",
                {**_ANCESTRAL, "r": OptionInfo(0.5, 0.1, 1.0, "where in the step the second evaluation lies")},
                ("k_dpmpp_sde", "DPMSolverSDEScheduler")),
    SamplerInfo("dpmpp_2m", "DPM++ 2M", 2, False, 1, "the best start: sharp at 20 steps", "karras", ANY, "none", {},
                ("k_dpmpp_2m", "dpmsolver++", "DPMSolverMultistepScheduler")),
    SamplerInfo("dpmpp_2m_sde", "DPM++ 2M SDE", 2, True, 1, "DPM++ 2M with renewed noise; 25 to 30 steps", "karras",
                ANY, "brownian", _ANCESTRAL, ("k_dpmpp_2m_sde",)),
    SamplerInfo("dpmpp_2m_sde_heun", "DPM++ 2M SDE Heun", 2, True, 1, "a variant of DPM++ 2M SDE", "karras", ANY,
                "brownian", _ANCESTRAL, ("k_dpmpp_2m_sde_heun",)),
    SamplerInfo("dpmpp_3m_sde", "DPM++ 3M SDE", 2, True, 1, "for 30 steps and more, low guidance", "exponential", ANY,
                "brownian", _ANCESTRAL, ("k_dpmpp_3m_sde",)),
    SamplerInfo("unipc", "UniPC", 2, False, 1, "predictor and corrector; good at 8 to 15 steps", "karras", ANY,
                "none", {
                    "order": OptionInfo(2, 1, 3, "order of the predictor"),
                    "variant": OptionInfo("bh2", None, None, "step weight of the paper", ("bh1", "bh2")),
                }, ("uni_pc", "UniPCMultistepScheduler")),
    SamplerInfo("deis", "DEIS", 2, False, 1, "exponential integrator in sigma; 10 to 20 steps", "karras", ANY, "none",
                {"order": OptionInfo(2, 1, 3, "how many past steps it uses")}, ("DEISMultistepScheduler",)),
    SamplerInfo("ipndm", "IPNDM", 2, False, 1, "PLMS without its extra first evaluation", "uniform", ANY, "none",
                {"order": OptionInfo(4, 1, 4, "how many past steps it uses")}, ("IPNDMScheduler",)),
    SamplerInfo("sa_solver", "SA-Solver", 2, True, 1, "stochastic Adams with corrector; 15 to 30 steps", "karras",
                ANY, "independent", {
                    "tau": OptionInfo(1.0, 0.0, 2.0, "noise renewed between timesteps 200 and 800"),
                    "predictor_order": OptionInfo(2, 1, 4, "order of the predictor"),
                    "corrector_order": OptionInfo(2, 1, 4, "order of the corrector"),
                }, ("sasolver", "SASolverScheduler")),
    SamplerInfo("restart", "Restart", 2, True, 2, "Heun that goes back up and down again; 20 steps and more",
                "karras", ANY, "independent", {"s_noise": _S_NOISE}),
    SamplerInfo("lcm", "LCM", 1, True, 1, "only for LCM models and LoRAs: 2 to 8 steps, guidance 1 to 2", "lcm", FEW,
                "independent", {}, ("k_lcm", "LCMScheduler")),
    SamplerInfo("tcd", "TCD", 1, True, 1, "only for TCD models and LoRAs: 4 to 8 steps, guidance 1", "lcm", FEW,
                "independent", {"eta": OptionInfo(0.3, 0.0, 1.0, "how far back each step is renoised")},
                ("TCDScheduler",)),
)
SAMPLERS: dict[str, SamplerInfo] = {row.name: row for row in _SAMPLER_ROWS}

_K_SAMPLERS = ("euler", "euler_a", "heun", "dpm2", "dpm2_a", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_a",
               "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde")
_PRESET_ROWS = (
    PresetInfo(Preset.SDEDGE, "sdedge", "k-diffusion numerics in float64, unit variance at the start; everything pairs",
               tuple(SAMPLERS), tuple(SCHEDULES), "float64", "log", "sqrt(sigma^2+1)", "round", MaskMode.PREDICTED,
               NoiseSource.TORCH, False),
    PresetInfo(Preset.A1111, "A1111 web UI", "the AUTOMATIC1111 web UI from 1.6 on, and k-diffusion itself",
               ("ddim", "plms", *_K_SAMPLERS, "restart"),
               ("uniform", "simple", "ddim_uniform", "sgm_uniform", "karras", "exponential", "polyexponential",
                "beta", "kl_optimal", "ays"),
               "float64", "log", "sigma", "truncate", MaskMode.PREDICTED, NoiseSource.TORCH, True, whole_path=True,
               options={"dpm_fast": {"eta": 1.0}, "dpm_adaptive": {"eta": 1.0}}),
    PresetInfo(Preset.DIFFUSERS, "diffusers", "the diffusers library with the v1 scheduler config",
               ("ddim", "ddpm", "plms", "euler", "euler_a", "heun", "dpm2", "lms", "dpmpp_2m", "dpmpp_2m_sde",
                "dpmpp_2m_sde_heun", "unipc", "deis", "sa_solver", "lcm", "tcd"),
               ("leading", "linspace", "trailing", "karras", "exponential", "beta", "lcm"),
               "float32", "linear", "latent", "round", MaskMode.INITIAL_NOISE, NoiseSource.TORCH, False,
               brownian=False, spaced_by_model=True),
    PresetInfo(Preset.COMPVIS, "CompVis", "the original CompVis scripts: DDIM and PLMS",
               ("ddim", "ddpm", "plms"), ("ddim_uniform",),
               "float64", "log", "latent", "truncate", MaskMode.FRESH_NOISE, NoiseSource.TORCH, True),
    PresetInfo(Preset.APPLE, "Apple Swift", "Apple's Swift package: PNDM and DPM-Solver++ with NumPy's noise",
               ("plms", "dpmpp_2m"), ("leading", "linspace", "karras"),
               "float32", "log", "latent", "round", MaskMode.PREDICTED, NoiseSource.NUMPY, False),
)
PRESETS: dict[str, PresetInfo] = {row.name: row for row in _PRESET_ROWS}
DEFAULT_PRESET = Preset.SDEDGE

DIFFUSERS_EULERS = ("euler", "euler_a", "heun", "dpm2", "lms")
DIFFUSERS_SOLVERS = ("dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "unipc", "deis", "sa_solver")
DIFFUSERS_REPLACED = ("karras", "exponential", "beta")
_SPACED = ("leading", "linspace", "trailing")
# The schedules that a sampler has in a preset, where that is not simply what both name.
_PAIRS: dict[str, dict[str, tuple[str, ...]]] = {
    Preset.A1111: {"ddim": ("ddim_uniform",), "plms": ("ddim_uniform",)},
    Preset.DIFFUSERS: {
        **dict.fromkeys(DIFFUSERS_EULERS + DIFFUSERS_SOLVERS, (*_SPACED, *DIFFUSERS_REPLACED)),
        "euler_a": _SPACED, "ddpm": _SPACED, "ddim": ("leading", "trailing"), "plms": ("leading", "trailing"), "lcm": ("lcm",),
        "tcd": ("lcm",)},
    Preset.APPLE: {"plms": ("leading",), "dpmpp_2m": ("linspace", "leading", "karras")},
}

_SPEED_ROWS = (
    SpeedInfo(Speed.EXACT, "Exact", "every step in full: the picture the settings stand for", lossy=False),
    SpeedInfo(Speed.FAST, "Fast", "lossy: every other step reuses the deep features of the one before, and similar pixels share "
              "their attention", lossy=True, reuse=2, merge=0.5),
    SpeedInfo(Speed.FASTEST, "Fastest", "lossy: as fast, without guidance at low noise, and 12 steps suit it", lossy=True,
              reuse=2, merge=0.5, guide_above=0.5, steps=12),
)
SPEEDS: dict[str, SpeedInfo] = {row.name: row for row in _SPEED_ROWS}
DEFAULT_SPEED = Speed.EXACT

NOISE_SOURCES = tuple(NoiseSource)
MASKED_CONTENTS: dict[MaskedContent, MaskedContentInfo] = {row.name: row for row in (
    MaskedContentInfo(MaskedContent.ORIGINAL, "The picture", "the masked part starts from what is there"),
    MaskedContentInfo(MaskedContent.FILL, "Its surroundings", "the masked part starts from the colours around it"),
    MaskedContentInfo(MaskedContent.NOISE, "Noise", "the masked part starts from noise"),
    MaskedContentInfo(MaskedContent.NOTHING, "Nothing", "the masked part starts empty"),
)}
SIZES: tuple[tuple[int, int], ...] = (
    (256, 256), (384, 384), (512, 512), (512, 640), (640, 512), (512, 768), (768, 512), (640, 640), (768, 768))
# fmt: on


def schedules_of(sampler: str, preset: str) -> tuple[str, ...]:
    """Returns the schedules that a sampler takes in a preset; none where the preset has no such sampler."""
    info = PRESETS[preset]
    if sampler not in info.samplers:
        return ()
    pairs = _PAIRS.get(preset, {})
    return pairs.get(sampler) or tuple(name for name in SAMPLERS[sampler].schedules if name in info.schedules)


def resolve(name: str) -> tuple[str, str | None]:
    """Returns (sampler, schedule or None) for a canonical name, a label or another program's spelling.

    "dpmpp_2m", "DPM++ 2M Karras", "k_euler_a" and "DPMSolverMultistepScheduler" are all understood.
    Raises InvalidRequest naming the choices.
    """
    key = _key(name)
    if key in _SAMPLER_KEYS:
        return _SAMPLER_KEYS[key], None
    for suffix, schedule in _SCHEDULE_KEYS.items():
        if key.endswith(suffix) and key[: -len(suffix)] in _SAMPLER_KEYS:
            return _SAMPLER_KEYS[key[: -len(suffix)]], schedule
    raise InvalidRequest(f"Unknown sampler {name[:60]!r}; choose one of {', '.join(SAMPLERS)}.", field="sampler")


def resolve_schedule(name: str) -> str | None:
    """Returns the canonical schedule of a name, label or alias; None for "Automatic", which means the sampler's default.

    Raises InvalidRequest naming the choices.
    """
    key = _key(name)
    if key in ("", "automatic", "auto", "default"):
        return None
    if key in _SCHEDULE_KEYS:
        return _SCHEDULE_KEYS[key]
    raise InvalidRequest(f"Unknown schedule {name[:60]!r}; choose one of {', '.join(SCHEDULES)}.", field="schedule")


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("+", "p"))


_SAMPLER_KEYS = {_key(alias): row.name for row in _SAMPLER_ROWS for alias in (row.name, row.label, *row.aliases)}
_SCHEDULE_KEYS = {_key(alias): row.name for row in _SCHEDULE_ROWS for alias in (row.name, row.label, *row.aliases)}
# k-diffusion's older A1111 spelling: "k_dpmpp_2m_ka" is DPM++ 2M on the Karras levels.
_SCHEDULE_KEYS["ka"] = "karras"
