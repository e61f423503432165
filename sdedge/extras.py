"""LoRAs and embeddings by the names that prompts use: files in two folders of the app's store, or paths."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest
from sdedge.places import data_folder

if TYPE_CHECKING:
    from sdedge.weights.inversion import Embedding

LORA_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".bin")


def lora_folder() -> Path:
    """Where `<lora:name>` is looked up, with the folders inside it."""
    return data_folder() / "loras"


def embedding_folder() -> Path:
    """Where embedding names are looked up, with the folders inside it."""
    return data_folder() / "embeddings"


def loras() -> dict[str, Path]:
    """Name (file stem) -> file of every installed LoRA; of equal stems the first by path counts."""
    found: dict[str, Path] = {}
    for path in sorted(lora_folder().rglob("*")):
        if path.suffix.lower() in LORA_SUFFIXES and path.is_file():
            found.setdefault(path.stem, path)
    return found


def find_lora(name: str) -> Path:
    """The file of an installed LoRA, or the path itself. Raises InvalidRequest naming the folder and what is there."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    installed = loras()
    if name not in installed:
        there = f"there are {', '.join(installed)}" if installed else "it is empty"
        raise InvalidRequest(f"There is no LoRA {name!r} in {lora_folder()} ({there}); put its file there or give a path.")
    return installed[name]


def find_embeddings(texts: Iterable[str]) -> list[Embedding]:
    """The installed embeddings whose file names stand in any of the texts. Raises ModelError for a damaged file."""
    from sdedge.weights.inversion import find, open_embedding

    folder = embedding_folder()
    if not folder.is_dir():
        return []
    joined = "\n".join(texts).lower()
    return [open_embedding(path) for name, path in find(folder).items() if name.lower() in joined]
