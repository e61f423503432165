"""LoRAs and embeddings in `sdedge models …`: they lie where prompts find them, not in the library."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sdedge.commands.model_facts import size_in_words
from sdedge.commands.progress import counting
from sdedge.commands.terminal import echo
from sdedge.errors import InvalidRequest, ModelError

_KINDS = {"lora": "LoRA", "embedding": "embedding"}
_ARTICLES = {"lora": "a LoRA", "embedding": "an embedding"}


def add_adapter(path: str, role: str, name: str | None, of_models: Sequence[str], as_json: bool) -> None:
    """Copy a LoRA or an embedding to where prompts find it, and say so. Raises InvalidRequest for options `of_models` alone."""
    from sdedge.library.adapters import install

    if of_models:
        raise InvalidRequest(
            f"{path} is {_ARTICLES[role]}, which is copied to where prompts find it; leave out {', '.join(of_models)}."
        )
    with counting("Copying", as_json) as progress:
        extra = install(path, role, progress, name or "")
    if as_json:
        echo(json.dumps({"event": "Added", "name": extra.name, "role": role, "path": str(extra.path)}))
    else:
        echo(f"Added the {_KINDS[role]} {extra.name} ({size_in_words(extra.size)})")


def list_adapters(as_json: bool) -> None:
    """Show every installed LoRA and embedding."""
    from sdedge.library.adapters import installed

    for extra in installed():
        if as_json:
            echo(json.dumps({**vars(extra), "path": str(extra.path)}))
        else:
            echo(f"  {extra.name}  {_KINDS[extra.role]}, {size_in_words(extra.size)}")


def remove_adapter(name: str) -> bool:
    """Delete the installed LoRA or embedding of this name; tells whether there was one. Raises ModelError for several."""
    from sdedge.library.adapter_removal import remove
    from sdedge.library.adapters import installed

    matches = [extra for extra in installed() if extra.name == name]
    if len(matches) > 1:
        places = " and ".join(str(extra.path) for extra in matches)
        raise ModelError(f"There are several named {name!r}, {places}; delete the file that is meant.")
    for extra in matches:
        remove(extra)
        echo(f"Removed the {_KINDS[extra.role]} {extra.name}")
    return bool(matches)
