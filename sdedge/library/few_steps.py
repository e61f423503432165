"""Few-step files know their settings: LCM, TCD, Hyper-SD and SDXS are recognised, and what suits them is used. No torch.

A LoRA is known by its hash, by what its header says of it, or by its name; a model by its configuration, by its tensors'
names, or by its name. No weights are read. The settings are those of the files' authors.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sdedge import catalog
from sdedge.errors import SdedgeError
from sdedge.library.adapters import find_lora
from sdedge.library.models import EMBEDDED, Library
from sdedge.request import Request
from sdedge.text.tags import extract_loras
from sdedge.weights import keys
from sdedge.weights.files import open_tensors
from sdedge.weights.folders import existing, locate, read_config

MAX_STEPS = 50


@dataclass(frozen=True)
class FewSteps:
    """The settings that suit a file which draws in few steps.

    label     what it is, with its article
    steps     to draw in; from `low` to `high` will do
    eta       of the sampler; None is the sampler's own
    guidance  scale; 1 is off
    """

    label: str
    sampler: str
    schedule: str | None
    steps: int
    low: int
    high: int
    guidance: float = 1.0
    eta: float | None = None


LCM_LORA = FewSteps("an LCM-LoRA", "lcm", None, 4, 2, 8)
TCD = FewSteps("made for TCD", "tcd", None, 4, 2, 8)
LCM = FewSteps("a latent consistency model", "lcm", None, 4, 1, 8)
LCM_READING_GUIDANCE = replace(LCM, guidance=8.0)
SDXS = FewSteps("SDXS, which draws in one step", "ddim", "trailing", 1, 1, 1)
HYPER_UNIFIED = FewSteps("Hyper-SD's LoRA for 1 to 8 steps", "tcd", None, 4, 1, 8, eta=1.0)

# SHA-256 of the published files, looked at where the size is theirs.
_SIZES = {134_621_556}
_HASHES = {"8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4": LCM_LORA}
_HYPER = re.compile(r"hyper-?sd(?!-?xl)")
_HYPER_STEPS = re.compile(r"(?<!\d)(\d{1,2})-?steps?(?:-?(cfg))?")
_LCM, _TCD, _SDXS = (re.compile(rf"(?<![a-z]){word}(?![a-z])") for word in ("lcm", "tcd", "sdxs"))
_TITLES = ("modelspec.title", "ss_output_name", "ss_training_comment", "modelspec.description", "title")
_SCHEDULERS = {"LCMScheduler": LCM, "TCDScheduler": replace(TCD, label="a TCD model")}
_GENERIC = ("pytorch_lora_weights", "adapter_model", "diffusion_pytorch_model", "model")


def few_steps_of(request: Request) -> tuple[str, FewSteps] | None:
    """Returns the name of the first LoRA or else the model of a request that draws in few steps, and what suits it."""
    for tag in extract_loras(request.prompt)[1]:
        if tag.unet_weight:
            with suppress(SdedgeError, OSError, ValueError):
                path = find_lora(tag.name)
                if settings := _of_lora(path, path.stat().st_mtime_ns):
                    return path.parent.name if path.stem in _GENERIC else path.stem, settings
    if request.model == EMBEDDED and existing(EMBEDDED) is None:
        return None
    with suppress(SdedgeError, OSError, ValueError):
        path = _model_path(request.model)
        if settings := _of_model(path, path.stat().st_mtime_ns):
            return path.stem if path.is_file() else path.name, settings
    return None


def suited(request: Request, chosen: Collection[str]) -> tuple[Request, str]:
    """Returns a request with what suits a few-step file in the fields that nobody chose, and a sentence of it; "" without one.

    `chosen` are the names of the fields that somebody did choose.
    """
    match = few_steps_of(request)
    if match is None:
        return request, ""
    name, settings = match
    changes = {field: value for field, value in suitable(request, settings, chosen) if getattr(request, field) != value}
    result = request.replace(**changes) if changes else request
    texts = [
        f"{field} {value:g}" if isinstance(value, float | int) else f"{field} {value}"
        for field, value in changes.items()
    ]
    said = (
        [f"{name} is {settings.label}: {', '.join(texts)} {'is' if len(texts) == 1 else 'are'} used"] if texts else []
    )
    preset = catalog.PRESETS[request.preset]
    if "sampler" not in chosen and settings.sampler not in preset.samplers:
        said.append(
            f"{name} is made for the sampler {settings.sampler}, which the numerics of {preset.label} do not have, so that "
            f"{result.sampler} is used"
        )
    levels_chosen = result.sigmas is not None or result.timesteps is not None
    if not levels_chosen and not settings.low <= result.steps <= settings.high:
        usual = str(settings.low) if settings.low == settings.high else f"{settings.low} to {settings.high}"
        said.append(f"{name} draws in {usual} steps and {result.steps} were chosen")
    return result, "; ".join(said) + "." if said else ""


def suitable(request: Request, settings: FewSteps, chosen: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yields the fields that nobody chose, with what suits."""
    levels_chosen = request.sigmas is not None or request.timesteps is not None
    if "steps" not in chosen and not levels_chosen:
        yield "steps", settings.steps
    offered = settings.sampler in catalog.PRESETS[request.preset].samplers
    if "sampler" not in chosen and offered:
        yield "sampler", settings.sampler
        offers = (*catalog.PRESETS[request.preset].schedules, None)
        if "schedule" not in chosen and not levels_chosen and settings.schedule in offers:
            yield "schedule", settings.schedule
        if "eta" not in chosen and settings.eta is not None:
            yield "eta", settings.eta
    if "guidance" not in chosen:
        yield "guidance", settings.guidance


