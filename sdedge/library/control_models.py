"""Control models by the names that requests use: installed ones, or paths that a person typed. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sdedge.control_syntax import unread
from sdedge.controls import Control
from sdedge.errors import InvalidRequest, MissingModel, Remedy
from sdedge.images.opening import opened
from sdedge.library.bundle_controls import bundle_of, find_converted
from sdedge.library.by_name import installed, named
from sdedge.library.hints import hint_path, keep_hint
from sdedge.library.models import Library, Model
from sdedge.places import expanded
from sdedge.preprocessors import is_preprocessing
from sdedge.request import Request
from sdedge.text.clean import shown
from sdedge.weights.control import open_control
from sdedge.weights.folders import existing, locate
from sdedge.weights.hint_network import HintNetwork
from sdedge.weights.image_encoder import KIND as IMAGE_ENCODER

ROLE = "control"
_NUMBER = re.compile(r"[\d.,]+")


def installed_controls() -> list[Model]:
    """Returns the installed control models; image encoders, which IP-Adapters read pictures by, and networks that make hints
    are none."""
    return [model for model in installed(ROLE) if model.kind not in (IMAGE_ENCODER, *HintNetwork)]


def settled_controls(request: Request) -> Request:
    """Returns a request whose controls name installed models by their whole names, and hints and masks, those of regions too, by
    their content, which is kept here. For a model that is a bundle they name its own ControlNets. Raises as `find_control`,
    `find_converted` and `keep_hint`."""
    bundle = bundle_of(request.model) if request.controls else None
    if bundle is not None and bundle.kind == "coreml":
        named = [replace(control, model=find_converted(bundle, control.model).name) for control in request.controls]
    else:
        named = [replace(control, model=whole_name(control.model)) for control in request.controls]
        for control in named:  # all of them before any is kept: what is refused leaves nothing behind
            open_control(find_control(control.model))
    check_pictures(request)
    controls = tuple(
        replace(control, hint=control.hint and keep_hint(control.hint), mask=control.mask and keep_hint(control.mask))
        for control in named
    )
    regions = tuple(replace(region, mask=region.mask and keep_hint(region.mask)) for region in request.regions)
    return request.replace(controls=controls, regions=regions) if controls or regions else request


def check_pictures(request: Request) -> None:
    """Raises InvalidRequest for a hint or mask of a request's controls, or a mask of its regions, that is no picture."""
    for mask in (region.mask for region in request.regions if region.mask is not None):
        try:
            with opened(hint_path(mask)):
                pass
        except InvalidRequest as error:
            raise InvalidRequest(str(error), field="regions") from error
    for control in request.controls:
        for picture in filter(None, (control.hint, control.mask)):
            _check_picture(control, picture)


def _check_picture(control: Control, hint: str) -> None:
    """Raises InvalidRequest for a hint that is no picture: by name for a word of the control's text that passed for a part of it,
    because no such word may stand there."""
    path = next(filter(_is_there, _beginnings(hint)), "")
    is_missing = hint == control.hint and not _is_there(hint)
    if is_missing and (is_preprocessing(hint) or _NUMBER.fullmatch(hint)):
        raise InvalidRequest(
            f"There is no hint {shown(hint)}; write the hint before it, or leave its place empty for the picture to start "
            f"from, as in {control.model}::{hint}.",
            field="controls",
        )
    if path and is_missing:
        numbers = [f"{control.weight:g}"] * (control.weight != 1) + ["{:g}-{:g}".format(*control.span)] * (
            control.span != (0, 1)
        )
        parts = [hint[len(path) + 1 :], *filter(None, [control.preprocess]), *numbers]
        raise unread(path, ":".join(parts), "controls")
    try:
        with opened(hint_path(hint)):
            pass
    except InvalidRequest as error:
        raise InvalidRequest(str(error), field="controls") from error


def _beginnings(text: str) -> Iterator[str]:
    """Yields what stands before each of a text's colons, the longest first; a drive's letter is no path."""
    while ":" in text:
        text = text.rpartition(":")[0]
        if len(text) > 1:
            yield text


def _is_there(path: str) -> bool:
    """Returns whether a path that a person typed leads to a file."""
    with suppress(OSError, ValueError):
        return expanded(path).is_file()
    return False


def find_control(name: str) -> Path:
    """Returns the file or folder of a control model: a path that is there, an installed one by its name or hash, or by a part
    of its name that no other has ("canny" for control_v11p_sd15_canny).

    Raises ModelError for none, as for any model that is not there, and InvalidRequest for several.
    """
    if (path := existing(name)) is not None:
        return locate(path)
    library = Library()
    try:
        return library.locate(_installed(name).name)
    finally:
        library.close()


def whole_name(name: str) -> str:
    """Returns the name of the installed control model that is meant, or the path that it is. Raises as `find_control`."""
    return name if existing(name) is not None else _installed(name).name


def _installed(name: str) -> Model:
    models = installed_controls()
    if (model := named(name, models, "control model", "controls")) is None:
        known = ", ".join(model.name for model in models[:20])
        there = f"installed are {known}" if known else "none is installed"
        raise MissingModel(
            f"There is no control model {shown(name)} ({there}); {Remedy.ADD_CONTROL}, or give its path.",
            field="controls",
            remedy=Remedy.ADD_CONTROL,
        )
    return model
