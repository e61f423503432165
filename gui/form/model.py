"""The form as data: every setting, what was typed that makes no sense, and the Request they come to. No Qt."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gui.form import regioning
from gui.form.controlling import fault_of
from gui.languages.texts import mark, tr
from gui.look.readable import as_python, shortest
from gui.shell.advice import for_the_window
from gui.shell.observable import Observable, Observed
from sdedge import catalog
from sdedge import sampler_options as options
from sdedge.catalog import MaskedContent, Preset, Speed
from sdedge.controls import Control
from sdedge.errors import InvalidRequest
from sdedge.field_rows import FormEntry
from sdedge.field_types import FieldType, Float, Integer, Side
from sdedge.guides import GuideChoice
from sdedge.passes import Pass
from sdedge.regions import Region
from sdedge.request import Request, Task
from sdedge.request_fields import FIELDS, SIZE, default, depends_on
from sdedge.text.clean import shown
from sdedge.text.tags import extract_loras, lora_tags, without_loras
from sdedge.windows import Windows

if TYPE_CHECKING:
    from gui.models.card import ModelCard

MAX_COUNT, MAX_BATCH = 1000, 64
SHOWN: dict[str, FormEntry] = {row.name: row.form for row in FIELDS.values() if isinstance(row.form, FormEntry)}
"""The request fields that have a control here, or several."""
_TYPES: dict[str, FieldType] = {name: FIELDS[name].type for name in SHOWN} | {
    "count": Integer(1, MAX_COUNT, "1"), "batch": Integer(1, MAX_BATCH, "1"),
}  # fmt: skip
EXPECTED = (
    mark("a value"), mark("text"), mark("a path or name"), mark("a whole number"), mark("a number"), mark("true or false"),
    mark("a name"), mark("a list of two numbers"), mark("a list of numbers"), mark("a list of four edges"), mark("a size"),
    mark("names between commas"), mark("a way to draw in windows"),
)  # fmt: skip
"""What types of fields say that they take."""
OPTION = "option:"
"""Before the name of a sampler's option, where fields are named."""
_SIZE = re.compile(r"(\d{1,6})\s*[x×*]\s*(\d{1,6})", re.I)


@dataclass(frozen=True)
class Wanted:
    """What pressing Generate asks for."""

    request: Request
    count: int
    batch: int


@dataclass(frozen=True)
class FormPart:
    """A value inside of a field's, such as a LoRA's weight in the prompt: a field of its own to whoever types it.

    read    returns it; `put` returns the fields that hold it when it is another
    fields  those it stands in
    fold    the form's section in which it is seen
    """

    type: FieldType
    read: Callable[[], Any]
    put: Callable[[Any], dict[str, Any]]
    fields: tuple[str, ...]
    fold: str
    optional: bool = False


