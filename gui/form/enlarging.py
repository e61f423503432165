"""What is done with a picture after it was drawn, as the form shows it: enlarged, drawn anew, its faces again. No Qt.

A request has any list of passes; the form shows the first that enlarges and the first that a detector leads. The others stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from gui.form.model import FormModel, FormPart
from gui.languages.texts import tr
from gui.look.readable import shortest
from sdedge.errors import InvalidRequest
from sdedge.field_types import Float, Text
from sdedge.pass_parts import BY_PLACE, DETAIL, HIRES, PARTS
from sdedge.passes import ENLARGERS, MAX_SCALE, Changes, Enlargement, Pass

HIRES_PART, DETAIL_PART = "hires:", "detail:"
"""Names of the form's parts, or what they begin with."""
HIRES_FURTHER = ("size", "sampler", "schedule", "negative")
DETAIL_FURTHER = (
    "only", "most", "dilate", "blur", "padding", "right", "up", "steps", "guidance", "sampler", "schedule", "negative",
)  # fmt: skip
"""Settings that stand in a fold of their own."""
FOLD = "enlarge"
NONE = "none"
SMALLEST = 1.0


class Enlarging(StrEnum):
    """What becomes of the picture."""

    OFF = "off"
    ONLY = "only"
    REDRAWN = "redrawn"


def enlarging_pass(passes: tuple[Pass, ...]) -> Pass | None:
    """Returns the pass that the form shows as enlarging."""
    return next((each for each in passes if each.enlarge is not None and each.boxes is None), None)


def detail_pass(passes: tuple[Pass, ...]) -> Pass | None:
    """Returns the pass that the form shows as drawing again what a detector finds."""
    return next((each for each in passes if DETAIL.fits(each)), None)


def further_passes(passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
    """Returns the passes that the form does not show."""
    shown = enlarging_pass(passes), detail_pass(passes)
    return tuple(each for each in passes if not any(each is one_shown for one_shown in shown))


def enlarging(passes: tuple[Pass, ...]) -> Enlarging:
    """Returns what becomes of the picture."""
    each = enlarging_pass(passes)
    if each is None:
        return Enlarging.OFF
    return Enlarging.REDRAWN if HIRES.fits(each) else Enlarging.ONLY


def enlarged(passes: tuple[Pass, ...], how: Enlarging, upscaler: str = "lanczos") -> tuple[Pass, ...]:
    """Returns the passes of which the one that enlarges is another; one that was not there begins as usual, by the `upscaler`
    where nothing is drawn anew."""
    old = enlarging_pass(passes)
    if how == Enlarging.OFF:
        return _replaced(passes, old, None)
    enlarge = (old.enlarge if old else None) or Enlargement(by="latent" if how == Enlarging.REDRAWN else upscaler)
    if how == Enlarging.ONLY:
        by = upscaler if enlarge.is_latent else enlarge.by
        return _replaced(passes, old, Pass(Changes(strength=0.0), replace(enlarge, by=by)))
    changes = {name: value for name, value in (old or HIRES.new).changes.items() if name != "strength" or value}
    return _replaced(passes, old, Pass(Changes({**HIRES.new.changes, **changes}), enlarge))


def detailed(passes: tuple[Pass, ...], detector: str) -> tuple[Pass, ...]:
    """Returns the passes with this detector's; NONE takes it out."""
    old = detail_pass(passes)
    if detector == NONE:
        return _replaced(passes, old, None)
    return _replaced(passes, old, PARTS["detail"].put(old or DETAIL.new, detector))


def differs(passes: tuple[Pass, ...], names: tuple[str, ...], prefix: str) -> bool:
    """Returns whether any of these settings of a pass is not the usual one."""
    role, each = (DETAIL, detail_pass(passes)) if prefix == DETAIL_PART else (HIRES, enlarging_pass(passes))
    if each is None:
        return False
    rows = [BY_PLACE[role.name, name] for name in names]
    return any(row.value_in(each) != row.value_in(role.new) for row in rows)


def size_in_words(passes: tuple[Pass, ...], size: tuple[int, int] | None) -> str:
    """Returns what a picture of a size becomes, such as "512 × 512 becomes 1024 × 1024"; nothing where that is not known."""
    each = enlarging_pass(passes)
    if each is None or each.enlarge is None or size is None:
        return ""
    try:
        width, height = each.enlarge.target(size)
    except InvalidRequest:  # which drawing it says
        return ""
    return f"{size[0]} × {size[1]} → {width} × {height}"


def pass_in_words(each: Pass) -> str:
    """Returns what a pass that the form does not show does, as in "enlarged 2 times by latent (strength 0.5)"."""
    drawn = tr("drawn again") if each.boxes is None else tr("what {0} finds drawn again").format(each.boxes.model)
    done = [drawn] if each.enlarge is None or each.boxes is not None else []
    if (enlarge := each.enlarge) is not None:
        text = tr("enlarged {0} times by {1}") if enlarge.size is None else tr("enlarged to {2} × {3} by {1}")
        done.insert(0, text.format(shortest(enlarge.scale), enlarge.by, *(enlarge.size or ())))
    changes = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in each.changes.items())
    return ", ".join(done) + (f" ({changes})" if changes else "")


