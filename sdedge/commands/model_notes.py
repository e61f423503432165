"""`sdedge models note`: what a person keeps beside a model, LoRA or embedding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo
from sdedge.errors import InvalidRequest

if TYPE_CHECKING:
    from sdedge.library.models import Library


@click.command()
@click.argument("name")
@click.option("--text", help='Write these notes; "" for none.')
@click.option(
    "--trigger", "triggers", multiple=True, metavar="WORD", help="Keep exactly these trigger words; repeated."
)
@click.option("--no-triggers", is_flag=True, help="Forget the trigger words.")
@click.option("--picture", type=click.Path(path_type=Path), help="Keep a small copy of this picture.")
@click.option("--no-picture", is_flag=True, help="Forget the picture.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def note(
    name: str, text: str | None, triggers: tuple[str, ...], no_triggers: bool, picture: Path | None, no_picture: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show or write what is kept beside a model, LoRA or embedding: notes, trigger words, a picture."""
    from sdedge.library.model_notes import ModelNotes, trained_words
    from sdedge.library.models import Library

    if (triggers and no_triggers) or (picture and no_picture):
        raise InvalidRequest("The same is to be kept and forgotten; leave out one of the two options.")
    library = Library()
    try:
        role, path = _role_of(library, name)
        notes = ModelNotes(library)
        if text is not None:
            notes.set_text(name, role, text)
        if triggers or no_triggers:
            notes.set_triggers(name, role, triggers)
        if picture or no_picture:
            notes.set_picture(name, role, picture)
        known = notes.of(name, role)
    finally:
        library.close()
    trained = trained_words(path) if path is not None else ()
    record = {
        "name": name, "role": role, "text": known.text, "triggers": list(known.triggers), "picture": bool(known.picture),
        "trained": list(trained),
    }  # fmt: skip
    if as_json:
        echo(json.dumps(record))
        return
    lines = {"notes": known.text, "triggers": ", ".join(known.triggers), "trained with": ", ".join(trained)}
    for key, value in {**lines, "picture": "kept" if known.picture else ""}.items():
        for line in value.splitlines():
            echo(f"{key:>12}  {line}")


def _role_of(library: Library, name: str) -> tuple[str, Path | None]:
    """The role of what has this name, and its file. Raises MissingModel."""
    from sdedge.library import adapters
    from sdedge.library.models import EMBEDDED

    if name == EMBEDDED:
        return "model", None
    adapter = next((each for each in adapters.installed() if each.name == name), None)
    if adapter is not None and name not in {model.name for model in library.models()}:
        return adapter.role, adapter.path
    model = library.find(name)
    return model.role, model.path