class FormModel(Observable):
    """Settings of the next picture: every field of the table that has a place in the form, and a few of the form's own.

    A value is always valid; text that is not one waits in `typed`, its fault in `faults`, both by the field's name, so that
    nothing typed is ever lost.
    """

    prompt: Observed[str] = Observed(default("prompt"))
    negative: Observed[str] = Observed(default("negative"))
    model: Observed[str] = Observed(default("model"))
    width: Observed[int | None] = Observed(default("width"))
    height: Observed[int | None] = Observed(default("height"))
    steps: Observed[int] = Observed(default("steps"))
    guidance: Observed[float | None] = Observed(default("guidance"))
    seed: Observed[int | None] = Observed(default("seed"))
    seed_locked = Observed(False)
    count = Observed(1)
    batch = Observed(1)
    speed: Observed[Speed] = Observed(default("speed"))
    sampler: Observed[str] = Observed(default("sampler"))
    options: Observed[Mapping[str, Any]] = Observed(default("options"))
    """Of samplers, eta among them; one that is not there is what the sampler does by itself."""
    schedule: Observed[str | None] = Observed(default("schedule"))
    preset: Observed[Preset] = Observed(default("preset"))
    clip_skip: Observed[int] = Observed(default("clip_skip"))
    tiling: Observed[bool] = Observed(default("tiling"))
    variation_strength: Observed[float] = Observed(default("variation_strength"))
    image: Observed[str | None] = Observed(default("image"))
    strength: Observed[float] = Observed(default("strength"))
    mask: Observed[str | None] = Observed(default("mask"))
    guides: Observed[tuple[GuideChoice, ...]] = Observed(default("guides"))
    guidance_interval: Observed[tuple[float, float] | None] = Observed(default("guidance_interval"))
    controls: Observed[tuple[Control, ...]] = Observed(default("controls"))
    outpaint: Observed[tuple[int, int, int, int] | None] = Observed(default("outpaint"))
    regions: Observed[tuple[Region, ...]] = Observed(default("regions"))
    passes: Observed[tuple[Pass, ...]] = Observed(default("passes"))
    windows: Observed[Windows | None] = Observed(default("windows"))
    vae: Observed[str | None] = Observed(default("vae"))
    soft_mask: Observed[bool] = Observed(default("soft_mask"))
    mask_blur: Observed[float] = Observed(default("mask_blur"))
    match_colours: Observed[bool] = Observed(default("match_colours"))
    masked_content: Observed[MaskedContent] = Observed(default("masked_content"))
    mask_only: Observed[bool] = Observed(default("mask_only"))
    loras_off: Observed[frozenset[str]] = Observed(frozenset())
    """LoRAs whose tags stay in the prompt's text and are not drawn with."""
    carried: Observed[Mapping[str, Any]] = Observed({})
    """Request fields without a control here, as a restored picture had them."""

    card: Observed[ModelCard | None] = Observed(None)
    """What is known of the model, once it was read."""
    faults: Observed[Mapping[str, str]] = Observed({})
    typed: Observed[Mapping[str, str]] = Observed({})

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[str, FormPart] = {}
        """By a name with a colon in it, which no field has."""

    # Typing

    def type(self, name: str, text: str) -> None:
        """Takes what a person typed into a field. A fault is kept with the text, and the value stays as it was."""
        try:
            values = self._parse(name, text.strip())
        except InvalidRequest as error:
            with self.grouped():
                self.typed = {**self.typed, name: text}
                self.faults = {**self.faults, name: for_the_window(str(error))}
            return
        with self.grouped():
            self.put(**values)
            self._forget(name)

    def put(self, **values: Any) -> None:
        """Sets fields to valid values; what was typed there is forgotten.

        A fault of one sampler's option is none of another's.
        """
        sampler = values.get("sampler", self.sampler)
        gone = [name for name in self.faults if name.startswith(OPTION)] if sampler != self.sampler else []
        with self.grouped():
            for name, value in values.items():
                setattr(self, name, value)
            if "prompt" in values and self.loras_off:
                self.loras_off &= {tag.name for tag in lora_tags(self.prompt)}
            if "seed" in values:
                self.seed_locked = values["seed"] is not None
            self._forget(*values, *gone)

    def set_value(self, name: str, value: Any) -> None:
        """Sets a field or a part to a valid value."""
        with self.grouped():
            self.put(**(self.parts[name].put(value) if name in self.parts else {name: value}))
            self._forget(name)

    def value(self, name: str) -> Any:
        """Returns the value of a field or a part."""
        if name.startswith(OPTION):
            return self.own_options.get(name.removeprefix(OPTION))
        return self.parts[name].read() if name in self.parts else getattr(self, name)

    def fields_of(self, name: str) -> tuple[str, ...]:
        """Returns the fields that a part stands in; of a field, itself."""
        return self.parts[name].fields if name in self.parts else (name,)

    def forget_typed(self, prefix: str) -> None:
        """Forgets what was typed into parts whose names begin so: they stand for other values from now on."""
        self._forget(*[name for name in self.typed if name.startswith(prefix)])

    def _forget(self, *names: str) -> None:
        """Forgets what was typed into these fields."""
        self.typed = {name: text for name, text in self.typed.items() if name not in names}
        self.faults = {name: fault for name, fault in self.faults.items() if name not in names}

    def text(self, name: str) -> str:
        """Returns what a field shows: what was typed, or its value; nothing where it is left open."""
        if name in self.typed:
            return self.typed[name]
        value = self.value(name)
        if isinstance(value, tuple):
            return (self.parts[name] if name in self.parts else FIELDS[name]).type.format(value)
        return "" if value is None else shortest(value) if isinstance(value, float) else str(value)

    def _parse(self, name: str, text: str) -> dict[str, Any]:
        if name.startswith(OPTION):
            return {"options": self._with_option(name.removeprefix(OPTION), as_python(text))}
        if name in SIZE.sets and _SIZE.fullmatch(text):
            lengths = zip(SIZE.sets, SIZE.parse(text), strict=True)
            return {side: _TYPES[side].check(side, value) for side, value in lengths}
        part = self.parts.get(name)
        if not text and (part.optional if part else name in FIELDS and FIELDS[name].optional):
            return part.put(None) if part else {name: None}
        type = part.type if part else _TYPES[name]
        try:
            value = type.parse(name, as_python(text) if isinstance(type, Integer | Float) else text)
        except InvalidRequest:
            fault = tr("{0} is not {1}; type {2}.")
            raise InvalidRequest(fault.format(shown(text, 42), tr(type.expected), _example(name, type))) from None
        checked = _checked(name, type, value)
        return part.put(checked) if part else {name: checked}

    def _with_option(self, name: str, text: str) -> dict[str, Any]:
        """Returns the options with one that was typed; an empty text is the sampler's own again."""
        rest = {option: value for option, value in self.options.items() if option != name}
        return rest | dict(options.check(self.sampler, {name: options.read(name, text)} if text else {}))

    # Reading

    @property
    def own_options(self) -> Mapping[str, Any]:
        """Those of `options` that the sampler takes; the others wait for one that does."""
        return options.fitting(self.sampler, self.options) if self.sampler in catalog.SAMPLERS else {}

    @property
    def drawn_prompt(self) -> str:
        """The prompt without the LoRAs that are switched off."""
        return without_loras(self.prompt, self.loras_off)

    @property
    def task(self) -> Task:
        """What is asked for, by what is set."""
        is_masked = self.mask is not None or self.outpaint is not None
        return Task.TXT2IMG if self.image is None else Task.INPAINT if is_masked else Task.IMG2IMG

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height as they will be drawn, where that is known before: not from a picture."""
        side = self.card.side if self.card else None
        width, height = self.width or side, self.height or side
        return (width, height) if width and height else None

    def problems(self) -> dict[str, str]:
        """Returns everything that keeps the form from being drawn, in words, by field."""
        problems = dict(self.faults)
        try:
            extract_loras(self.drawn_prompt)
        except InvalidRequest as error:
            problems.setdefault("prompt", for_the_window(str(error)))
        for name in ("image", "mask"):
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                problems[name] = tr("There is no file at {0} any more; choose another, or take it out.").format(path)
        for control in self.controls:
            if fault := fault_of(control, self.image):
                problems["controls"] = for_the_window(fault)
        if fault := regioning.fault_of(self.regions):
            problems["regions"] = fault
        if not problems:
            try:
                request = self._request(self.seed)
            except InvalidRequest as error:
                problems[error.field or "prompt"] = for_the_window(str(error))
            else:
                problems |= self.card.refusals(request) if self.card else {}
        return problems

    def wanted(self) -> Wanted:
        """Returns what Generate asks for, with a new seed unless it is kept. Raises InvalidRequest with the first problem."""
        for fault in self.problems().values():
            raise InvalidRequest(fault)
        if not self.seed_locked or self.seed is None:
            self.seed = secrets.randbelow(2**32)  # shown, and not kept
        return Wanted(self._request(self.seed), self.count, self.batch)

    def draft(self) -> Request | None:
        """Returns the form as it is, to be remembered, without regions where those have no prompt yet; None while it comes to no
        request."""
        for changes in ({}, {"regions": ()}):
            with suppress(InvalidRequest):
                return self._request(self.seed, changes)
        return None

    def _request(self, seed: int | None, changes: Mapping[str, Any] = {}) -> Request:
        own = {n: getattr(self, n) for n in SHOWN if self.image is not None or not depends_on(n, "image")}
        own |= {"prompt": self.drawn_prompt, "options": self.own_options, "seed": seed}
        return Request(**{**self.carried, **own, **changes})

    # Restoring

    def restore(self, request: Request, keep: tuple[str, ...] = ()) -> None:
        """Shows the settings of a picture, but for the fields to `keep`; its seed is kept from then on."""
        values = {name: getattr(request, name) for name in SHOWN if name not in keep}
        own_eta = request.eta is not None and "eta" in catalog.SAMPLERS[request.sampler].options
        values["options"] = dict(request.options) | ({"eta": request.eta} if own_eta else {})
        here = {*SHOWN, "eta"} if own_eta else {*SHOWN}
        if request.image is None:
            here -= {name for name in SHOWN if depends_on(name, "image")}
        rest = {
            field.name: value
            for field in fields(Request)
            if field.name not in here and (value := getattr(request, field.name)) != field.default
        }
        self.put(**values, carried=rest, loras_off=frozenset())

    def snapshot(self) -> dict[str, Any]:
        """Returns all values and faults, for `revert`."""
        return {name: getattr(self, name) for name in _ALL}

    def revert(self, snapshot: Mapping[str, Any]) -> None:
        """Makes everything as it was."""
        with self.grouped():
            for name, value in snapshot.items():
                setattr(self, name, value)

    def begin_anew(self, model: str) -> None:
        """Makes everything as it is before anything is set, with this model; nothing that was typed is kept."""
        self.revert({name: getattr(FormModel, name).default for name in _ALL} | {"model": model})

    def start_from(self, image: str | None, mask: str | None = None) -> None:
        """Draws from this picture from now on; None is from noise again."""
        self.put(image=image, mask=mask if image else None, outpaint=None)


for _name in SHOWN:
    if not hasattr(FormModel, _name):  # a field that nothing here asks for by its name
        setattr(FormModel, _name, Observed(default(_name)))
        getattr(FormModel, _name).__set_name__(FormModel, _name)
_ALL = tuple(name for name, value in vars(FormModel).items() if isinstance(value, Observed) and name != "card")


def _checked(name: str, type: FieldType, value: Any) -> Any:
    """Returns what was typed as its type takes it. Raises InvalidRequest, of a number in the app's language."""
    try:
        return type.check(name.rpartition(":")[2], value)
    except InvalidRequest:
        if not isinstance(type, Integer | Float):
            raise
        low, high = type.low, type.high
        if isinstance(type, Side) and low <= value <= high:
            below = max(type.low, value // 8 * 8)
            text = tr("{0} is not a multiple of 8; try {1} or {2}.").format(value, below, below + 8)
        else:
            fault = tr("{0} is out of range; choose from {1} to {2}.")
            written = shown(value) if isinstance(value, int) else shortest(value)
            text = fault.format(written, shortest(low), shortest(high))
        raise InvalidRequest(text) from None


def _example(name: str, type: FieldType) -> str:
    if name in SIZE.sets:
        return tr("{0}, or 512x768").format(type.example)
    takes_chance = isinstance(type, Integer) and type.chance is not None
    return tr("{0}, or -1 for chance").format(type.example) if takes_chance else type.example
