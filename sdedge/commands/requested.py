"""The requests that the options of `sdedge generate` describe: one, or one for each prompt of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdedge import batch, catalog
from sdedge.commands.field_options import fields_of
from sdedge.commands.terminal import note
from sdedge.engines.open import default_model
from sdedge.errors import InvalidRequest, Remedy
from sdedge.pass_parts import parts_without_effect
from sdedge.request import Request
from sdedge.request_fields import FIELDS
from sdedge.text.clean import shown


def requests_of(prompt: str | None, options: dict[str, Any]) -> list[Request]:
    """Returns the requests that the options describe. Raises InvalidRequest."""
    values = fields_of(options)
    for sentence in parts_without_effect({name for name, text in options.items() if text is not None}):
        note(sentence)
    chosen = set(values)
    parts = {name: values.pop(name) for name in list(values) if FIELDS[name].type.repeated}
    if "sampler" in values:
        values.setdefault("schedule", None)  # another sampler's own, not that of the picture whose settings are used
    if values.get("speed") in catalog.SPEEDS and options["like"] is None:
        values.setdefault("steps", catalog.SPEEDS[values["speed"]].steps)
    if options["model"] is None and options["like"] is None:
        values["model"] = default_model()
    typed = values if prompt is None else {**values, "prompt": prompt}
    fixed = {*typed, *(parts.keys() & {"controls", "regions"})}
    recorded = _like(options["like"], fixed, options["model"]) if options["like"] else {}
    base = Request(**recorded, **values).overlaid(**parts)
    if options["from_file"] is not None:
        base = base if prompt is None else base.replace(prompt=prompt)
        apart = 0 if options["same_seed"] else options["count"]
        rows = _styled(batch.requests(options["from_file"], base, apart), options["styles"])
        return [_suited(row, chosen | recorded.keys() | _differing(row, base)) for row in rows]
    if prompt is None and options["like"] is None:
        raise InvalidRequest('There is no prompt; write one, as in: sdedge generate "a red house at night".')
    requests = _styled([base if prompt is None else base.replace(prompt=prompt)], options["styles"])
    return [_suited(request, chosen | recorded.keys()) for request in requests]


def _suited(request: Request, chosen: set[str]) -> Request:
    """Returns the request with what suits a few-step file where nobody chose, which is noted."""
    from sdedge.library.few_steps import suited

    result, sentence = suited(request, chosen)
    if sentence:
        note(sentence)
    return result


def _differing(row: Request, base: Request) -> set[str]:
    """Returns the fields that a row of a file sets."""
    return {name for name in FIELDS if getattr(row, name) != getattr(base, name)}


def _like(path: Path, chosen: set[str], model: str | None) -> dict[str, Any]:
    """Returns the fields that a picture records, but those given, with a note on each that is not taken over.

    `model` is the one that is given. No path in them is opened. Raises InvalidRequest when its model, or that of a control, is
    not installed and none is given.
    """
    from sdedge.images.metadata import read
    from sdedge.library.bundle_controls import names_with_converted
    from sdedge.library.safe_settings import library_names, missing_control, recorded_hashes, safe_settings

    recorded = read(path)
    if not recorded.source:
        raise InvalidRequest(f"{path} carries no settings to repeat; give a prompt instead.")
    installed = names_with_converted(model or library_names(str(recorded.fields.get("model") or "")))
    safe, notices = safe_settings(recorded.fields, installed, chosen, recorded_hashes(recorded.details))
    if "model" in recorded.fields and "model" not in safe and "model" not in chosen:
        raise InvalidRequest(
            f"{path} was drawn with the model {shown(recorded.fields['model'])}, which is not installed; "
            "choose one with --model.",
            field="model",
        )
    if "controls" not in chosen and (control := missing_control(recorded.fields, installed)):
        raise InvalidRequest(
            f"{path} was drawn with the control model {shown(control)}, which is not installed; {Remedy.ADD_CONTROL} and draw it "
            'again, or draw another picture without controls by --control "".',
            field="controls",
            remedy=Remedy.ADD_CONTROL,
        )
    for text in (*recorded.notes, *notices):
        note(text)
    return safe if "model" in (*safe, *chosen) else {**safe, "model": default_model()}


def _styled(requests: list[Request], names: tuple[str, ...]) -> list[Request]:
    """Returns the requests with the named styles of the store's styles.csv, one after another."""
    if not names:
        return requests
    from sdedge.places import data_folder
    from sdedge.text import styles

    known = styles.read_styles(data_folder() / "styles.csv")
    texts = [styles.apply(request.prompt, request.negative, names, known) for request in requests]
    return [request.replace(prompt=p, negative=n) for request, (p, n) in zip(requests, texts, strict=True)]
