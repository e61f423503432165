"""Finds the files that a picture was drawn with, by hash and then by name, and says which are missing. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sdedge.controls import Control
from sdedge.errors import InvalidRequest, Remedy, SdedgeError
from sdedge.images.metadata_fields import Metadata, Resource, Unhonoured
from sdedge.images.naming import last_part
from sdedge.library.adapters import embedding_files, embedding_names, look_up_lora, loras
from sdedge.library.file_hashes import hashes_of, hashes_of_all
from sdedge.library.models import Library
from sdedge.library.safe_settings import is_path, library_names, recorded_hashes, safe_settings
from sdedge.passes import ENLARGERS, Pass
from sdedge.text.clean import shown
from sdedge.text.tags import lora_tags, unescaped

_TAG = re.compile(r"<(lora|lyco):([^<>:]{1,1024})((?::[^<>]*)?)>", re.I)
_HEXADECIMAL = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class MissingFile:
    """What a picture needs and is not here: its role, its name and hash as the picture gives them, and what to do."""

    role: str
    name: str
    hash: str
    reason: str


@dataclass
class NeededFiles:
    """The settings of a picture in which everything names what is installed here, and what could not be found."""

    fields: dict[str, Any]
    missing: list[MissingFile] = field(default_factory=list)
    unhonoured: list[Unhonoured] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def lack(self, role: str, name: str, hash: str, reason: str) -> None:
        """Lists a file as missing."""
        self.missing.append(MissingFile(role, name, hash, reason))


def find_files(recorded: Metadata, chosen: Mapping[str, Any]) -> NeededFiles:
    """Returns the picture's settings with the names of what is installed; `chosen` are fields that a person sets in their place.

    A path in the picture is never opened: models are looked up by their hash, then by their name or the last part of their path.
    """
    needed = NeededFiles({**recorded.fields, **chosen})
    for role in ("model", "vae"):
        if role not in chosen:
            _find_model(needed, recorded, role)
    if "prompt" not in chosen:
        _find_loras(needed, recorded)
        _find_embeddings(needed, recorded)
    if "controls" not in chosen:
        _find_controls(needed, recorded)
    for name in {"passes", "regions"} & needed.fields.keys() - chosen.keys():
        safe, sentences = safe_settings({name: needed.fields[name]}, library_names)
        needed.fields[name] = safe.get(name, ())
        needed.unhonoured += [Unhonoured(name, "", sentence) for sentence in sentences]
    if "passes" not in chosen:
        _find_pass_models(needed)
    return needed


def _find_pass_models(needed: NeededFiles) -> None:
    """Lists the upscalers and detectors of passes that are not installed."""
    from sdedge.library.detectors import find_detector
    from sdedge.library.upscalers import find_upscaler
    from sdedge.weights.folders import existing

    passes: tuple[Pass, ...] = needed.fields.get("passes") or ()
    upscalers = [each.enlarge.by for each in passes if each.enlarge is not None and each.enlarge.by not in ENLARGERS]
    detectors = [each.boxes.model for each in passes if each.boxes is not None]
    for role, names, find in (("upscaler", upscalers, find_upscaler), ("detector", detectors, find_detector)):
        for name in dict.fromkeys(names):
            if existing(name) is not None:  # in the folder where the command runs, by chance or by design
                needed.lack(role, name, "", f"The {role} is a path in the picture, and none is opened out of one.")
                continue
            try:
                find(name)
            except SdedgeError as error:
                needed.lack(role, name, "", str(error))


def _resource(recorded: Metadata, role: str, name: str) -> Resource:
    """Returns what the picture tells of a file of this name; of a model or VAE, of the only one."""
    candidates = [each for each in recorded.resources if each.role == role]
    alone = candidates[0] if role in ("model", "vae") and candidates else Resource(role, name)
    wanted = last_part(name).casefold()
    return next((each for each in candidates if last_part(each.name).casefold() == wanted), alone)


def _digits(hash: str) -> str:
    """Returns a hash that can be looked up here; "" for one of another kind, such as BLAKE3."""
    return hash if _HEXADECIMAL.fullmatch(hash) else ""


def _find_model(needed: NeededFiles, recorded: Metadata, role: str) -> None:
    name = str(needed.fields.get(role) or "")
    resource = _resource(recorded, role, name)
    hash = resource.hash or recorded_hashes(recorded.details).get(role, "")
    if not (name or hash):
        if role == "model":
            reason = "The picture does not name its model; the default one is used."
            needed.unhonoured.append(Unhonoured("model", "", reason))
        return
    by_hash = library_names(_digits(hash)) if _digits(hash) else None
    names = [each for each in (name if not is_path(name) else "", last_part(name)) if each]
    installed_name = by_hash or next((known for each in names if (known := library_names(each))), None)
    if installed_name is None:
        what, give = ("VAE", Remedy.GIVE_VAE) if role == "vae" else (role, Remedy.GIVE_MODEL)
        needed.fields.pop(role, None)
        needed.lack(
            role,
            name,
            hash,
            f"The {what} is not installed; {Remedy.ADD_CONTROL}, or {give}.",
        )
        return
    needed.fields[role] = installed_name
    if by_hash is None and _digits(hash) and not ((own := _own_hash(installed_name)) or "").startswith(hash):
        is_another = f"is another file: its hash is {(own or '')[:10]}, and the picture's {hash}"
        is_unknown = f"may be another file: its hash is not known, and the picture's is {hash}"
        said = is_unknown if own is None else is_another
        needed.unhonoured.append(Unhonoured(role, name, f"The installed {role} of this name {said}."))


def _own_hash(name: str) -> str | None:
    library = Library()
    try:
        model = library.find(name)
        return model.sha256 if model.short_hash else None
    except SdedgeError:
        return None
    finally:
        library.close()


def _find_loras(needed: NeededFiles, recorded: Metadata) -> None:
    """Writes each LoRA's tag with the name of the installed file that it is."""
    prompt = str(needed.fields.get("prompt") or "")
    names: dict[str, str | None] = {}
    for tag in lora_tags(prompt):
        if tag.lora is None:
            needed.unhonoured.append(Unhonoured("lora", tag.text, tag.fault))
            needed.fields["prompt"] = prompt = prompt.replace(tag.text, "")
            continue
        plain = last_part(unescaped(tag.name))
        names[tag.name] = _installed_lora(needed, plain, _digits(_resource(recorded, "lora", plain).hash))
    if names:
        needed.fields["prompt"] = _TAG.sub(lambda match: _retagged(match, names), prompt).strip()


