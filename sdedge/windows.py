"""Windows: a large picture drawn in parts that overlap (tiled diffusion), as requests hold them and people write them. No torch.

A person writes WINDOW[:OVERLAP][:BLEND][:jitter], where WINDOW is "auto", a side or WIDTHxHEIGHT in pixels; or "off".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, ClassVar

from sdedge.errors import InvalidRequest
from sdedge.field_types import TAKES_OFF, FieldType
from sdedge.json_values import read_json
from sdedge.text.clean import shown

UNIT = 8  # pixels of a latent's cell
SMALLEST, LARGEST = 64, 4096  # pixels of a window's side
AUTO, OFF, JITTER = "auto", "off", "jitter"
_SIZE = re.compile(r"(\d{1,6})(?:\s*[x×*]\s*(\d{1,6}))?", re.A)
_EXAMPLE = "512:128"


class Blend(StrEnum):
    """How the predictions of windows that overlap become one."""

    MIXTURE = "mixture"
    """By a Gaussian around each window's middle (Mixture of Diffusers, Jiménez 2023)."""
    MULTIDIFFUSION = "multidiffusion"
    """By their mean (MultiDiffusion, Bar-Tal et al. 2023)."""


@dataclass(frozen=True)
class Windows:
    """How a picture is drawn in windows.

    size     width and height of one in pixels; None is the model's own size
    overlap  pixels that neighbours share at least; None is a quarter of the window's shorter side
    blend    how predictions become one where windows overlap
    jitter   whether the windows lie elsewhere at every step, chosen by seed and step
    """

    size: tuple[int, int] | None = None
    overlap: int | None = None
    blend: Blend = Blend.MIXTURE
    jitter: bool = False

    def covers(self, width: int | None, height: int | None) -> bool:
        """Returns whether one window is all of a picture of this size in pixels."""
        if self.size is None or width is None or height is None:
            return False
        return width <= self.size[0] and height <= self.size[1]

    def settled(self, size: tuple[int, int]) -> Windows:
        """Returns the windows with every open choice made, for a model whose own size is `size`.

        Raises InvalidRequest for an overlap that leaves nothing of a window.
        """
        width, height = self.size or size
        overlap = min(width, height) // 4 // UNIT * UNIT if self.overlap is None else self.overlap
        if overlap >= min(width, height):
            raise InvalidRequest(
                f"Windows of {width}x{height} overlap by {overlap} pixels, which is all of them; choose less, such as "
                f"{min(width, height) // 4 // UNIT * UNIT}.",
                field="windows",
            )
        return replace(self, size=(width, height), overlap=overlap)

    def part_of(self, width: int, height: int) -> tuple[int, int]:
        """Returns width and height in pixels of what the UNet sees at once of a picture of this size."""
        own = self.size or (width, height)
        return min(own[0], width), min(own[1], height)


class WindowsType(FieldType):
    """Windows: an object in JSON, a short text for people."""

    annotation: ClassVar[Any] = Windows
    expected: ClassVar[str] = "a way to draw in windows"
    example: str = _EXAMPLE

    def check(self, name: str, value: Any) -> Windows:
        if type(value) is not Windows:
            raise self.refuse(name, value)
        if value.blend not in tuple(Blend):
            raise InvalidRequest(
                f"Windows are blended by {shown(value.blend)}; choose one of {', '.join(Blend)}.", field=name
            )
        if type(value.jitter) is not bool:
            raise InvalidRequest(f"The windows' jitter is {shown(value.jitter)}; give true or false.", field=name)
        size = _checked_size(value.size, name)
        overlap = _checked_overlap(value.overlap, size, name)
        return Windows(size, overlap, Blend(str(value.blend)), value.jitter)

    def parse(self, name: str, text: str) -> Windows | None:
        if text.strip().lower() in TAKES_OFF:
            return None
        if text.lstrip().startswith("{'"):
            return self.check(name, _from_infotext(text, name))
        if text.lstrip().startswith("{"):
            return self.check(name, self.from_json(read_json(text, "The windows", error=InvalidRequest)))
        first, *rest = (part.strip().lower() for part in text.split(":"))
        size, options = _parse_size(first, text, name), dict[str, Any]()
        for part in rest:
            key, value = _parse_part(part, text, name)
            if key in options:
                raise InvalidRequest(f"The windows' {key} is given twice in {shown(text)}; give it once.", field=name)
            options[key] = value
        return self.check(name, Windows(size, **options))

    def format(self, value: Windows) -> str:
        size = AUTO if value.size is None else "{}x{}".format(*value.size)
        overlap = [] if value.overlap is None else [str(value.overlap)]
        return ":".join([size, *overlap, value.blend, *([JITTER] if value.jitter else [])])

    def from_json(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        names = [field.name for field in fields(Windows)]
        if unknown := [name for name in value if name not in names]:
            raise InvalidRequest(f"Windows have no {shown(unknown[0])}; they have {', '.join(names)}.", field="windows")
        values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in value.items()}
        return Windows(**values)

    def to_json(self, value: Windows) -> dict[str, Any]:
        record = {field.name: getattr(value, field.name) for field in fields(value)}
        changed = {name: each for name, each in record.items() if each != getattr(_DEFAULT, name)}
        return {name: list(each) if isinstance(each, tuple) else each for name, each in changed.items()}


