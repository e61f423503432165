"""The A1111 web UI's `parameters` text into Request fields, by the table's keys. Nothing here raises, whatever the text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sdedge.catalog import NoiseSource
from sdedge.errors import InvalidRequest
from sdedge.field_types import Float, Integer
from sdedge.images import metadata_infotext
from sdedge.images.metadata_a1111 import KEYS, OPTIONS, read_options
from sdedge.images.metadata_controls_reader import is_control_key, read_controls
from sdedge.images.metadata_fields import Draft, Metadata, to_float, to_int
from sdedge.request_fields import FIELDS, SIZE
from sdedge.text.clean import shown
from sdedge.text.wildcards import escape

_NOISE = {"CPU": NoiseSource.TORCH, "NV": NoiseSource.PHILOX, "GPU": NoiseSource.PHILOX}
_READERS: dict[str, Callable[[Draft, Any], None]] = {
    "seed": Draft.put_seed, "variation_seed": Draft.put_variation_seed, "sampler": Draft.put_sampler,
    "schedule": Draft.put_schedule, "noise": lambda draft, word: draft.put("noise", _NOISE.get(word)),
}  # fmt: skip
"""Fields of which a setting says more, or less, than their value."""
_PLAIN = {key: name for name, row in KEYS.items() if name not in _READERS for key in (*row.also_read, row.key)}
_HARMLESS = {
    *(row.key for row in KEYS.values()), *OPTIONS.values(), SIZE.key, "Version", "Model hash",
    "VAE hash", "Lora hashes", "TI hashes", "User", "Init image hash", "Emphasis", "Hashes", "VAE Decoder", "VAE Encoder",
}  # fmt: skip


def read(text: str) -> Metadata:
    """Returns what a `parameters` text says; beyond MAX_TEXT characters it is not read."""
    if len(text) > metadata_infotext.MAX_TEXT:
        note = f"The text has {len(text)} characters; settings are read from {metadata_infotext.MAX_TEXT} at most."
        return Metadata(source="A1111", notes=(note,))
    infotext = metadata_infotext.parse(text)
    ours = infotext.settings.get("Version", "").startswith("sdedge")
    draft = Draft("sdedge" if ours else "A1111", text)
    draft.put("prompt", infotext.prompt, str if ours else escape)
    draft.put("negative", infotext.negative, str if ours else escape)
    if infotext.settings:
        _put_settings(draft, infotext.settings, ours)
    draft.details |= {label or "After the settings": after for label, after in infotext.after.items()}
    if "" in infotext.after:
        draft.notes.append(f"The text behind the settings is no prompt and is left out: {shown(infotext.after[''])}.")
    return draft.done()


def _put_settings(draft: Draft, settings: dict[str, str], ours: bool) -> None:
    for key, name in _PLAIN.items():
        draft.put(name, settings.get(key), partial(_from_setting, name))
    # Pictures from a GPU carry no RNG key; NVIDIA's generator is Philox.
    known = settings if ours else {KEYS["noise"].key: "GPU", **settings}
    for name, read in _READERS.items():
        if (key := KEYS[name].key) in known:
            read(draft, known[key])
    draft.put_options(lambda: read_options(settings))
    controls, notes = read_controls(settings)
    if controls:
        draft.put("controls", controls)
    draft.notes.extend(notes)
    draft.put_size_text(settings.get(SIZE.key))
    if not ours:
        _put_choices(draft, settings)
    if "Denoising strength" in settings and not any(key.startswith(("Hires", "First pass")) for key in settings):
        draft.note_start()
    draft.keep(settings, set(_PLAIN))
    if lost := sorted(key for key in set(settings) - set(_PLAIN) - _HARMLESS if not is_control_key(key)):
        draft.notes.append(f"These settings are not carried over: {', '.join(lost[:20])[:600]}.")


def _put_choices(draft: Draft, settings: dict[str, str]) -> None:
    """Sets what the web UI chose without writing it."""
    old = "Schedule type" not in settings and "schedule" not in draft.fields
    if old and draft.fields.get("sampler") not in ("ddim", "plms", "unipc"):
        draft.put("schedule", "uniform")  # before version 1.9 a bare sampler name meant this one
    draft.put_preset("a1111")
    if settings.get("Emphasis", "Original") != "Original":
        draft.notes.append(f"Emphasis {shown(settings['Emphasis'])} is not available; weights act as in Original.")


def _from_setting(name: str, text: str) -> Any:
    """Returns a field's value from its text there. Raises ValueError, TypeError or OverflowError."""
    row, names = FIELDS[name], KEYS[name].names
    if names:
        return next((value for value, word in names.items() if word == text), row.default)
    if isinstance(row.type, Integer | Float):
        return to_int(text) if isinstance(row.type, Integer) else to_float(text)
    try:
        return row.type.parse(name, text)
    except InvalidRequest as error:
        raise ValueError(text) from error
