"""Installed models of one role by what people call them: a name, a hash, or a part of a name that no other has. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdedge.errors import InvalidRequest, MissingModel, Remedy
from sdedge.library.models import Library, Model
from sdedge.text.clean import shown
from sdedge.text.names import alike
from sdedge.weights.folders import existing


def installed(role: str) -> list[Model]:
    """Returns the installed models of a role."""
    library = Library()
    try:
        return [model for model in library.models() if model.role == role]
    finally:
        library.close()


def named(name: str, models: list[Model], what: str, field: str) -> Model | None:
    """Returns the one of these models that is meant by a name; None for none.

    Raises InvalidRequest where it may be several; `what` they are, and the `field` at fault, are for that.
    """
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
            raise InvalidRequest(f"The {what} {shown(name)} may be {names}; write more of its name.", field=field)
        if matches:
            return matches[0]
    return None


@dataclass(frozen=True)
class Named:
    """A network of a role as somebody called it.

    `full_name` is what other programs' name of it stands for; `always` are names that need no file, which the error lists too.
    """

    name: str
    role: str
    remedy: Remedy
    full_name: str = ""
    always: Sequence[str] = ()

    def file(self) -> Path:
        """Returns its file: a path that is there, or an installed one as `named` finds it.

        Raises MissingModel, with the remedy, for none, and InvalidRequest for several.
        """
        if (path := existing(self.name)) is not None:
            return path
        library = Library()
        try:
            return library.locate(self._installed().name)
        finally:
            library.close()

    def whole_name(self) -> str:
        """Returns the whole name that it is installed under, and a path that is there as it is. Raises as `file`."""
        return self.name if existing(self.name) is not None else self._installed().name

    def _installed(self) -> Model:
        models = installed(self.role)
        if (model := named(self.full_name or self.name, models, self.role, "")) is not None:
            return model
        if "/" in self.name or os.sep in self.name:
            raise MissingModel(f"There is no file {shown(self.name)}; check its path.")
        names = [*self.always, *(model.name for model in models[:20])]
        missing = f"There is no {self.role} {shown(self.name)}"
        if near := alike(self.name, names):
            raise MissingModel(f"{missing}; did you mean {near}?")
        known = "known" if self.always else "installed"
        there = f"{known}: {', '.join(names)}" if names else "none is installed"
        raise MissingModel(f"{missing} ({there}); {self.remedy}, or give its path.", remedy=self.remedy)
