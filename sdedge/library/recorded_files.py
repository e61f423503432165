"""What a picture records of the files it was drawn with: hashes of model, VAE, LoRAs, embeddings, control models. No torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sdedge.errors import SdedgeError
from sdedge.images.naming import last_part
from sdedge.library.adapters import embedding_files, embedding_names, find_lora
from sdedge.library.file_hashes import EMBEDDING_DIGITS, LORA_DIGITS, hashes_of
from sdedge.library.models import EMBEDDED, Library
from sdedge.request import Request
from sdedge.text.tags import extract_loras, unescaped


def recorded_files(request: Request) -> dict[str, str]:
    """Returns facts for the metadata: `model_hash` and `vae_hash` of what is installed, `lora_hashes` and `embedding_hashes` as
    the web UI lists them, `control_hashes` alike. What cannot be read is left out; a model of several files has no hash.
    """
    prompts = (request.prompt, request.negative)
    tags = extract_loras(request.prompt)[1]
    facts = {
        "model_hash": _installed_hash(request.model) or "",
        "vae_hash": _installed_hash(request.vae) or "" if request.vae else "",
        "lora_hashes": _listed((last_part(unescaped(tag.name)), _lora_hash(tag.name)) for tag in tags),
        "embedding_hashes": _listed((name, _embedding_hash(name)) for name in embedding_names(prompts)),
        "control_hashes": _listed((last_part(each.model), _installed_hash(each.model)) for each in request.controls),
    }
    return {name: text for name, text in facts.items() if text}


def _listed(pairs: Iterable[tuple[str, str | None]]) -> str:
    return ", ".join(f"{name}: {hash}" for name, hash in dict(pairs).items() if hash and ":" not in name)


def _installed_hash(name: str) -> str | None:
    if name == EMBEDDED or os.path.exists(name):
        return None
    with suppress(SdedgeError, OSError):
        library = Library()
        try:
            return library.find(name).short_hash
        finally:
            library.close()
    return None


def _lora_hash(name: str) -> str | None:
    with suppress(SdedgeError, OSError):
        return hashes_of(find_lora(name)).tensors[:LORA_DIGITS]
    return None


def _embedding_hash(name: str) -> str | None:
    path: Path | None = embedding_files().get(name)
    with suppress(OSError):
        return hashes_of(path).file[:EMBEDDING_DIGITS] if path is not None else None
    return None
