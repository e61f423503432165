"""Where a model is on disk: diffusers folders, Hugging Face cache layouts, weight files by variant, vocabularies."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdedge.errors import MissingModel, ModelError, Remedy, SdedgeError
from sdedge.json_values import read_json
from sdedge.locks import ProcessLock
from sdedge.places import expanded, hub_cache
from sdedge.text.vocabulary import BPE_NAME, holds_tokenizer
from sdedge.weights.files import LazyTensor, check_inside, open_tensors, read_small
from sdedge.weights.scaled import unscaled

_CONFIG_LIMIT = 4 << 20
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")

_STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")
_NOT_V1_PIPELINES = {
    "StableDiffusionXL": "Stable Diffusion XL", "StableDiffusion3": "Stable Diffusion 3", "Flux": "FLUX",
    "StableVideoDiffusion": "Stable Video Diffusion",
    "StableDiffusionDepth2Img": "Stable Diffusion 2 depth", "StableDiffusionUpscale": "the x4 upscaler",
    "StableCascade": "Stable Cascade", "Kandinsky": "Kandinsky", "PixArt": "PixArt", "StableUnCLIP": "Stable unCLIP",
}  # fmt: skip


@dataclass(frozen=True)
class ComponentFiles:
    tensors: dict[str, LazyTensor]
    report: list[str] = field(default_factory=list)


def locate(path: str | Path) -> Path:
    """Returns an existing file or model folder for `path`: itself, the snapshot of a Hugging Face cache folder, or the cached
    snapshot of a repository name such as `CompVis/stable-diffusion-v1-4`. Never touches the network."""
    place = existing(path)
    if place is not None:
        return _snapshot(place) if (place / "snapshots").is_dir() else place
    if _REPOSITORY.fullmatch(str(path)):
        cached = hub_cache() / ("models--" + str(path).replace("/", "--"))
        if (cached / "snapshots").is_dir():
            return _snapshot(cached)
        raise MissingModel(
            f"There is no model at {path}, nor {path} in the Hugging Face cache; check the path, or "
            f"{Remedy.FETCH.format(name=path)}.",
            field="model",
            remedy=Remedy.FETCH,
        )
    raise MissingModel(
        f"There is no model at {path}; check the path, or {Remedy.SEE_MODELS}.", field="model", remedy=Remedy.SEE_MODELS
    )


_BEGUN = (".converting.json", ".converting.lock", ".exchanging", "sensitivity.json")
"""What `converters.bundle` leaves of a conversion that was ended."""


def unfinished_bundle(folder: Path) -> str | None:
    """Returns what a folder is that a conversion began and did not end, and what to do, in a sentence; None for any other."""
    begun = [name for name in _BEGUN if (folder / name).is_file()]
    packages = sorted(path.stem for path in folder.glob("*.mlpackage"))
    if (folder / "manifest.json").is_file() or not (begun or packages):
        return None
    there = f"{', '.join(packages)} so far" if packages else "nothing usable yet"
    if not begun:
        return (
            f"{folder} holds Core ML packages ({', '.join(packages)}) and no manifest.json, so it is no whole bundle; convert"
            " the model again, or copy the folder again whole."
        )
    lock = ProcessLock(folder / ".converting.lock", "choose another folder")
    holder = None
    if ".converting.lock" in begun:
        with suppress(SdedgeError):  # a disk that cannot be written
            holder = lock.holder()
    if holder is not None:
        return f"{folder} is a bundle that process {holder} is converting now ({there}); wait for it."
    return f"{folder} is an unfinished bundle ({there}): its conversion was ended; run the same command again to go on."


def existing(path: str | Path) -> Path | None:
    """Returns `path`, its `~` expanded, when something is there; None for what is nowhere or is no path at all."""
    try:
        place = expanded(path)
        return place if os.path.exists(place) else None
    except (OSError, ValueError, RuntimeError):  # a half character or NUL, a user that there is not
        return None


def _snapshot(cached: Path) -> Path:
    reference = cached / "refs" / "main"
    names = [_text(reference).strip()] if reference.is_file() else []
    names += sorted(
        (entry.name for entry in (cached / "snapshots").iterdir() if entry.is_dir()),
        key=lambda name: (cached / "snapshots" / name).stat().st_mtime, reverse=True,
    )  # fmt: skip
    for name in names:
        snapshot = cached / "snapshots" / name
        if name and Path(name).name == name and os.path.isdir(snapshot):
            return snapshot
    raise ModelError(f"{cached} has no snapshot in it; its download did not finish, fetch it again.")


def _text(path: Path) -> str:
    return read_small(path, 1000)[:1000].decode("ascii", "replace").replace("\0", "")


def check_pipeline(folder: Path) -> None:
    """Raise ModelError when the folder's model_index.json says that it is another family."""
    index = folder / "model_index.json"
    if not index.exists():
        if not (folder / "unet").is_dir():
            if unfinished := unfinished_bundle(folder):
                raise ModelError(unfinished, field="model")
            raise ModelError(
                f"{folder} is not a model folder (no model_index.json, no unet); name a model folder or file."
            )
        return
    name = read_config(index, folder).get("_class_name", "")
    if not isinstance(name, str):
        raise ModelError(f"{index} does not say what the model is (_class_name); get the model again.")
    for start, family in _NOT_V1_PIPELINES.items():
        if name.startswith(start):
            raise ModelError(f"{folder} is {family} ({name[:80]!r}), not Stable Diffusion v1.")


