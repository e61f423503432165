"""Passes that draw a detector's boxes again, in the text of the web UI's extension ADetailer: written and read by one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sdedge.errors import InvalidRequest
from sdedge.images.metadata_passes import part_text
from sdedge.pass_parts import DETAIL, PARTS, PartSettings, PassPart, read_parts
from sdedge.passes import MAX_PASSES, Pass
from sdedge.request import Request
from sdedge.request_fields import FIELDS

# fmt: off
_KEYS = {
    "detail": "model", "detail_only": "model classes", "detail_prompt": "prompt", "detail_negative": "negative prompt",
    "detail_confidence": "confidence", "detail_most": "mask only top k", "detail_right": "x offset", "detail_up": "y offset",
    "detail_dilate": "dilate erode", "detail_blur": "mask blur", "detail_strength": "denoising strength",
    "detail_padding": "inpaint padding", "detail_steps": "steps", "detail_guidance": "CFG scale", "detail_sampler": "sampler",
    "detail_schedule": "scheduler",
}
_OLD = {"mask only top k largest": "mask only top k", "mask k largest": "mask only top k"}
_ALWAYS = ("detail", "detail_confidence", "detail_dilate", "detail_blur", "detail_strength", "detail_padding")
_SWITCHES = {"steps": "use separate steps", "CFG scale": "use separate CFG scale", "sampler": "use separate sampler",
             "scheduler": "use separate sampler"}
# fmt: on
_ONLY_MASKED = "inpaint only masked"
_OTHERS = ("mediapipe", "yolo11", "yolov8x-world")  # detectors of the extension that are no YOLOv8 detection files


def detail_texts(request: Request) -> dict[str, str]:
    """Returns key and text of the passes that draw boxes again, as the extension writes them."""
    texts: dict[str, str] = {}
    for number, each in enumerate(each for each in request.passes if DETAIL.fits(each)):
        suffix = _suffix(number)
        for name, key in _KEYS.items():
            if (text := _text(PARTS[name], each, name in _ALWAYS)) is not None:
                if key in _SWITCHES:
                    texts[f"ADetailer {_SWITCHES[key]}{suffix}"] = "True"
                texts[f"ADetailer {key}{suffix}"] = text
        texts[f"ADetailer {_ONLY_MASKED}{suffix}"] = "True"
    return texts


def _suffix(number: int) -> str:
    """Returns what the extension puts behind the keys of its first, second, … tab."""
    ending = {1: "nd", 2: "rd"}.get(number, "th")
    return "" if number == 0 else f" {number + 1}{ending}"


def _text(row: PassPart, each: Pass, always: bool) -> str | None:
    value = row.value_in(each)
    if value is None or (not always and value == row.value_in(DETAIL.new)):
        return None
    return part_text(row, value)


def read_details(settings: Mapping[str, str]) -> tuple[tuple[Pass, ...], dict[str, str], set[str]]:
    """Returns the passes that a picture's settings say, by key what of them is left out, as a sentence, and the keys read."""
    passes: tuple[Pass, ...] = ()
    left_out: dict[str, str] = {}
    read: set[str] = set()
    for suffix, keys in _units(settings):
        model = settings[keys["model"]]
        if model.lower().startswith(_OTHERS):
            sentence = f"{keys['model']} is left out: {model[:80]} is no YOLOv8 detection file."
            left_out |= dict.fromkeys(keys.values(), sentence)
            continue
        try:
            unit = _unit(settings, keys)
        except InvalidRequest as error:
            left_out |= dict.fromkeys(keys.values(), f"{keys['model']} is left out: {error}")
            continue
        passes += unit
        read |= {key for name, key in keys.items() if name in _READ}
        if settings.get(f"ADetailer {_ONLY_MASKED}{suffix}", "True") != "True":
            left_out[f"ADetailer {_ONLY_MASKED}{suffix}"] = (
                "Boxes are drawn by themselves here, not in the whole picture."
            )
    return passes, left_out, read - left_out.keys()


_READ = {*_KEYS.values(), *_OLD, *_SWITCHES.values(), _ONLY_MASKED, "version", "tab enable"}


def _units(settings: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the suffix of each tab that names a detector, and its keys by their names without it."""
    suffixes = [_suffix(number) for number in range(MAX_PASSES)]
    mine: dict[str, dict[str, str]] = {suffix: {} for suffix in suffixes}
    for key in settings:
        if key.startswith("ADetailer "):
            suffix = next((each for each in suffixes[1:] if key.endswith(each)), "")
            mine[suffix][key.removeprefix("ADetailer ").removesuffix(suffix)] = key
    for suffix, keys in mine.items():
        if "model" in keys and settings[keys["model"]].lower() != "none":
            yield suffix, keys


def _unit(settings: Mapping[str, str], keys: Mapping[str, str]) -> tuple[Pass, ...]:
    """Returns the pass of one tab. Raises InvalidRequest."""
    texts = {_OLD.get(name, name): settings[key] for name, key in keys.items()}
    parts: dict[str, str] = {}
    for name, key in _KEYS.items():
        switch = _SWITCHES.get(key)
        if (
            key in texts
            and (switch is None or texts.get(switch) == "True")
            and not texts[key].lower().startswith("use same")
        ):
            parts[name] = texts[key]
    passes = PartSettings(read_parts(parts)).over(())
    return FIELDS["passes"].check(passes)
