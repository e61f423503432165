"""The A1111 web UI's `parameters` text into Request fields, by the table's keys. Nothing here raises, whatever the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from functools import partial
from typing import Any

from sdedge.catalog import NoiseSource
from sdedge.errors import InvalidRequest
from sdedge.field_types import Float, Integer
from sdedge.images import metadata_infotext, metadata_resources
from sdedge.images.metadata_a1111 import KEYS, OPTIONS, read_options
from sdedge.images.metadata_controls_reader import is_control_key, read_controls
from sdedge.images.metadata_detailer import read_details
from sdedge.images.metadata_fields import Draft, Metadata, to_float, to_int
from sdedge.images.metadata_numerics import note_numerics, note_schedules
from sdedge.images.metadata_passes import FIRST_SIZE, PART_KEYS, STRENGTH_KEY, first_pass, read_passes
from sdedge.images.metadata_reasons import reason_of
from sdedge.images.metadata_regional import put_regions
from sdedge.request_fields import FIELDS, SIZE
from sdedge.text.clean import shown
from sdedge.text.wildcards import escape

_NOISE = {"CPU": NoiseSource.TORCH, "NV": NoiseSource.PHILOX, "GPU": NoiseSource.PHILOX}
_FORGE = re.compile(r"f\d|forge|neo", re.I)
_READERS: dict[str, Callable[[Draft, Any], None]] = {
    "seed": Draft.put_seed, "variation_seed": Draft.put_variation_seed, "sampler": Draft.put_sampler,
    "schedule": Draft.put_schedule, "noise": lambda draft, word: draft.put("noise", word, _NOISE.__getitem__),
}  # fmt: skip
"""Fields of which a setting says more, or less, than their value."""
_PLAIN = {key: name for name, row in KEYS.items() if name not in _READERS for key in (*row.also_read, row.key)}
_INFORMATIVE = {
    *(row.key for row in KEYS.values()), *OPTIONS.values(), *PART_KEYS, SIZE.key, *metadata_resources.KEYS, "Version", "User",
    "Init image hash",
    "Emphasis", "VAE Decoder", "VAE Encoder", "Created Date", "Batch size", "Batch pos", "App", "Parser", "Backend", "Pipeline",
    "Image hash",
}  # fmt: skip
"""Settings that are read otherwise, or that no picture depends on."""
_NEUTRAL = {"Beta schedule alpha": "0.6", "Beta schedule beta": "0.6", "Hires Module 1": "Use same choices"}
"""Settings that are written although they are what is done here."""
_FULL = "Full"
_WRITERS: dict[str, Callable[[dict[str, str]], bool]] = {
    "sdedge": lambda settings: settings.get("Version", "").startswith("sdedge"),
    "SD.Next": lambda settings: (
        "SD.Next" in settings.get("App", "") or {"Backend", "Pipeline", "Parser"} & settings.keys() != set()
    ),
    "ComfyUI": lambda settings: "comfy" in settings.get("Version", "").lower(),
    "Civitai": lambda settings: "Civitai resources" in settings and "Version" not in settings,
    "Forge": lambda settings: bool(_FORGE.match(settings.get("Version", ""))),
    "Fooocus": lambda settings: "Fooocus" in settings.get("Version", ""),
}
"""Programs that write the web UI's text, by what only they write in it; any other counts as the web UI."""
_NUMERICS = {
    "SD.Next": ("diffusers", NoiseSource.PHILOX), "ComfyUI": ("sdedge", NoiseSource.TORCH), "Civitai": ("sdedge",
    NoiseSource.TORCH),
    "Fooocus": ("sdedge", NoiseSource.TORCH),
}  # fmt: skip
"""Whose numerics such a program follows, and what draws its noise; the web UI's without a row."""

_OVER_TIMESTEPS = {"ddim": None, "plms": None, "unipc": "sgm_uniform"}
"""Samplers of the web UI with timesteps of their own, whatever the schedule type beside them in the text, and ours for them.

UniPC's `time_uniform` of n steps are n + 1 equal points in time from 999 to 0, which are SGM Uniform's but for the last level.
"""
_OLD_STARTS = "Before version 1.6 its DDIM and PLMS began from a picture in another way, and took another last step."
_NO_VERSION = "The picture does not say its version; DDIM and PLMS are drawn as before version 1.6."
_BARE = {"restart": "karras"}
"""The schedules of samplers whose bare names meant another one than `uniform` before version 1.9."""
_UNIPC = {"order": 3, "variant": "bh1"}
"""The web UI's options of UniPC where its text does not say others."""


def read(text: str) -> Metadata:
    """Returns what a `parameters` text says; beyond MAX_TEXT characters it is not read."""
    if len(text) > metadata_infotext.MAX_TEXT:
        note = f"The text has {len(text)} characters; settings are read from {metadata_infotext.MAX_TEXT} at most."
        return Metadata(source="A1111", notes=(note,))
    infotext = metadata_infotext.parse(text)
    writer = next((name for name, wrote in _WRITERS.items() if wrote(infotext.settings)), "A1111")
    draft = Draft(writer, text)
    draft.put("prompt", infotext.prompt, str if writer == "sdedge" else escape)
    draft.put("negative", infotext.negative, str if writer == "sdedge" else escape)
    if infotext.settings:
        _put_settings(draft, infotext.settings)
    draft.details |= {label or "After the settings": after for label, after in infotext.after.items()}
    if "" in infotext.after:
        sentence = f"The text behind the settings is no prompt and is left out: {shown(infotext.after[''])}."
        draft.leave_out("After the settings", infotext.after[""], sentence)
    return draft.done()


