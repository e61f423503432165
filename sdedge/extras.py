"""LoRAs and embeddings by the names that prompts use: files in two folders of the app's store, or paths.

No torch until one is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest, ModelError
from sdedge.files import atomic_write
from sdedge.places import data_folder

if TYPE_CHECKING:
    from sdedge.weights.inversion import Embedding

LORA_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".bin")
_PIECE = 4 << 20


@dataclass(frozen=True)
class Extra:
    """An installed LoRA or embedding; `role` is "lora" or "embedding", `size` in bytes."""

    name: str
    role: str
    path: Path
    size: int


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


def installed() -> list[Extra]:
    """Every LoRA, then every embedding."""
    from sdedge.weights.inversion import find

    embeddings = find(embedding_folder()) if embedding_folder().is_dir() else {}
    pairs = [(role, found) for role, found in (("lora", loras()), ("embedding", embeddings))]
    return [Extra(name, role, path, path.stat().st_size) for role, found in pairs for name, path in found.items()]


def recognise(path: str | Path) -> str | None:
    """Whether a file is a "lora" or an "embedding", by the names of its tensors; None for anything else."""
    from sdedge.weights.architecture import name_stranger
    from sdedge.weights.files import open_tensors

    path = Path(path).expanduser()
    if not path.is_file():
        return None
    if path.suffix.lower() == ".png":
        return "embedding"
    try:
        source = open_tensors(path)
    except ModelError:  # who adds it as a model says why
        return None
    stranger = name_stranger(source) or ""
    if "LoRA" in stranger or "LyCORIS" in stranger or any(name.startswith(("lora_unet_", "lora_te_")) for name in source):
        return "lora"
    return "embedding" if "textual inversion" in stranger or len(source) == 1 else None


def install(path: str | Path, role: str, progress: Callable[[int, int], None] | None = None) -> Extra:
    """Check a LoRA or embedding and copy it to where prompts find it. Raises ModelError or OutputError."""
    path = Path(path).expanduser()
    check(path, role)
    taken = {extra.name for extra in installed() if extra.role == role}
    if path.stem in taken:
        raise ModelError(f"There is one named {path.stem!r} already; rename the file, or remove that one first.")
    target = (lora_folder() if role == "lora" else embedding_folder()) / path.name
    size, done = path.stat().st_size, 0
    with open(path, "rb") as source, atomic_write(target) as file:
        while piece := source.read(_PIECE):
            file.write(piece)
            done += len(piece)
            if progress:
                progress(done, size)
    return Extra(path.stem, role, target, os.path.getsize(target))


def check(path: Path, role: str) -> None:
    """Open it as its role. Raises ModelError for a damaged file or one made for another model."""
    from sdedge.weights.inversion import open_embedding
    from sdedge.weights.lora import open_lora

    if role == "lora":
        open_lora(path)
    else:
        open_embedding(path)


def faults_of(extra: Extra) -> list[str]:
    """What is wrong with an installed file, in sentences: every number of it is read."""
    from sdedge.weights.checkpoint import find_broken
    from sdedge.weights.files import open_tensors

    try:
        check(extra.path, extra.role)
        if extra.role == "embedding":
            return []  # read whole just now
        return [f"{broken} has NaN or infinite values" for broken in find_broken(open_tensors(extra.path))]
    except ModelError as error:
        return [str(error)]
