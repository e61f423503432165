"""Control models by the names that requests use: installed ones, or paths that a person typed. No torch."""

from __future__ import annotations

from pathlib import Path

from sdedge.errors import InvalidRequest
from sdedge.library.models import Library, Model
from sdedge.text.clean import shown
from sdedge.weights.folders import existing, locate

ROLE = "control"


def installed_controls() -> list[Model]:
    """Returns the installed control models."""
    library = Library()
    try:
        return [model for model in library.models() if model.role == ROLE]
    finally:
        library.close()


def find_control(name: str) -> Path:
    """Returns the file or folder of a control model: a path that is there, an installed one by its name or hash, or by a part
    of its name that no other has ("canny" for control_v11p_sd15_canny).

    Raises InvalidRequest for none and for several, ModelError for one that is gone.
    """
    if (path := existing(name)) is not None:
        return locate(path)
    models = installed_controls()
    if (model := _named(name, models)) is None:
        known = ", ".join(model.name for model in models[:20])
        there = f"installed are {known}" if known else "none is installed"
        raise InvalidRequest(
            f"There is no control model {shown(name)} ({there}); add its file with `sdedge models add`, or give its path.",
            field="controls",
        )
    library = Library()
    try:
        return library.locate(model.name)
    finally:
        library.close()


def _named(name: str, models: list[Model]) -> Model | None:
    wanted = name.casefold()
    tries = (
        lambda model: model.name == name,
        lambda model: len(wanted) >= 8 and wanted in (model.legacy_hash, model.sha256[: max(len(wanted), 10)]),
        lambda model: model.name.casefold() == wanted,
        lambda model: wanted in model.name.casefold(),
    )
    for fits in tries:
        matches = [model for model in models if fits(model)]
        if len(matches) > 1:
            names = " and ".join(model.name for model in matches[:4])
            raise InvalidRequest(
                f"The control model {shown(name)} may be {names}; write more of its name.", field="controls"
            )
        if matches:
            return matches[0]
    return None