def _put_settings(draft: Draft, settings: dict[str, str]) -> None:
    ours = draft.source == "sdedge"
    for key, name in _PLAIN.items():
        draft.put(name, settings.get(key), partial(_from_setting, name))
    # Pictures from a GPU carry no RNG key; NVIDIA's generator is Philox.
    known = settings if ours else {KEYS["noise"].key: "GPU", **settings}
    for name, read in _READERS.items():
        if (key := KEYS[name].key) in known:
            read(draft, known[key])
    draft.put_options(lambda: read_options(settings))
    controls, left_out, lost = read_controls(settings)
    if controls:
        draft.put("controls", controls)
    for each in lost:
        draft.leave_out(each.field, each.value, each.reason)
    passes, not_read = read_passes(settings)
    old = () if passes or not_read else first_pass(settings)
    passes = passes or old
    if passes:
        draft.put("passes", passes)
        draft.fields.pop("strength", None)  # which is theirs
    details, no_details, read_keys = read_details(settings)
    if details:
        draft.put("passes", (*passes, *details))
    for key, sentence in {**left_out, **not_read, **no_details}.items():
        draft.leave_out(key, settings[key], sentence)
    draft.put_size_text(settings.get(FIRST_SIZE if old else SIZE.key))
    if not ours:
        _put_choices(draft, settings)
    if STRENGTH_KEY in settings and not passes and not any(key.startswith(("Hires", "First pass")) for key in settings):
        draft.note_start()
    metadata_resources.put_resources(draft, settings)
    in_regions = put_regions(draft, settings)
    draft.keep(settings, set(_PLAIN))
    _leave_out_unknown(draft, settings, read_keys | no_details.keys() | in_regions | ({FIRST_SIZE} if old else set()))


def _leave_out_unknown(draft: Draft, settings: dict[str, str], known: Set[str]) -> None:
    """Lists every setting that no field stands for, each with why, and says their names in one note."""
    lost = [
        key for key, text in settings.items()
        if key not in _PLAIN and key not in _INFORMATIVE | known and not is_control_key(key) and _NEUTRAL.get(key) != text
    ]  # fmt: skip
    for key in lost:
        draft.leave_out(key, settings[key], reason_of(key), note=False)
    if lost:
        draft.notes.append(f"These settings are not carried over: {', '.join(sorted(lost)[:20])[:600]}.")
    for key in ("VAE Decoder", "VAE Encoder"):
        if settings.get(key, _FULL) != _FULL:
            sentence = f"The {key} {shown(settings[key])} is another network; the model's VAE is used."
            draft.leave_out(key, settings[key], sentence)


def _put_choices(draft: Draft, settings: dict[str, str]) -> None:
    """Sets what the web UI, and those that write like it, chose without writing it."""
    preset, noise = _NUMERICS.get(draft.source, ("a1111", None))
    if preset == "a1111":
        _put_schedule(draft, settings)
        note_schedules(draft)
    if noise is not None and KEYS["noise"].key not in settings:
        draft.put("noise", noise)
    if draft.source == "A1111" and draft.fields.get("sampler") in ("ddim", "plms"):
        preset = _preset_by_version(draft, settings)
    draft.put_preset(preset)
    note_numerics(draft)
    if settings.get("Emphasis", "Original") != "Original":
        sentence = f"Emphasis {shown(settings['Emphasis'])} is not available; weights act as in Original."
        draft.leave_out("Emphasis", settings["Emphasis"], sentence)


def _preset_by_version(draft: Draft, settings: dict[str, str]) -> str:
    """Returns whose numerics DDIM and PLMS have: before its version 1.6 the web UI ran those of CompVis.

    Its own noise and levels of a picture to start from are none of that preset's: such a picture's numerics are listed.
    """
    version = re.match(r"v?(\d{1,4})\.(\d{1,4})", settings.get("Version", ""))
    if ("Version" in settings or "Schedule type" in settings) and (
        version is None or (int(version[1]), int(version[2])) >= (1, 6)
    ):
        return "a1111"
    if "strength" in draft.fields or "passes" in draft.fields:
        draft.leave_out("Version", settings.get("Version", ""), _OLD_STARTS, note=False)
        return "a1111"
    if version is None:
        draft.leave_out("Version", "", _NO_VERSION, note=False)
    return "compvis"


def _put_schedule(draft: Draft, settings: dict[str, str]) -> None:
    """Sets the schedule that a sampler of the web UI has whatever is written, or had by its bare name before version 1.9."""
    sampler = draft.fields.get("sampler")
    if sampler in _OVER_TIMESTEPS:
        draft.fields.pop("schedule", None)
        draft.put("schedule", _OVER_TIMESTEPS[sampler])
    elif "Schedule type" not in settings and "schedule" not in draft.fields:
        draft.put("schedule", _BARE.get(str(sampler), "uniform"))
    if sampler == "unipc":
        draft.put("options", {**_UNIPC, **draft.fields.get("options", {})})


def _from_setting(name: str, text: str) -> Any:
    """Returns a field's value from its text there. Raises ValueError, TypeError or OverflowError."""
    row, names = FIELDS[name], KEYS[name].names
    if names:
        known = {word.casefold(): value for value, word in names.items()}
        if text.casefold() not in known:
            raise ValueError(text)
        return known[text.casefold()]
    if isinstance(row.type, Integer | Float):
        return to_int(text) if isinstance(row.type, Integer) else to_float(text)
    try:
        return row.type.parse(name, text)
    except InvalidRequest as error:
        raise ValueError(text) from error
