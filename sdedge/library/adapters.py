"""LoRAs and embeddings by the names that prompts use: files in two folders of the app's store, or paths.

No torch until one is opened.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest, ModelError, OutputError
from sdedge.files import APPLE_DOUBLE, atomic_write, open_regular
from sdedge.locks import ProcessLock
from sdedge.places import data_folder, expanded
from sdedge.text.names import Names, composed, folded, loose
from sdedge.text.tags import is_path, unescaped
from sdedge.text.wildcards import Lines, ResolvedText, from_folder, resolve

if TYPE_CHECKING:
    from sdedge.weights.textual_inversion import Embedding

LORA_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".bin")
_LORA_NAMES = ("lora_unet_", "lora_te_", "lycoris_")
_PIECE = 4 << 20
_PATIENCE = 10.0  # seconds to wait for another import, which holds the lock for the moment of naming
_COMFY = re.compile(r"(?<!\w)embedding:\s*([^\s,()\[\]:]+)", re.I)


@dataclass(frozen=True)
class Adapter:
    """An installed LoRA or embedding; `role` is "lora" or "embedding", `size` in bytes."""

    name: str
    role: str
    path: Path
    size: int


def lora_folder() -> Path:
    """Returns where `<lora:name>` is looked up, with the folders inside it."""
    return data_folder() / "loras"


def embedding_folder() -> Path:
    """Returns where embedding names are looked up, with the folders inside it."""
    return data_folder() / "embeddings"


def loras() -> dict[str, Path]:
    """Returns name (file stem) -> file of every installed LoRA; of equal stems the first by path counts."""
    files: dict[str, Path] = {}
    for path in _lora_files():
        files.setdefault(path.parent.name if _is_named_by_folder(path) else path.stem, path)
    return files


@dataclass(frozen=True)
class ResolvedLora:
    """The file that a prompt's name leads to, and what is to be said where that is not by its very name."""

    path: Path
    note: str = ""


def find_lora(name: str) -> Path:
    """Returns the file of an installed LoRA, or the path itself. Raises as `look_up_lora` does."""
    return look_up_lora(name).path


def look_up_lora(name: str) -> ResolvedLora:
    """Returns the file of an installed LoRA by its name, its folder and name, or what it calls itself (`ss_output_name`).

    A name that is a path (`text.tags.is_path`) is that path and nothing else. The very name wins; then case, width,
    Unicode form, spaces and underscores do not matter. Raises InvalidRequest for none, and for several alike.
    """
    wanted = unescaped(name)
    if is_path(wanted):
        return ResolvedLora(_lora_at(expanded(wanted)))
    wanted = wanted.replace("\\", "/")
    files = {path: _spellings(path) for path in _lora_files()}
    stem, dot, suffix = wanted.rpartition(".")
    tries = [wanted, *([stem] if dot and f".{suffix.lower()}" in LORA_SUFFIXES else []), wanted.rpartition("/")[2]]
    for plain in (composed, folded, loose):
        for spelling in dict.fromkeys(tries):
            if matches := [path for path, names in files.items() if plain(spelling) in map(plain, names)]:
                said = plain is not composed or spelling == tries[-1] != tries[0]
                return _only(name, plain(spelling), matches, said)
    for plain in (composed, folded):
        if matches := [path for path in files if plain(_alias(path) or "") == plain(wanted)]:
            return _only(name, plain(wanted), matches, True)
    known = ", ".join(list(dict.fromkeys(path.stem for path in files))[:20])
    there = f"there are {known}" if known else "it is empty"
    raise InvalidRequest(
        f"There is no LoRA {name[:80]!r} in {lora_folder()} ({there}); put its file there or give a path."
    )


def lora_typed(text: str) -> ResolvedLora:
    """Returns the LoRA that a person's command names: the file or peft's folder that is there, else an installed one by its
    name.

    Raises InvalidRequest as `look_up_lora` does. Not for prompts, which also come from strangers.
    """
    path = expanded(text)
    try:
        there = path.is_file() or (path / "adapter_model.safetensors").is_file()
    except (OSError, ValueError):  # a name that no system takes
        there = False
    return ResolvedLora(_lora_at(path)) if there else look_up_lora(text)


def with_weight(text: str) -> tuple[str, float]:
    """Returns FILE and WEIGHT of "FILE:WEIGHT"; all of it is the file where there is one of that name, or no finite number
    follows.
    """
    file, colon, number = text.rpartition(":")
    try:
        weight = float(number) if file and colon and not os.path.exists(text) else math.nan
    except ValueError:
        weight = math.nan
    return (file, weight) if math.isfinite(weight) else (text, 1.0)


def _only(name: str, plain: str, matches: list[Path], said: bool) -> ResolvedLora:
    """Returns the one that is found; of several, the one that is not in a folder of its own."""
    top = [path for path in matches if path.parent == lora_folder()]
    if len(matches) > 1 and len(top) != 1:
        candidates = " and ".join(path.relative_to(lora_folder()).as_posix() for path in matches[:3])
        raise InvalidRequest(f"The LoRA {name[:80]!r} may be {candidates}; write its folder, its name and its suffix.")
    path = top[0] if len(matches) > 1 else matches[0]
    return ResolvedLora(
        path, f"The LoRA {name[:80]!r} is {path.relative_to(lora_folder()).as_posix()}." if said else ""
    )