def _retagged(match: re.Match[str], names: Mapping[str, str | None]) -> str:
    name = names.get(match[2].strip(), match[2])
    return "" if name is None else f"<{match[1]}:{name}{match[3]}>"


def _installed_lora(needed: NeededFiles, name: str, hash: str) -> str | None:
    """Returns the name of the installed LoRA of this hash, else of this name; None, and a missing file, without."""
    try:
        path: Path | None = look_up_lora(name).path if name and not is_path(name) else None
    except InvalidRequest:
        path = None
    if path is not None and (not hash or hashes_of(path).fit(hash)):
        return name
    if hash:
        known = hashes_of_all(loras().values())
        same = next((each for each, its in loras().items() if known[its].fit(hash)), None)
        if same is not None:
            needed.notices.append(f"The LoRA {shown(name)} is the installed {shown(same)}, by its hash.")
            return same
    if path is not None:
        own = hashes_of(path).tensors[:12]
        reason = f"The installed LoRA of this name is another file: its hash is {own}, and the picture's {hash}."
        needed.unhonoured.append(Unhonoured("lora", name, reason))
        return name
    needed.lack("lora", name, hash, f"The LoRA is not installed; {Remedy.ADD_CONTROL}.")
    return None


def _find_embeddings(needed: NeededFiles, recorded: Metadata) -> None:
    files = embedding_files()
    used = embedding_names([str(needed.fields.get(name) or "") for name in ("prompt", "negative")])
    for resource in (each for each in recorded.resources if each.role == "embedding"):
        hash = _digits(resource.hash)
        path = next((files[name] for name in used if name.casefold() == last_part(resource.name).casefold()), None)
        if path is not None and hash and not (own := hashes_of(path)).fit(hash):
            said = f"its hash is {own.file[:12]}, and the picture's {hash}"
            reason = f"The installed embedding of this name is another file: {said}."
            needed.unhonoured.append(Unhonoured("embedding", resource.name, reason))
        elif path is None:
            same = next((name for name, file in files.items() if hash and hashes_of(file).fit(hash)), None)
            advice = f"it is here under the name {same}: rename its file" if same else Remedy.ADD_CONTROL
            needed.lack(
                "embedding", resource.name, resource.hash, f"The embedding is not installed by this name; {advice}."
            )


def _find_controls(needed: NeededFiles, recorded: Metadata) -> None:
    """Keeps the controls whose model is installed and whose hint is kept here; the others are missing."""
    from sdedge.library.bundle_controls import names_with_converted
    from sdedge.library.hints import is_stored

    usable: list[Control] = []
    installed = names_with_converted(needed.fields.get("model"))
    for control in needed.fields.get("controls") or ():
        resource = _resource(recorded, "control", control.model)
        tries = (_digits(resource.hash), control.model if not is_path(control.model) else "", last_part(control.model))
        model = next((known for each in tries if each and (known := installed(each))), None)
        if model is None:
            reason = f"The control model is not installed; {Remedy.ADD_CONTROL}."
            needed.lack("control", last_part(control.model), resource.hash, reason)
        elif control.hint is None or not all(
            is_stored(each) for each in (control.hint, control.mask) if each is not None
        ):
            reason = f"The hint of {shown(model)} is not in the file, and no path out of a picture is opened."
            needed.lack("hint", control.hint or "", "", reason)
        else:
            usable.append(replace(control, model=model))
    if "controls" in needed.fields:
        needed.fields["controls"] = tuple(usable)
