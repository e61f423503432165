"""The tags of extra networks in a prompt: `<lora:name:0.8>` with its weights, block weights and names. No torch.

Reference: modules/extra_networks.py of the A1111 web UI, and sd-webui-lora-block-weight for `lbw`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sdedge.errors import InvalidRequest
from sdedge.text.wildcards import has_wildcards

BLOCKS = ("BASE", *(f"IN{i:02}" for i in range(12)), "M00", *(f"OUT{i:02}" for i in range(12)))
"""The 26 parts of a v1 model that block weights tell apart: the text encoder (and all else), and the UNet's blocks."""

_WITH_LORA = (1, 2, 4, 5, 7, 8)  # the input blocks that attention is in; kohya's trainer changes no others
# Lists of these lengths name these blocks; the others are 0, as in sd-webui-lora-block-weight.
_LISTED = {
    12: ("BASE", *(f"IN{i:02}" for i in (4, 5, 7, 8)), "M00", *(f"OUT{i:02}" for i in range(6))),
    17: ("BASE", *(f"IN{i:02}" for i in _WITH_LORA), "M00", *(f"OUT{i:02}" for i in range(3, 12))),
    20: ("BASE", *(f"IN{i:02}" for i in range(9)), "M00", *(f"OUT{i:02}" for i in range(9))),
    26: BLOCKS,
}
_PRESETS = {
    "NONE": "0" * 17, "ALL": "1" * 17, "INS": "1111" + "0" * 13, "IND": "1000111" + "0" * 10,
    "INALL": "1" * 7 + "0" * 10, "MIDD": "1000" + "1" * 8 + "0" * 5, "OUTD": "1" + "0" * 7 + "1111" + "0" * 5,
    "OUTS": "1" + "0" * 11 + "1" * 5, "OUTALL": "1" + "0" * 7 + "1" * 9,
}  # fmt: skip
PRESETS = {name: tuple(map(float, digits)) for name, digits in _PRESETS.items()} | {"ALL0.5": (0.5,) * 17}


@dataclass(frozen=True)
class Lora:
    """A `<lora:name:text:unet>` tag; one weight stands for both. `blocks` are factors in the order of BLOCKS, or None."""

    name: str
    text_weight: float = 1.0
    unet_weight: float = 1.0
    blocks: tuple[float, ...] | None = None