def _lora_files() -> list[Path]:
    files = (path for path in sorted(lora_folder().rglob("*")) if not path.name.startswith(APPLE_DOUBLE))
    return [path for path in files if path.suffix.lower() in LORA_SUFFIXES and path.is_file()]


def _is_named_by_folder(path: Path) -> bool:
    """Returns whether a LoRA has its folder's name, as peft calls every file the same."""
    return path.stem == "adapter_model" and path.parent != lora_folder()


def _spellings(path: Path) -> list[str]:
    """Returns the names that a file has: with and without its folder and suffix; peft's files are named by their folder."""
    inner = path.relative_to(lora_folder())
    full, bare = inner.as_posix(), inner.with_name(inner.stem).as_posix() if inner.stem else inner.as_posix()
    folder = (inner.parent.as_posix(), inner.parent.name) if _is_named_by_folder(path) else ()
    return [path.stem, bare, path.name, full, *folder]


def _alias(path: Path) -> str | None:
    """Returns what a LoRA calls itself in its header, as its trainer was told; kept while the file is as it is."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _alias_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _alias_of(path: Path, changed: int, size: int) -> str | None:
    from sdedge.weights.files import open_tensors

    if path.suffix.lower() != ".safetensors":
        return None
    try:
        return open_tensors(path).metadata.get("ss_output_name") or None
    except ModelError:  # who asks for it by its file's name is told why
        return None


def _lora_at(path: Path) -> Path:
    """Returns a path that was typed; a folder of peft's stands for the file in it."""
    inner = path / "adapter_model.safetensors"
    try:
        file = inner if inner.is_file() else path
        if file.is_file():
            return file
    except (OSError, ValueError):  # a name that no system takes
        pass
    raise InvalidRequest(f"There is no LoRA file at {str(path)[:200]!r}; check the path.")


def wildcard_folder() -> Path:
    """Returns where `__name__` is looked up: text files, with the folders inside it."""
    return data_folder() / "wildcards"


def wildcard_names() -> list[str]:
    """Returns the names of the wildcard files, as prompts write them between two underscores on each side."""
    folder = wildcard_folder()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.txt"))


def wildcard_lines() -> Lines:
    """Returns the lines of the wildcard files, for `text.wildcards.resolve`."""
    return from_folder(wildcard_folder())


def wildcards_chosen(text: str, seed: int, side: str = "") -> ResolvedText:
    """Returns a prompt with its wildcards resolved by a picture's seed; what is part of an embedding's name stays as it is
    written.
    """
    resolved = resolve(text, seed, wildcard_lines(), side, names_with("__", "{"))
    return replace(resolved, text=with_plain_names(resolved.text))


def has_embeddings() -> bool:
    """Returns whether any embedding is installed."""
    return bool(embedding_files())


def names_with(*marks: str) -> re.Pattern[str] | None:
    """Returns the names of installed embeddings that hold any of these marks of the prompt language; None without any."""
    names = [name for name in embedding_files() if any(mark in name for mark in marks)]
    if not names:
        return None
    return re.compile(r"(?<![\w\\])(?:" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + r")(?!\w)")


def with_plain_names(text: str) -> str:
    """Returns a prompt with the brackets of embeddings' names as plain text, where a name is written as its file has it."""
    names = names_with("(", ")", "[", "]")
    return text if names is None else names.sub(lambda name: re.sub(r"[][()]", r"\\\g<0>", name[0]), text)


def embedding_names(texts: Iterable[str]) -> list[str]:
    """Returns the names of installed embeddings that stand in any of the texts, as `find_embeddings` reads them; opens none."""
    names = Names(embedding_files())
    return list(dict.fromkeys(match.name for text in texts for match in names.find(composed(text))))


def find_embeddings(texts: Iterable[str]) -> tuple[list[Embedding], list[str]]:
    """Returns the installed embeddings whose names stand in any of the texts, which are prompts without brackets and weights,
    under those names.

    With them, what is to be said: files that are damaged or made for another model, and names that are not there.
    """
    files = embedding_files()
    names = Names(files)
    plain = [composed(text) for text in texts]
    names_used = dict.fromkeys(match.name for text in plain for match in names.find(text))
    opened, notes = [], []
    for name in names_used:
        try:
            status = files[name].stat()
            opened.append(replace(_embedding(files[name], status.st_mtime_ns, status.st_size), name=name))
        except (ModelError, OSError) as error:
            notes.append(f"The embedding {name} is not used: {error}")
    for text in plain:
        stood = {match.start for match in names.find(text)}
        missing = [match[1] for match in _COMFY.finditer(text) if match.start() not in stood]
        notes += [
            f"There is no embedding {name[:80]!r} in {embedding_folder()}; it is read as words." for name in missing
        ]
    return opened, list(dict.fromkeys(notes))