_DEFAULT = Windows()


def _parse_size(part: str, text: str, name: str) -> tuple[int, int] | None:
    if part == AUTO:
        return None
    match = _SIZE.fullmatch(part)
    if match is None:
        raise InvalidRequest(
            f"{shown(text)} is no window; write its side in pixels and how much windows overlap, such as {_EXAMPLE}, {AUTO} for "
            f"the model's own size, or {OFF}.",
            field=name,
        )
    return int(match[1]), int(match[2] or match[1])


def _parse_part(part: str, text: str, name: str) -> tuple[str, Any]:
    if part == JITTER:
        return JITTER, True
    if part in tuple(Blend):
        return "blend", part
    if part.isascii() and part.isdigit() and len(part) <= 6:
        return "overlap", int(part)
    raise InvalidRequest(
        f"Behind the window {shown(text.split(':')[0])} stands {shown(part)}; write how many pixels windows overlap, "
        f"{' or '.join(Blend)}, or {JITTER}.",
        field=name,
    )


def _checked_size(size: object, name: str) -> tuple[int, int] | None:
    if size is None:
        return None
    if type(size) is not tuple or len(size) != 2 or not all(type(side) is int for side in size):
        raise InvalidRequest(f"The window's size is {shown(size)}; give its width and height in pixels.", field=name)
    for side in size:
        if side % UNIT or not SMALLEST <= side <= LARGEST:
            raise InvalidRequest(
                f"The window's side {shown(side)} is not a multiple of {UNIT} from {SMALLEST} to {LARGEST}; choose another, such "
                "as 512.",
                field=name,
            )
    return size


def _checked_overlap(overlap: object, size: tuple[int, int] | None, name: str) -> int | None:
    if overlap is None:
        return None
    if type(overlap) is not int or overlap % UNIT or not 0 <= overlap < min(size or (LARGEST,)):
        smaller, usual = (f" below the window's {min(size)}", min(size) // 4 // UNIT * UNIT) if size else ("", 128)
        raise InvalidRequest(
            f"Windows overlap by {shown(overlap)} pixels; give a multiple of {UNIT}{smaller}, such as {usual}.",
            field=name,
        )
    return overlap


_METHODS = {Blend.MIXTURE: "Mixture of Diffusers", Blend.MULTIDIFFUSION: "MultiDiffusion"}
_ENTRY = re.compile(r"'([^']{1,40})': (?:'([^']{0,200})'|(\d{1,6})|(True|False))")


def infotext(windows: Windows) -> str:
    """Returns the windows as the web UI's Tiled Diffusion extension writes them, sides in latents, and the jitter it lacks."""
    width, height = windows.size or (0, 0)
    return str({
        "Method": _METHODS[windows.blend],
        **({"Tile tile width": width // UNIT, "Tile tile height": height // UNIT} if windows.size else {}),
        **({} if windows.overlap is None else {"Tile Overlap": windows.overlap // UNIT}),
        **({"Jitter": True} if windows.jitter else {}),
    })  # fmt: skip


def _from_infotext(text: str, name: str) -> Windows:
    """Reads what `infotext` and the extension write. Raises InvalidRequest for a method that is none of ours."""
    entries = {match[1]: match[2] or match[3] or match[4] or "" for match in _ENTRY.finditer(text)}
    blend = next((blend for blend, method in _METHODS.items() if method == entries.get("Method")), None)
    if blend is None:
        raise InvalidRequest(
            f"Windows are blended by {shown(entries.get('Method', ''))}; choose one of {', '.join(Blend)}.", field=name
        )
    numbers = {
        key: int(entries[key]) * UNIT
        for key in ("Tile tile width", "Tile tile height", "Tile Overlap")
        if entries.get(key, "").isdigit()
    }
    width, height = numbers.get("Tile tile width"), numbers.get("Tile tile height")
    size = (width, height) if width and height else None
    return Windows(size, numbers.get("Tile Overlap"), blend, entries.get("Jitter") == "True")
