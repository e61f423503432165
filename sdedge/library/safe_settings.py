"""Settings that came out of a picture, made safe to draw with: no path in them is opened until a person gives it. No torch.

A picture may say anything of its making: a model at a path that freezes the program when opened, a LoRA on a network share.
What names something installed is kept; what names a place is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from sdedge.controls import Control
from sdedge.errors import Remedy
from sdedge.field_types import PathOrName
from sdedge.images.naming import last_part
from sdedge.library.hints import is_reference, is_stored
from sdedge.passes import Changes, Pass
from sdedge.regions import Region
from sdedge.request_fields import FIELDS
from sdedge.text.clean import shown
from sdedge.text.tags import path_tags, unescaped
from sdedge.text.wildcards import escape

Installed = Callable[[str], str | None]
"""From a name or hash to the name of what is installed so, or None; opens nothing by that name."""

PATH_FIELDS = tuple(row.name for row in FIELDS.values() if isinstance(row.type, PathOrName))
_PATHLIKE = re.compile(r"[/\\]|^~|^\.\.?$|^[A-Za-z]:")
_WITHOUT = ", so the picture is drawn without this control and will differ"
_WITHOUT_REGION = ", so the picture is drawn without this region and will differ"
_LORA = re.compile(r"<((?:lora|lyco):)([^<>]*)>", re.I)


def is_path(name: str) -> bool:
    """Returns whether a name leads somewhere in a file system, rather than being looked up among what is installed."""
    return _PATHLIKE.search(name) is not None


def unconfirmed_paths(settings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Field -> paths in the settings that a person has not given; a picture to start from and a mask always are some.

    "lora" stands for the tags of both prompts.
    """
    paths: dict[str, tuple[str, ...]] = {}
    for name in PATH_FIELDS:
        value = settings.get(name)
        if isinstance(value, str) and (name in ("image", "mask") or is_path(value)):
            paths[name] = (value,)
    controls = [path for control in settings.get("controls") or () for path in _control_paths(control)]
    if controls:
        paths["controls"] = tuple(dict.fromkeys(controls))
    passes: tuple[Pass, ...] = settings.get("passes") or ()
    upscalers = tuple(each.enlarge.by for each in passes if each.enlarge is not None and is_path(each.enlarge.by))
    detectors = tuple(each.boxes.model for each in passes if each.boxes is not None and is_path(each.boxes.model))
    if upscalers or detectors:
        paths["passes"] = (*upscalers, *detectors)
    texts = (settings, *(each.changes for each in passes))
    prompts = "\n".join(str(text.get(name) or "") for text in texts for name in ("prompt", "negative"))
    masks = [region.mask for region in settings.get("regions") or () if region.mask and not is_reference(region.mask)]
    if masks:
        paths["regions"] = tuple(dict.fromkeys(masks))
    tags = tuple(dict.fromkeys(path_tags(prompts)))
    return paths | ({"lora": tags} if tags else {})


