"""Requests out of a socket: they name what is installed, and no path of this machine."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.library.control_models import installed_controls
from sdedge.library.few_steps import suited
from sdedge.library.hints import is_stored
from sdedge.library.models import Library, Model
from sdedge.library.safe_settings import is_path, library_names
from sdedge.request import Request
from sdedge.text.clean import shown
from sdedge.text.tags import path_tags

_HASH_BEHIND = re.compile(r"\[[0-9a-f]{8,64}\]$", re.I)
_TAG = re.compile(r"<(?:lora|lyco|hypernet):[^<>{}|]*>", re.I)


def model_name(text: str, field: str = "model") -> str:
    """Returns the installed model that a client names: by name, hash, or "name [hash]" as lists show it. Raises ModelError."""
    names = (text.strip(), _HASH_BEHIND.sub("", text.strip()).strip())
    for name in dict.fromkeys(names):
        for candidate in dict.fromkeys((name, re.sub(r"\.(safetensors|ckpt)$", "", name, flags=re.I))):
            if candidate and not is_path(candidate) and (known := library_names(candidate)) is not None:
                return known
    raise ModelError(
        f"There is no model {shown(text)} installed here; {Remedy.SEE_MODELS}.", field=field, remedy=Remedy.SEE_MODELS
    )


def control_name(text: str) -> str:
    """Returns the installed control model that a client names. Raises ModelError."""
    wanted = _HASH_BEHIND.sub("", text.strip()).strip().casefold()
    names = [model.name for model in installed_controls()]
    exact = [name for name in names if name.casefold() == wanted]
    matches = exact or [name for name in names if wanted and wanted in name.casefold()]
    if len(matches) == 1:
        return matches[0]
    there = f"installed are {', '.join(names[:20])}" if names else "none is installed"
    raise ModelError(
        f"There is no control model {shown(text)} ({there}); {Remedy.ADD_CONTROL}.",
        field="controls",
        remedy=Remedy.ADD_CONTROL,
    )


def checked_request(fields: Mapping[str, Any], chosen: Collection[str]) -> tuple[Request, str]:
    """Returns a request made of a client's fields, and a sentence of what suits a few-step model where nobody chose.

    `image` and `mask` are paths that this server chose. Raises InvalidRequest and ModelError for anything that leads to a file.
    """
    request = Request(**fields)
    request = request.replace(model=model_name(request.model))
    if request.vae is not None:
        request = request.replace(vae=model_name(request.vae, "vae"))
    for name in ("prompt", "negative"):
        check_tags(getattr(request, name), name)
    for region in request.regions:
        check_tags(region.prompt, "regions")
        if region.mask is not None and not is_stored(region.mask):
            raise InvalidRequest(
                f"The region's mask {shown(region.mask)} is a path, and no file is opened by its path here; give an area.",
                field="regions",
            )
    return suited(request, chosen)


def check_tags(prompt: str, field: str) -> None:
    """Raises InvalidRequest for a tag that is a path, or that wildcards could put together into one."""
    if paths := path_tags(prompt):
        raise InvalidRequest(
            f"The LoRA {shown(paths[0])} is a path, and no file is opened by its path here; give the name of an installed one.",
            field=field,
        )
    if ("{" in prompt or "__" in prompt) and "<" in _TAG.sub("", prompt):
        raise InvalidRequest(
            "A wildcard may not stand inside of a tag here; write the tag in full, as in {<lora:name:1>|}.", field=field
        )


def installed_models() -> list[Model | None]:
    """Returns the installed models that draw; None stands for the embedded one, which comes first."""
    library = Library()
    try:
        return [None, *(model for model in library.models() if model.role == "model")]
    finally:
        library.close()


def installed_vaes() -> list[Model]:
    """Returns the installed VAEs."""
    library = Library()
    try:
        return [model for model in library.models() if model.role == "vae"]
    finally:
        library.close()


def numbered(request: Request, batch: int, iterations: int) -> list[Request]:
    """Returns a request for each of so many jobs of `batch` pictures, whose seeds go on from one to the next."""
    return [request.numbered(i * batch) for i in range(iterations)]