def named_settings(title: str) -> FewSteps | None:
    """Returns what a LoRA's name or title says of its settings."""
    text = re.sub(r"[\s_.,]+", "-", title[:300].lower())
    if hyper := _HYPER.search(text):
        if text.find("unified", hyper.end()) >= 0:
            return HYPER_UNIFIED
        if match := _HYPER_STEPS.search(text, hyper.end()):
            return _hyper(int(match[1]), bool(match[2]))
    if _LCM.search(text):
        return LCM_LORA
    return replace(TCD, label="a TCD LoRA") if _TCD.search(text) else None


def _hyper(steps: int, keeps_guidance: bool) -> FewSteps | None:
    """Returns the settings of a Hyper-SD LoRA for so many steps; the one for 1 step serves 1 to 8."""
    if steps == 1:
        return HYPER_UNIFIED
    if not 1 < steps <= MAX_STEPS:
        return None
    guidance, kind = (7.0, "CFG LoRA") if keeps_guidance else (1.0, "LoRA")
    return FewSteps(f"Hyper-SD's {kind} for {steps} steps", "ddim", "trailing", steps, steps, steps, guidance)


@lru_cache(maxsize=64)
def _of_lora(path: Path, changed: int) -> FewSteps | None:
    metadata = open_tensors(path).metadata if path.suffix == ".safetensors" else {}
    titles = [metadata.get(key, "") for key in _TITLES]
    for title in (*titles, path.stem if path.stem not in _GENERIC else path.parent.name):
        if title and (settings := named_settings(title)):
            return settings
    if path.stat().st_size in _SIZES:
        with path.open("rb") as file:
            return _HASHES.get(hashlib.file_digest(file, "sha256").hexdigest())
    return None


def _model_path(name: str) -> Path:
    if existing(name) is not None:
        return locate(name)
    library = Library()
    try:
        return library.locate(name)
    finally:
        library.close()


@lru_cache(maxsize=16)
def _of_model(path: Path, changed: int) -> FewSteps | None:
    settings = _of_folder(path) if path.is_dir() else _of_file(path)
    if settings is not None:
        return settings
    title = re.sub(r"[\s_.,]+", "-", (path.stem if path.is_file() else path.name).lower())
    return SDXS if _SDXS.search(title) else LCM if _LCM.search(title) else None


def _of_folder(folder: Path) -> FewSteps | None:
    unet, scheduler = (
        read_config(path, folder) if path.is_file() else {}
        for path in (folder / "unet" / "config.json", folder / "scheduler" / "scheduler_config.json")
    )
    if _is_sdxs(unet):
        return SDXS
    if unet.get("time_cond_proj_dim"):
        return LCM_READING_GUIDANCE
    kind = scheduler.get("_class_name")
    return _SCHEDULERS.get(kind) if isinstance(kind, str) else None


def _is_sdxs(unet: Mapping[str, Any]) -> bool:
    """Returns whether a UNet's configuration has SDXS's blocks: three levels, the highest without attention, no middle."""
    blocks = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"]
    return unet.get("down_block_types") == blocks and unet.get("mid_block_type", "") is None


def _of_file(path: Path) -> FewSteps | None:
    if path.suffix != ".safetensors":  # a pickle's program is long to read
        return None
    tensors = open_tensors(path)
    unet = [name.removeprefix(keys.UNET_PREFIX) for name in tensors if name.startswith(keys.UNET_PREFIX)]
    layout = keys.ldm_unet_layout(unet)
    if (layout.attention, layout.has_middle) == ((False, True, True), False):
        return SDXS
    return LCM_READING_GUIDANCE if any(name.startswith("time_embed.cond_proj.") for name in unet) else None
