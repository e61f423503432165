"""Controls as the form has them: rows of a request's controls, what is wrong with one, the command for its hint. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gui.languages.texts import tr
from gui.look.readable import shortest
from gui.shell.background import in_words
from sdedge.controls import Control, ControlMode, HintFit
from sdedge.errors import InvalidRequest
from sdedge.library.hints import hint_path, is_reference
from sdedge.preprocessors import PREPROCESSORS, Preprocessing, parse_preprocessing, settled

AS_IT_IS = ""
"""In place of a preprocessor's name: the picture is the hint."""
IP_ADAPTER = "ip-adapter"
"""The kind of a control model that reads what a picture shows."""


@dataclass(frozen=True)
class ControlRow:
    """The control with this number in the form; `get` and `put` are of all of them."""

    number: int
    get: Callable[[], tuple[Control, ...]]

    @property
    def control(self) -> Control | None:
        controls = self.get()
        return controls[self.number] if self.number < len(controls) else None

    def changed(self, **values: Any) -> dict[str, Any]:
        """Returns the form's field with this control changed."""
        if self.control is None:
            return {}
        controls = list(self.get())
        controls[self.number] = replace(controls[self.number], **values)
        return {"controls": tuple(controls)}

    def removed(self) -> dict[str, Any]:
        """Returns the form's field without this control."""
        return {"controls": tuple(each for number, each in enumerate(self.get()) if number != self.number)}

    # What its controls show

    @property
    def preprocessing(self) -> Preprocessing | None:
        control = self.control
        if control is None or control.preprocess is None:
            return None
        return parse_preprocessing(control.preprocess)

    @property
    def preprocessor(self) -> str:
        return AS_IT_IS if self.preprocessing is None else self.preprocessing.preprocessor.name

    @property
    def settings(self) -> str:
        """The settings of its preprocessor that differ from the usual ones, as in "low=50 high=150"."""
        return "" if self.preprocessing is None else self.preprocessing.text.partition(" ")[2]

    def with_preprocessor(self, name: str) -> dict[str, Any]:
        """Returns the form's field with another preprocessor, and its usual settings."""
        return self.changed(preprocess=name or None)

    def with_settings(self, text: str) -> dict[str, Any]:
        """Returns the form's field with these settings of its preprocessor. Raises InvalidRequest."""
        if not self.preprocessor:
            return {}
        return self.changed(preprocess=parse_preprocessing(f"{self.preprocessor} {text or ''}".strip()).text)

    def with_end(self, end: int, value: float) -> dict[str, Any]:
        """Returns the form's field with another first or last step, in fractions. Raises InvalidRequest for no range."""
        span = list(self.control.span if self.control else (0.0, 1.0))
        span[end] = value
        if span[0] >= span[1]:
            text = tr("It would act from {0} to {1} of the steps, which is no range; choose a smaller number first.")
            raise InvalidRequest(text.format(*map(shortest, span)))
        return self.changed(span=(span[0], span[1]))


def settings_example(name: str) -> str:
    """Returns the usual settings of a preprocessor, as in "low=100 high=200"; nothing where it has none."""
    rows = PREPROCESSORS[name].settings if name in PREPROCESSORS else ()
    return " ".join(f"{row.name}={row.default:g}" for row in rows)


def fault_of(control: Control, image: str | None) -> str:
    """Returns what keeps a control from being drawn with, in a sentence; nothing where all is well."""
    if fault := mask_fault(control.mask):
        return fault
    if control.hint is None:
        text = "" if image is not None else tr("{0} has no picture; choose one, or a picture to start from.")
        return text.format(control.model)
    try:
        path = hint_path(control.hint)
    except InvalidRequest as error:
        return in_words(error)
    return "" if path.is_file() else tr("There is no picture at {0} any more; choose another.").format(path)


def mask_fault(mask: str | None) -> str:
    """Returns what is wrong with where a control or a region acts, in a sentence; nothing where all is well."""
    if mask is None:
        return ""
    try:
        path = hint_path(mask)
    except InvalidRequest as error:
        return in_words(error)
    return "" if path.is_file() else tr("There is no mask at {0} any more; choose another.").format(path)


def picture_of(control: Control, image: str | None) -> Path | None:
    """Returns the picture that a control reads, None where there is none here."""
    if control.hint is None:
        return None if image is None else Path(image)
    return None if fault_of(control, image) else hint_path(control.hint)


def spoken_picture(control: Control) -> str:
    """Returns what a control's picture is called."""
    if control.hint is None:
        return ""
    return "" if is_reference(control.hint) else Path(control.hint).name


def hint_arguments(control: Control, picture: Path, size: tuple[int, int], out: Path) -> list[str] | None:
    """Returns the arguments of `sdedge` that write a control's hint; None where the picture is the hint."""
    if control.preprocess is None:
        return None
    chosen = parse_preprocessing(control.preprocess)
    usual = {} if chosen.preprocessor.by_network else settled(chosen.preprocessor, {}).values
    options = [f"--{name}={chosen.values[name]!r}" for name in usual if chosen.values[name] != usual[name]]
    if control.hint is not None and control.resize != HintFit.CROP:
        options.insert(0, f"--resize={control.resize}")
    return ["hint", chosen.preprocessor.name, f"--size={size[0]}x{size[1]}", *options, "--", str(picture), str(out)]


MODES = tuple(ControlMode)
FITS = tuple(HintFit)