_LORA = re.compile(r"<(?:lora|lyco):([^<>]*)>", re.I)
_HYPERNET = re.compile(r"<hypernet:[^<>]*>", re.I)
_BRACKETS = re.compile(r"\[([^\[\]]*+)\]")
_ALMOST = re.compile(r"(?:<|&lt;|＜)\s*+(?:lora|lyco|locon|loha|lokr|dora|hypernet)(?=[\s:=：])[^<>]*+>?", re.I)
# What is left of wildcards: __*__, __a b__, 2$$red, 0.5::red.
_WILDCARD = re.compile(
    r"(?<![\w\\])(?:__(?=[^\s_])(?![\w/-]{0,80}__)[^_\n,<>]{1,80}__(?!\w)|"
    r"\d+(?:-\d+)?\$\$[^,|]{0,40}|\d*\.\d+::\w[^,|]{0,40})"
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_UNSUPPORTED = {
    "lbwe": "weights of single elements", "start": "a first step", "stop": "a last step", "step": "a range of steps",
    "dyn": "a dynamic rank", "hr": "a second pass", "lr": "a first pass", "x": "inherited block weights",
}  # fmt: skip


def extract_loras(text: str) -> tuple[str, tuple[Lora, ...]]:
    """Returns the text without `<lora:…>` and `<hypernet:…>` tags, and the LoRAs. A tag in which wildcards are still to be chosen
    names none yet.

    Raises InvalidRequest for a tag without a name, with a weight that is not a number, or with a key or preset of
    block weights that is not known: nothing is drawn at another weight than the tag says.
    """
    return _HYPERNET.sub("", _LORA.sub("", text)), tuple(_lora(match) for match in _tags(text))


def _tags(text: str) -> Iterator[re.Match[str]]:
    """Yields the tags of LoRAs that are complete."""
    return (match for match in _LORA.finditer(text) if not has_wildcards(match[0]))


@dataclass(frozen=True)
class LoraTag:
    """A LoRA's tag and where in a prompt it stands; `lora` is None where it cannot be read, and `fault` says why."""

    start: int
    end: int
    text: str
    name: str
    lora: Lora | None
    fault: str = ""

    def weighted(self, weight: float) -> str:
        """Returns the tag with another weight in the UNet: one weight that stood for both networks stands for both again."""
        first, *fields = _fields(self.text[self.text.index(":") + 1 : -1])
        number = f"{weight:g}"
        named = {field.partition("=")[0].strip().lower(): at for at, field in enumerate(fields) if "=" in field}
        plain = [at for at, field in enumerate(fields) if "=" not in field and _is_number(field)]
        if "unet" in named:
            fields[named["unet"]] = f"unet={number}"
        elif "te" in named and len(plain) < 2:
            fields.append(f"unet={number}")
        elif plain:
            fields[plain[min(1, len(plain) - 1)]] = number
        else:
            fields.insert(0, number)
        return ":".join([self.text[: self.text.index(":")], first, *fields]) + ">"


def lora_tags(text: str) -> tuple[LoraTag, ...]:
    """Returns the tags of LoRAs in a prompt, in their order, but for those in which wildcards are still to be chosen; what cannot
    be read is said in each, never raised."""
    tags = []
    for match in _tags(text):
        lora, fault = None, ""
        try:
            lora = _lora(match)
        except InvalidRequest as error:
            fault = str(error)
        name = lora.name if lora else _fields(match[1])[0].strip()
        tags.append(LoraTag(match.start(), match.end(), match[0], name, lora, fault))
    return tuple(tags)


def without_loras(text: str, names: Collection[str]) -> str:
    """Returns a prompt without the tags of these LoRAs, and without one of two spaces that were around such a tag."""
    for tag in reversed(lora_tags(text) if names else ()):
        if tag.name in names:
            before, after = text[: tag.start], text[tag.end :]
            text = before + (after.removeprefix(" ") if not before or before[-1].isspace() else after)
    return text


def left_out(prompt: str, negative: str = "") -> tuple[str, ...]:
    """Returns what to say of tags that do not do what they say.

    Those are hypernetworks, LoRAs of the negative prompt, LoRAs inside of a change such as `[<lora:name>::0.5]`, which are
    applied at every step, and what only looks like a tag or like sd-dynamic-prompts' wildcards and is read as words.
    """
    notes = [
        f"Hypernetworks are not supported; {match[0][:80]} was left out."
        for match in _HYPERNET.finditer(prompt + negative)
    ]
    notes += [
        f"LoRAs are not read from the negative prompt; {match[0][:80]} was left out."
        for match in _LORA.finditer(negative)
    ]
    for brackets in _BRACKETS.finditer(prompt):
        rest, tags = _LORA.sub("", brackets[1]), [match[0][:80] for match in _LORA.finditer(brackets[1])]
        if ":" in rest or "|" in rest:
            notes += [f"A LoRA is applied at every step, and so is {tag} inside of brackets." for tag in tags]
    for text in (prompt, negative):
        tags = [match[0][:80] for match in _ALMOST.finditer(_HYPERNET.sub(" ", _LORA.sub(" ", text)))]
        notes += [f"{tag!r} is no tag and is read as words; write <lora:name:0.8>." for tag in tags]
        odd = [match[0][:80] for match in _WILDCARD.finditer(text)]
        notes += [f"{tag!r} is no wildcard known here and is read as words; see docs/prompts.md." for tag in odd]
    return tuple(dict.fromkeys(notes))


def path_tags(text: str) -> tuple[str, ...]:
    """Returns the names of LoRA tags that `library.adapters.find_lora` would open as paths.

    Any text may be given; nothing is opened.
    """
    names = (_fields(match[1])[0] for match in _LORA.finditer(text))
    return tuple(name for name in names if is_path(name))


def is_path(name: str) -> bool:
    """Returns whether a LoRA's name is a path: it begins with a slash, `~`, `.` and a slash, or a drive; or holds `..`."""
    plain = unescaped(name).replace("\\", "/")
    return plain.startswith(("/", "~", "./", "../")) or ".." in plain.split("/") or bool(_DRIVE.match(plain))


def unescaped(name: str) -> str:
    """Returns a tag's name without the backslashes that keep wildcards' marks and brackets plain, and without spaces around
    it.
    """
    return re.sub(r"\\(?=__|[{}()[\]])", "", name).strip()


def _fields(inside: str) -> list[str]:
    """Returns what the colons of a tag divide; that of a drive divides nothing."""
    start = 2 if _DRIVE.match(inside.lstrip()) else 0
    offset = len(inside) - len(inside.lstrip()) + start if start else 0
    first, *others = inside[offset:].split(":")
    return [inside[:offset] + first, *others]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _lora(match: re.Match[str]) -> Lora:
    name, *fields = _fields(match[1])
    named = {key.strip().lower(): value.strip() for key, _, value in (f.partition("=") for f in fields if "=" in f)}
    plain = [field.strip() for field in fields if "=" not in field]
    blocks = named.pop("lbw", named.pop("w", None))
    if blocks is None and len(plain) > 1 and ("," in plain[-1] or plain[-1].upper() in PRESETS):
        blocks = plain.pop()  # the older spelling, <lora:name:1:MIDD>
    tag = f"{match[0][:200]!r}"
    if unknown := sorted(named.keys() - {"te", "unet"}):
        what = f" ({_UNSUPPORTED[unknown[0]]})" if unknown[0] in _UNSUPPORTED else ""
        raise InvalidRequest(
            f"The tag {tag} sets {unknown[0][:40]!r}{what}, which is not supported; take it out of the tag."
        )
    try:
        text_weight = float(named.get("te", plain[0] if plain else 1.0))
        unet_weight = float(named.get("unet", plain[1] if len(plain) > 1 else text_weight))
        if not name.strip() or len(plain) > 2 or not math.isfinite(text_weight * unet_weight):
            raise ValueError
    except ValueError:
        raise InvalidRequest(f"The tag {tag} is not a LoRA's; write <lora:name:0.8>.") from None
    return Lora(name.strip(), text_weight, unet_weight, None if blocks is None else _blocks(blocks, tag))


def _blocks(text: str, tag: str) -> tuple[float, ...]:
    """Factors in the order of BLOCKS, from a preset's name or a list of 12, 17, 20 or 26 numbers."""
    preset = PRESETS.get(text.upper())
    try:
        numbers = preset or tuple(float(number) for number in text.split(","))
        if len(numbers) not in _LISTED or not all(map(math.isfinite, numbers)):
            raise ValueError
    except ValueError:
        raise InvalidRequest(
            f"The tag {tag} has block weights that are not known; lbw takes 17 numbers (or 12, 20, 26) or one of "
            f"{', '.join(PRESETS)}."
        ) from None
    factors = dict(zip(_LISTED[len(numbers)], numbers))
    return tuple(factors.get(block, 0.0) for block in BLOCKS)
