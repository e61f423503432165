"""The lists of A1111's API: what there is to choose from here; the ones that are empty here are empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sdedge import catalog
from sdedge.engines.open import default_model
from sdedge.library import by_name
from sdedge.library.adapters import installed
from sdedge.library.control_models import installed_controls
from sdedge.library.detectors import ROLE as DETECTOR
from sdedge.library.models import EMBEDDED, Model
from sdedge.machine.memory import available_memory
from sdedge.passes import ENLARGERS
from sdedge.places import data_folder
from sdedge.server.a1111_modules import module_names
from sdedge.server.safe_requests import installed_models, installed_vaes
from sdedge.server.upscaling import upscaler_names
from sdedge.text.styles import read_styles

EMPTY = (
    "hypernetworks", "face-restorers", "realesrgan-models", "artists", "artist-categories", "extensions", "sd-modules",
)  # fmt: skip


def models() -> list[dict[str, Any]]:
    """Returns the models as `sd-models` lists them; file names are base names."""
    return [_model(model) for model in installed_models()]


def title_of(name: str) -> str:
    """Returns how lists call an installed model."""
    row = next((model for model in installed_models() if model is not None and model.name == name), None)
    return _model(row)["title"] if row else name


def _model(model: Model | None) -> dict[str, Any]:
    if model is None:
        return {
            "title": EMBEDDED,
            "model_name": EMBEDDED,
            "hash": None,
            "sha256": None,
            "filename": EMBEDDED,
            "config": None,
        }
    short = model.short_hash
    return {
        "title": f"{model.name} [{short}]" if short else model.name, "model_name": model.name, "hash": short,
        "sha256": model.sha256, "filename": model.path.name, "config": None,
    }  # fmt: skip


def vaes() -> list[dict[str, Any]]:
    """Returns the VAEs as `sd-vae` lists them."""
    return [{"model_name": model.name, "filename": model.path.name} for model in installed_vaes()]


def samplers() -> list[dict[str, Any]]:
    """Returns the samplers by the labels that A1111 knows."""
    return [
        {"name": row.label, "aliases": [row.name, *row.aliases], "options": {"scheduler": row.default_schedule}}
        for row in catalog.SAMPLERS.values()
    ]


def schedulers() -> list[dict[str, Any]]:
    """Returns the schedules, first the one that means the sampler's own."""
    automatic = {
        "name": "automatic",
        "label": "Automatic",
        "aliases": None,
        "default_rho": -1,
        "need_inner_model": False,
    }
    rows = [
        {**automatic, "name": row.name, "label": row.label, "aliases": list(row.aliases)}
        for row in catalog.SCHEDULES.values()
    ]
    return [automatic, *rows]


def upscalers() -> list[dict[str, Any]]:
    """Returns the upscalers of extra-single-image and hires fix; "None" is Lanczos."""
    rest = {"model_name": None, "model_path": None, "model_url": None, "scale": 4}
    return [{"name": name, **rest} for name in ("None", *upscaler_names())]


def latent_modes() -> list[dict[str, Any]]:
    """Returns the ways to enlarge latents."""
    return [{"name": row.label} for row in ENLARGERS.values() if row.is_latent]


def loras() -> list[dict[str, Any]]:
    """Returns the installed LoRAs."""
    return [
        {"name": extra.name, "alias": extra.name, "path": extra.path.name, "metadata": {}}
        for extra in installed() if extra.role == "lora"
    ]  # fmt: skip


def embeddings() -> dict[str, Any]:
    """Returns the installed embeddings by name."""
    row = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 1}
    return {"loaded": {extra.name: row for extra in installed() if extra.role == "embedding"}, "skipped": {}}


def styles() -> list[dict[str, Any]]:
    """Returns the styles of styles.csv."""
    path = data_folder() / "styles.csv"
    rows = read_styles(path).values() if path.is_file() else ()
    return [{"name": row.name, "prompt": row.prompt, "negative_prompt": row.negative} for row in rows]


def scripts() -> dict[str, Any]:
    """Returns the scripts: ControlNet's, and ADetailer's where a detector is installed."""
    names = ["controlnet", *(["adetailer"] if by_name.installed(DETECTOR) else [])]
    return {"txt2img": names, "img2img": names}


def memory() -> dict[str, Any]:
    """Returns the memory of this machine in bytes."""
    free, total = available_memory()
    return {"ram": {"free": free, "used": total - free, "total": total}, "cuda": {"error": "not told here"}}


def options(own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that count for a caller."""
    rows = {row["title"]: row for row in models()}
    title = own.get("sd_model_checkpoint") or title_of(default_model())
    return {
        "sd_model_checkpoint": title, "sd_checkpoint_hash": rows.get(title, {}).get("sha256") or "", "sd_vae": "Automatic",
        "CLIP_stop_at_last_layers": 1, "randn_source": "CPU", "samples_save": True, "samples_format": "png",
        "eta_ddim": 0.0, "eta_ancestral": 1.0, **own,
    }  # fmt: skip


def named_settings(fields: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `body` as lists and `options` name them, by the request's fields that they stand for."""
    settings: dict[str, Any] = {}
    if "model" in fields:
        settings["sd_model_checkpoint"] = title_of(fields["model"])
    if "vae" in fields:
        settings["sd_vae"] = fields["vae"] or "Automatic"
    if "clip_skip" in fields:
        settings["CLIP_stop_at_last_layers"] = fields["clip_skip"]
    if "noise" in fields:
        settings["randn_source"] = body["randn_source"].upper()
    return settings


def control_models() -> dict[str, Any]:
    """Returns the installed control models."""
    return {"model_list": [model.name for model in installed_controls()]}


def control_modules() -> dict[str, Any]:
    """Returns the preprocessors by the names that A1111's clients send, and by ours."""
    names = module_names()
    detail = {name: {"model_free": False, "sliders": []} for name in names}
    return {"module_list": names, "module_detail": detail}


def control_types() -> dict[str, Any]:
    """Returns one type of control that holds everything."""
    modules, models_here = control_modules()["module_list"], ["None", *control_models()["model_list"]]
    everything = {
        "module_list": modules, "model_list": models_here, "default_option": "none", "default_model": models_here[0],
    }  # fmt: skip
    return {"control_types": {"All": everything}}


LISTS: dict[str, Callable[[], Any]] = {
    "sd-models": models, "sd-vae": vaes, "samplers": samplers, "schedulers": schedulers, "upscalers": upscalers,
    "latent-upscale-modes": latent_modes, "loras": loras, "embeddings": embeddings, "prompt-styles": styles, "scripts": scripts,
    "memory": memory, "script-info": list, "cmd-flags": lambda: {"api": True, "nowebui": False, "listen": False},
    **dict.fromkeys(EMPTY, list),
}  # fmt: skip
"""What GET of /sdapi/v1/NAME answers."""
CONTROL_LISTS: dict[str, Callable[[], Any]] = {
    "version": lambda: {"version": 2}, "model_list": control_models, "module_list": control_modules,
    "control_types": control_types, "settings": lambda: {"control_net_unit_count": 10},
}  # fmt: skip
"""What GET of /controlnet/NAME answers."""