def safe_settings(
    settings: Mapping[str, Any],
    installed: Installed,
    named_fields: Collection[str] = (),
    hashes: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Request fields without unconfirmed paths, and a sentence for each that was changed or left out.

    `named_fields` are the fields that the person sets himself, which are left out without a word. A model or VAE is kept by its
    installed name, looked up by its name, by the last part of its path, or by its hash in `hashes` (field -> hash). A LoRA
    tag keeps the last part of its path, which is looked up among the installed. `image` and `mask` are always left out, and
    `outpaint` with them unless an image is given. Of the controls those stay whose model is installed and whose hint is kept by
    its content; of the regions those with no mask, or one that is kept so.
    """
    safe = {name: value for name, value in settings.items() if name not in named_fields}
    notices: list[str] = []
    for name in ("model", "vae"):
        if isinstance(value := safe.get(name), str):
            _installed_only(safe, name, value, (hashes or {}).get(name), installed, notices)
    for name, option in (("image", "--image"), ("mask", "--mask")):
        if (value := safe.pop(name, None)) is not None:
            notices.append(
                f"It was drawn from the {name} {shown(value)}, which is not opened unasked; give it with {option}."
            )
    if "image" not in named_fields and safe.pop("outpaint", None) is not None:
        notices.append("Its edges to outpaint need the picture it was drawn from.")
    if safe.get("controls"):
        safe["controls"] = tuple(
            control for each in safe["controls"] if (control := _safe_control(each, installed, notices))
        )
    if safe.get("regions"):
        safe["regions"] = tuple(
            replace(region, prompt=_installed_loras(region.prompt, notices))
            for region in safe["regions"]
            if _is_safe_region(region, notices)
        )
    for name in ("prompt", "negative"):
        if isinstance(value := safe.get(name), str):
            safe[name] = _installed_loras(value, notices)
    if safe.get("passes"):
        safe["passes"] = tuple(_safe_pass(each, notices) for each in safe["passes"])
    return safe, tuple(notices)


def _safe_pass(each: Pass, notices: list[str]) -> Pass:
    """Returns a pass whose prompts and upscaler name what is installed, and no path."""
    changes = {
        name: _installed_loras(value, notices) if name in ("prompt", "negative") and isinstance(value, str) else value
        for name, value in each.changes.items()
    }
    enlarge = each.enlarge
    if enlarge is not None and is_path(enlarge.by):
        enlarge = replace(enlarge, by=last_part(enlarge.by))
        notices.append(
            f"The upscaler is looked up by its name {shown(enlarge.by)}; no path out of a picture is opened."
        )
    boxes = each.boxes
    if boxes is not None and is_path(boxes.model):
        boxes = replace(boxes, model=last_part(boxes.model))
        notices.append(
            f"The detector is looked up by its name {shown(boxes.model)}; no path out of a picture is opened."
        )
    return replace(each, changes=Changes(changes), enlarge=enlarge, boxes=boxes)


def _control_paths(control: Control) -> list[str]:
    hints = [hint for hint in (control.hint, control.mask) if hint is not None and not is_reference(hint)]
    return hints + ([control.model] if is_path(control.model) else [])


def missing_control(settings: Mapping[str, Any], installed: Installed) -> str | None:
    """Returns the name of a control model that is all that is wanting, since its hint is kept here; None without."""
    for control in settings.get("controls") or ():
        has_pictures = all(hint is None or is_stored(hint) for hint in (control.hint, control.mask))
        if control.hint is not None and has_pictures and _control_model(control, installed) is None:
            return last_part(control.model) if is_path(control.model) else control.model
    return None


def _control_model(control: Control, installed: Installed) -> str | None:
    """Returns the installed model that a control names, or whose file its path ends in."""
    names = (control.model, last_part(control.model))[is_path(control.model) :]
    return next((known for name in names if name and (known := installed(name))), None)


def _safe_control(control: Control, installed: Installed, notices: list[str]) -> Control | None:
    """Returns a control that opens nothing but what is installed and kept here; None, and a sentence, for any other."""
    model = _control_model(control, installed)
    if model is None:
        notices.append(
            f"Its control model {shown(control.model)} is not installed, and no path out of a picture is opened{_WITHOUT}; "
            f"{Remedy.ADD_CONTROL}."
        )
        return None
    for what, hint in (("hint", control.hint), ("mask", control.mask)):
        if hint is not None and not is_stored(hint):
            notices.append(
                f"The control {shown(model)} had the {what} {shown(hint)}, which is not opened unasked{_WITHOUT}; "
                f"{Remedy.GIVE_CONTROL}."
            )
            return None
    if control.hint is None:
        notices.append(
            f"The control {shown(model)} had a hint that is not in the file{_WITHOUT}; {Remedy.GIVE_CONTROL}."
        )
        return None
    return replace(control, model=model)


def _is_safe_region(region: Region, notices: list[str]) -> bool:
    """Returns whether a region opens nothing but a mask that is kept here; False, and a sentence, for any other."""
    if region.mask is None or is_stored(region.mask):
        return True
    notices.append(
        f"The region {shown(region.prompt)} had the mask {shown(region.mask)}, which is not opened unasked{_WITHOUT_REGION}; "
        f"{Remedy.GIVE_REGION}."
    )
    return False


def library_names(name: str) -> str | None:
    """`Installed` for this machine's library: the embedded model, and every model and VAE by name or hash."""
    from sdedge.errors import ModelError
    from sdedge.library.models import EMBEDDED, Library

    if name == EMBEDDED:
        return name
    library = Library()
    try:
        return library.find(name).name
    except ModelError:
        return None
    finally:
        library.close()


def recorded_hashes(details: Mapping[str, Any]) -> dict[str, str]:
    """Returns the hashes of model and VAE that a picture records, ours or A1111's, for `safe_settings`."""
    keys = {"model": ("model_hash", "Model hash"), "vae": ("vae_hash", "VAE hash")}
    hashes = {name: next((details[key] for key in names if key in details), None) for name, names in keys.items()}
    return {name: value for name, value in hashes.items() if isinstance(value, str)}


def _installed_only(
    safe: dict[str, Any], name: str, value: str, hash: str | None, installed: Installed, notices: list[str]
) -> None:
    names = [value] if not is_path(value) else []
    counterpart = next((known for key in (*names, hash, last_part(value)) if key and (known := installed(key))), None)
    what = "VAE" if name == "vae" else name
    if counterpart is None:
        del safe[name]
        notices.append(
            f"Its {what} {shown(value)} is not installed, and no path out of a picture is opened; choose one with --{name}."
        )
    elif counterpart != value:
        safe[name] = counterpart
        notices.append(f"Its {what} {shown(value)} is read as the installed {shown(counterpart)}.")


def _installed_loras(prompt: str, notices: list[str]) -> str:
    def named(match: re.Match[str]) -> str:
        paths = path_tags(match[0])
        if not paths:
            return match[0]
        (path,) = paths
        name = last_part(unescaped(path))
        if not name or is_path(name):
            notices.append(f"The LoRA {shown(path)} is a path and is left out.")
            return ""
        notices.append(
            f"The LoRA {shown(path)} is looked up by its name {shown(name)}; no path out of a picture is opened."
        )
        return f"<{match[1]}{name}{match[2][len(path) :]}>"

    return _LORA.sub(named, escape(prompt))  # a wildcard could make a tag only when it is chosen