def is_switched_off(folder: Path, component: str) -> bool:
    """Returns whether model_index.json says that the model goes without a component, as diffusers reads it: `[null, null]`,
    or null. The component's folder may be there all the same, with or without weights."""
    index = folder / "model_index.json"
    said = read_config(index, folder).get(component, "unsaid") if index.exists() else "unsaid"
    return said is None or (isinstance(said, list) and bool(said) and said[0] is None)


def read_config(path: Path, root: Path | None = None) -> dict[str, Any]:
    """Returns a JSON object from disk. Raises ModelError when it is missing, too large, not an object, or a link out of
    `root` (by default its own folder)."""
    check_inside(root or path.parent, path)
    config = read_json(read_small(path, _CONFIG_LIMIT), str(path), _CONFIG_LIMIT, remedy="get the model again")
    if not isinstance(config, dict):
        raise ModelError(f"{path} is not a JSON object; get the model again.")
    return config


def open_component(folder: Path, ema: bool | None, root: Path | None = None) -> ComponentFiles:
    """Opens the weights of one component folder. Safetensors before pickles, full precision before the fp16 variant;
    `ema=False` prefers a `non_ema` variant where there is one, as the 1.5 repository has. Links stay inside `root`, by default
    the folder itself. Raises ModelError."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing; the model is incomplete, get it again.")
    variants = [".non_ema", "", ".fp16"] if ema is False else ["", ".fp16", ".non_ema"]
    report: list[str] = []
    for variant in variants:
        for suffix in (".safetensors", ".bin"):
            for stem in _STEMS:
                weights = _weights(folder, stem, variant, suffix)
                if weights is None:
                    continue
                if variant:
                    report.append(f"{folder.name}: the {variant[1:]} variant used")
                check_inside(root or folder, weights)
                return ComponentFiles(dict(unscaled(open_tensors(weights, root or folder))), report)
    raise ModelError(
        f"{folder} has no weights (such as {_STEMS[0]}.safetensors); the model is incomplete, get it again."
    )


def _weights(folder: Path, stem: str, variant: str, suffix: str) -> Path | None:
    names = [f"{stem}{variant}{suffix}", f"{stem}{variant}{suffix}.index.json"]
    if variant:
        names.append(f"{stem}{suffix}.index{variant}.json")
    for name in names:
        path = folder / name
        if path.is_file():
            return path
        if path.is_symlink():
            raise ModelError(f"{path} points to a file that is not there; its download did not finish, fetch it again.")
    return None


def find_tokenizer(model: Path) -> Path | None:
    """Returns a vocabulary beside a model: a folder with `tokenizer.json`, or `vocab.json` and `merges.txt`, or CLIP's BPE
    file.
    """
    places = (
        [model / "tokenizer"] if model.is_dir() else [model.with_suffix(""), model.parent / "tokenizer", model.parent]
    )
    for place in places:
        if holds_tokenizer(place):
            return place
    beside = (model if model.is_dir() else model.parent) / BPE_NAME
    return beside if beside.is_file() else None
