"""Where the tokenizer of a checkpoint is: beside or inside it, in the app's store, or elsewhere on this machine.

CLIP's vocabulary (MIT) is not part of this project: `install` puts it into the store once. No torch, no network but
for `install` without a path, which asks pip.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from sdedge.errors import ModelError, Remedy
from sdedge.files import atomic_write, read_at_most
from sdedge.interpreter import is_frozen, python_command, python_environment
from sdedge.json_values import read_json
from sdedge.places import data_folder, expanded, hub_cache

BPE_NAME = "bpe_simple_vocab_16e6.txt.gz"
BPE_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
CLIP_TOKENS = 49408
_BPE_LIMIT = 8 << 20
_PACKAGES = ("open_clip", "clip", "mobileclip", "longclip")  # packages known to carry the BPE file
_WHEEL = "open_clip_torch"
_PIP_SECONDS = 120


class Model(Protocol):
    """What is asked of a checkpoint."""

    @property
    def path(self) -> Path: ...
    @property
    def tokenizer_files(self) -> Path | None: ...
    @property
    def tokenizer_texts(self) -> dict[str, str]: ...
    @property
    def text_encoder(self) -> dict[str, Any]: ...


def holds_tokenizer(folder: Path) -> bool:
    pair = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    return pair or (folder / "tokenizer.json").is_file()


def resolve(checkpoint: Model) -> Path:
    """Returns the vocabulary for a checkpoint: a folder, or CLIP's BPE file.

    In order: beside the model, inside it, the app's store, the Hugging Face cache, an installed package that carries
    CLIP's BPE file. Raises ModelError naming the ways to get one.
    """
    if checkpoint.tokenizer_files is not None:
        return checkpoint.tokenizer_files
    if checkpoint.tokenizer_texts:
        return _unpacked(checkpoint.tokenizer_texts)
    tokens = checkpoint.text_encoder["text_model.embeddings.token_embedding.weight"].shape[0]
    if tokens != CLIP_TOKENS:
        raise ModelError(
            f"{checkpoint.path} has a text encoder of {tokens} tokens and no vocabulary with it (CLIP's has {CLIP_TOKENS});"
            " put its vocab.json and merges.txt beside it."
        )
    folder = installed() or next(_in_hub_cache(), None) or next(_in_packages(), None)
    if folder is None:
        raise ModelError(
            f"{checkpoint.path} comes without CLIP's vocabulary and there is none on this machine:"
            f" {Remedy.INSTALL_VOCABULARY} once, or {Remedy.INSTALL_VOCABULARY_FROM} with a"
            f" {BPE_NAME}, or put vocab.json and merges.txt beside the model.",
            remedy=Remedy.INSTALL_VOCABULARY,
        )
    return folder


def installed() -> Path | None:
    """Returns the vocabulary in the app's store."""
    path = store() / BPE_NAME
    if path.is_file():
        return path
    return store() if holds_tokenizer(store()) else None


def store() -> Path:
    return data_folder() / "tokenizer"


def install(path: str | Path | None = None) -> Path:
    """Puts CLIP's vocabulary into the app's store, once for all single-file models; returns where it is.

    `path`: the BPE file, a folder with `vocab.json` and `merges.txt` (or those of a whole model), or a wheel that
    carries the BPE file. None takes it out of the open_clip_torch wheel, which pip downloads (1.5 MB). The BPE file
    is checked by its SHA-256. Raises ModelError.
    """
    if path is None:
        return _install_bpe(_from_wheel(_download_wheel))
    source = expanded(path)
    if source.is_dir():
        folder = next((f for f in (source, source / "tokenizer") if (f / "vocab.json").is_file()), None)
        if folder is not None:
            return _install_folder(folder)
        source = source / BPE_NAME
    if not source.is_file():
        raise ModelError(
            f"There is no vocabulary at {source}; name {BPE_NAME} or a folder with vocab.json and merges.txt."
        )
    if zipfile.is_zipfile(source):
        return _install_bpe(_bpe_of_wheel(source))
    return _install_bpe(read_vocabulary(source))


def _install_bpe(data: bytes) -> Path:
    if hashlib.sha256(data).hexdigest() != BPE_SHA256:
        raise ModelError(
            f"The file is not CLIP's {BPE_NAME} (its SHA-256 differs); get it from the CLIP or open_clip project."
        )
    target = store() / BPE_NAME
    with atomic_write(target) as file:
        file.write(data)
    return target