@lru_cache(maxsize=32)
def _embedding(path: Path, changed: int, size: int) -> Embedding:
    from sdedge.weights.textual_inversion import open_embedding

    return open_embedding(path)


def embedding_files() -> dict[str, Path]:
    """Returns name -> file of every installed embedding."""
    from sdedge.weights.textual_inversion import find

    return find(embedding_folder()) if embedding_folder().is_dir() else {}


def installed() -> list[Adapter]:
    """Returns every LoRA, then every embedding."""
    pairs = [(role, files) for role, files in (("lora", loras()), ("embedding", embedding_files()))]
    return [Adapter(name, role, path, path.stat().st_size) for role, files in pairs for name, path in files.items()]


def recognise(path: str | Path) -> str | None:
    """Returns whether a file is a "lora" or an "embedding", by the names of its tensors; None for anything else."""
    from sdedge.weights.architecture import unsupported_architecture
    from sdedge.weights.files import open_tensors

    path = expanded(path)
    if not path.is_file():
        return None
    if path.suffix.lower() == ".png":
        return "embedding"
    try:
        source = open_tensors(path)
    except ModelError:  # who adds it as a model says why
        return None
    unsupported = unsupported_architecture(source) or ""
    if "LoRA" in unsupported or "LyCORIS" in unsupported or any(name.startswith(_LORA_NAMES) for name in source):
        return "lora"
    return "embedding" if "textual inversion" in unsupported or len(source) == 1 else None


def install(path: str | Path, role: str, progress: Callable[[int, int], None] | None = None, name: str = "") -> Adapter:
    """Checks a LoRA or embedding and copies it to where prompts find it, under this name or its own. Raises ModelError or
    OutputError."""
    from sdedge.library.imports import check_name

    path = expanded(path).absolute()  # peft's files are named by their folder
    check(path, role)
    config = path.with_name("adapter_config.json") if role == "lora" and _has_config(path) else None
    own = path.parent.name if path.stem == "adapter_model" and config else _name_of(path, role)
    name = check_name(name) if name else composed(own)
    _refuse_taken(name, role)
    folder = lora_folder() if role == "lora" else embedding_folder()
    file_name = path.name if path.stem == "adapter_model" else f"{name}{path.suffix}"
    target = folder / name / file_name if config else folder / f"{name}{path.suffix}"
    size, done = path.stat().st_size, 0
    with ExitStack() as naming, open(path, "rb") as source, atomic_write(target, replace=False) as file:
        while piece := source.read(_PIECE):
            file.write(piece)
            done += len(piece)
            if progress:
                progress(done, size)
        naming.enter_context(_naming_lock())  # until the file has its name
        _refuse_taken(name, role)
        if config:
            with open_regular(config) as beside, atomic_write(target.with_name(config.name)) as copy:
                copy.write(beside.read())
    return Adapter(name, role, target, os.path.getsize(target))


def _name_of(path: Path, role: str) -> str:
    """Returns the file's stem; for diffusers' `learned_embeds`, which tells nothing, the token inside: `cat-toy` for
    `<cat-toy>`.
    """
    from sdedge.weights.textual_inversion import GENERIC, open_embedding

    if role != "embedding" or path.stem != GENERIC:
        return path.stem
    token = (open_embedding(path).token or "").strip("<> .")
    return token if token and not set(token) & set('/\\:*?"|<>') and token.isprintable() else path.stem


def _refuse_taken(name: str, role: str) -> None:
    if any(composed(extra.name) == composed(name) for extra in installed() if extra.role == role):
        raise ModelError(f"There is one named {name!r} already; rename the file, or remove that one first.")


@contextmanager
def _naming_lock() -> Iterator[None]:
    """Held while a file gets its name: of two imports of one name, at most one takes it. Raises OutputError."""
    lock, began = ProcessLock(data_folder() / "extras.lock"), time.monotonic()
    while not lock.acquire():
        if time.monotonic() - began > _PATIENCE:
            raise OutputError(f"Another import holds {lock.path}; try again when it is done.")
        time.sleep(0.02)
    try:
        yield
    finally:
        lock.release()


def _has_config(path: Path) -> bool:
    """Returns whether peft's configuration lies beside a LoRA and is its own; its alpha counts, so it is copied with it."""
    from sdedge.weights.lora_config import CONFIG, belongs

    return path.with_name(CONFIG).is_file() and belongs(path)


def check(path: Path, role: str) -> None:
    """Opens it as its role. Raises ModelError for a damaged file or one made for another model."""
    from sdedge.weights.lora import open_lora
    from sdedge.weights.textual_inversion import open_embedding

    if role == "lora":
        open_lora(path)
    else:
        open_embedding(path)


def faults_of(extra: Adapter) -> list[str]:
    """Returns what is wrong with an installed file, in sentences: every number of it is read."""
    from sdedge.weights.checkpoint import find_broken
    from sdedge.weights.files import open_tensors

    try:
        check(extra.path, extra.role)
        if extra.role == "embedding":
            return []  # read whole just now
        return [f"{broken} has NaN or infinite values" for broken in find_broken(open_tensors(extra.path))]
    except ModelError as error:
        return [str(error)]