def add_parts(form: FormModel) -> None:
    """Makes fields of what the passes hold."""
    for name, part in PARTS.items():
        if name != DETAIL.makers[0]:
            prefix, find = (DETAIL_PART, detail_pass) if part.role is DETAIL else (HIRES_PART, enlarging_pass)
            form.parts[prefix + part.field] = _part(form, name, find)
    form.parts[HIRES_PART + "how"] = FormPart(
        Text(20), lambda: enlarging(form.passes), lambda how: {"passes": enlarged(form.passes, how)}, ("passes",), FOLD
    )
    form.parts[DETAIL_PART + "model"] = FormPart(
        Text(255), lambda: getattr(getattr(detail_pass(form.passes), "boxes", None), "model", NONE),
        lambda name: {"passes": detailed(form.passes, name)}, ("passes",), FOLD,
    )  # fmt: skip


def _part(form: FormModel, name: str, find: Callable[[tuple[Pass, ...]], Pass | None]) -> FormPart:
    part = PARTS[name]
    optional = part.field == "size" or (part.place[0] == "changes" and part.field != "strength")

    def read() -> Any:
        each = find(form.passes)
        return _resting(name) if each is None else part.value_in(each)

    def put(value: Any) -> dict[str, Any]:
        each = find(form.passes)
        return {} if each is None else {"passes": _replaced(form.passes, each, part.put(each, value))}

    # A strength of 0 is another choice of what becomes of the picture, and the beginning of many a number.
    own = {"hires": Float(SMALLEST, MAX_SCALE, "2"), "hires_strength": Float(0.01, 1, "0.5")}
    type = own.get(name, part.type)
    return FormPart(type, read, put, ("passes",), FOLD, optional)


def _resting(name: str) -> Any:
    """Returns what a control shows that nobody sees, since there is no such pass."""
    part = PARTS[name]
    return part.value_in(DETAIL.new if part.role is DETAIL else HIRES.new)


def _replaced(passes: tuple[Pass, ...], old: Pass | None, new: Pass | None) -> tuple[Pass, ...]:
    """Returns the passes with one in another's place; a new one of a detector comes last, any other first."""
    if old is None:
        return passes if new is None else (*passes, new) if new.boxes is not None else (new, *passes)
    at = next(number for number, each in enumerate(passes) if each is old)
    return (*passes[:at], *([] if new is None else [new]), *passes[at + 1 :])


def pixel_enlargers() -> list[str]:
    """Returns the enlargers that need no model and work on pixels."""
    return [name for name, row in ENLARGERS.items() if not row.is_latent]