def _install_folder(folder: Path) -> Path:
    texts = {name: read_vocabulary(folder / name) for name in ("vocab.json", "merges.txt") if (folder / name).is_file()}
    if len(texts) != 2 or not _is_clip(texts["vocab.json"]):
        raise ModelError(
            f"{folder} does not hold CLIP's vocabulary ({CLIP_TOKENS} tokens in vocab.json, and merges.txt)."
        )
    for name, data in texts.items():
        with atomic_write(store() / name) as file:
            file.write(data)
    return store()


def _is_clip(vocab: bytes) -> bool:
    try:
        tokens = read_json(vocab, "The vocabulary", _BPE_LIMIT)
    except ModelError:
        return False
    return isinstance(tokens, dict) and len(tokens) == CLIP_TOKENS and tokens.get("<|endoftext|>") == CLIP_TOKENS - 1


def read_vocabulary(path: Path, limit: int = _BPE_LIMIT, remedy: str = f"name {BPE_NAME}") -> bytes:
    """Returns the bytes of a file of a vocabulary. Raises ModelError for one that cannot be read or has more than `limit`."""
    try:
        data = read_at_most(path, limit)
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror or error}; check the path.") from None
    if len(data) > limit:
        raise ModelError(f"{path} is too large for a vocabulary (over {limit >> 20} MB); {remedy}.")
    return data


# The wheel


def _download_wheel(folder: Path) -> Path:
    """Runs `pip download` of the wheel alone. pip's own configuration says from where; nothing is installed."""
    if is_frozen():
        raise ModelError(
            f"The app has no pip to get {_WHEEL} with, which carries CLIP's vocabulary; {Remedy.GET_VOCABULARY}, or name a"
            f" {BPE_NAME} you have: {Remedy.INSTALL_VOCABULARY_FROM}.",
            remedy=Remedy.GET_VOCABULARY,
        )
    command = python_command(
        "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet", "--dest", str(folder), _WHEEL
    )
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": _PIP_SECONDS, "check": False}
    try:
        done = subprocess.run(command, env=python_environment(), **options)
    except (OSError, subprocess.TimeoutExpired):
        done = None
    wheels = sorted(folder.glob("*.whl"))
    if done is None or done.returncode or not wheels:
        raise ModelError(
            f"pip could not download {_WHEEL}, which carries CLIP's vocabulary; check the network, or name a"
            f" {BPE_NAME} you have: {Remedy.INSTALL_VOCABULARY_FROM}.",
            remedy=Remedy.INSTALL_VOCABULARY_FROM,
        )
    return wheels[0]


def _from_wheel(download: Callable[[Path], Path]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return _bpe_of_wheel(download(Path(folder)))


def _bpe_of_wheel(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            entry = next((item for item in archive.infolist() if item.filename.endswith("/" + BPE_NAME)), None)
            if entry is None or entry.file_size > _BPE_LIMIT:
                raise ModelError(f"{wheel.name} does not carry {BPE_NAME}; name the file itself.")
            return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        raise ModelError(f"{wheel} is not a readable wheel; name {BPE_NAME} itself.") from None


# Elsewhere on this machine


def _in_hub_cache() -> Iterator[Path]:
    """Snapshots of CLIP or of Stable Diffusion models in the local Hugging Face cache."""
    for pattern in ("models--*/snapshots/*/tokenizer", "models--openai--clip-vit-large-patch14/snapshots/*"):
        for folder in sorted(hub_cache().glob(pattern)):
            try:
                if (folder / "merges.txt").is_file() and _is_clip(read_vocabulary(folder / "vocab.json")):
                    yield folder
            except ModelError:
                continue


def _in_packages() -> Iterator[Path]:
    """Yields the BPE file inside installed packages, which are found and not imported."""
    for name in _PACKAGES:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / BPE_NAME
            if path.is_file() and hashlib.sha256(read_vocabulary(path)).hexdigest() == BPE_SHA256:
                yield path


def _unpacked(texts: dict[str, str]) -> Path:
    """Returns a vocabulary that travelled inside a model, as files in the store under the hash of its contents."""
    known = {
        name: str(text)
        for name, text in sorted(texts.items())
        if name in ("vocab.json", "merges.txt", "tokenizer.json")
    }
    digest = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]
    folder = data_folder() / "tokenizers" / digest
    for name, text in known.items():
        if not (folder / name).is_file():
            with atomic_write(folder / name) as file:
                file.write(text.encode("utf-8", "replace"))
    return folder
