"""A bundle with LoRAs in it, for other apps: what a conversion with them makes, without the conversion."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from converters import bundle
from sdedge.clones import clone_file, clone_folder
from sdedge.engines.bundles import check_tree
from sdedge.engines.coreml.lora_changes import FindModel, changes_of, outcome
from sdedge.engines.coreml.package_weights import WeightChange, Written, write_changes
from sdedge.engines.protocol import LoraUse
from sdedge.errors import ModelError, OutputError, Remedy
from sdedge.events import Event, Finished, Loading, Notice, Progress
from sdedge.files import inside, is_empty, remove_empty
from sdedge.library.file_hashes import hashes_of
from sdedge.library.manifest import BundleComponent, Manifest

Fused = tuple[Path, float]
"""A LoRA's file and its weight on both networks."""
_BESIDE = ("vocab.json", "merges.txt")
_ABOUT = "sdedge.loras"
"""The key in a package's metadata, as `converters.about` writes it."""


def apply_loras(folder: Path, out: Path, loras: Sequence[Fused], find_model: FindModel | None) -> Iterator[Event]:
    """Writes the bundle `out`, telling each phase: a copy of `folder` whose weights have the LoRAs in them.

    `find_model` finds the model that the bundle came from. Nothing remains of a copy that is not whole. Raises ModelError for
    what does not fit, OutputError for a full disk and for an `out` that holds other things.
    """
    start = time.monotonic()
    yield Loading("opening the bundle")
    manifest = Manifest.read(folder)
    if manifest.kind != "coreml":
        raise ModelError(
            f"The bundle {folder} holds graphs, whose weights are fixed; {Remedy.CONVERT_WITH_LORA}.",
            remedy=Remedy.CONVERT_WITH_LORA,
        )
    check_tree(folder, manifest)
    changes = changes_of(folder, manifest, [LoraUse(path, weight, weight) for path, weight in loras], find_model)
    yield from map(Notice, changes.notices)
    fused = [*(manifest.source.get("loras") or []), *([path.name, weight, _hash(path)] for path, weight in loras)]
    with _folder_for(out) as work:
        components: dict[str, BundleComponent] = {}
        for i, (name, part) in enumerate(manifest.components.items()):
            yield Progress(f"{Path(part.file).stem}", i, len(manifest.components))
            components[name], written = _component(folder, work, name, part, changes.components, fused)
            if written is not None:
                yield from map(Notice, outcome(manifest, name, written))
        yield Loading("writing the manifest")
        _finish(folder, work, manifest, components, fused)
    yield from map(Notice, bundle.compile_or_explain(out, components))
    yield Progress("done", len(components), len(components))
    yield Finished(len(changes.components), time.monotonic() - start)


def _hash(path: Path) -> str:
    try:
        return hashes_of(path).file
    except OSError as error:
        raise ModelError(f"Cannot read the LoRA {path}: {error.strerror or error}; check the disk.") from error


@contextmanager
def _folder_for(out: Path) -> Iterator[Path]:
    """Yields a folder beside `out` that gets its name in the end; where something fails nothing remains.

    Raises OutputError for an `out` that is not new or empty, and for a full disk.
    """
    if out.exists() and not (out.is_dir() and is_empty(out)):
        raise OutputError(f"{out} holds other things; name a new or empty folder for the bundle.")
    work: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name[:40]}-", suffix=".part"))
        yield work
        if out.exists():
            remove_empty(out)
        work.chmod(0o755)
        work.rename(out)
    except OSError as error:
        raise OutputError(
            f"Cannot write {out}: {error.strerror or error}; choose another folder or free some space."
        ) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _component(
    folder: Path, work: Path, name: str, part: BundleComponent, changes: Mapping[str, Mapping[str, WeightChange]],
    fused: Sequence[Sequence[Any]],
) -> tuple[BundleComponent, Written | None]:  # fmt: skip
    """Copies a component and changes it; returns its entry in the manifest."""
    package = work / part.file
    package.parent.mkdir(parents=True, exist_ok=True)
    clone_folder(inside(folder, part.file), package)
    figures = {key: value for key, value in part.figures.items() if key != "psnr"}
    recipe = figures.get("recipe")
    written = None
    if name in changes:
        written = write_changes(package, changes[name], partial(_describe, fused))
        if written.inexact and isinstance(recipe, dict):
            figures["recipe"] = recipe = {**recipe, "inexact": written.inexact}  # no conversion takes it for its own
    if isinstance(recipe, dict) and "loras" in recipe:
        figures["recipe"] = {**recipe, "loras": [list(entry) for entry in fused]}
    size = sum(file.stat().st_size for file in package.rglob("*") if file.is_file())
    return replace(part, bytes=size, sha256=bundle.hash_files(package), figures=figures), written


def _describe(fused: Sequence[Sequence[Any]], specification: Any) -> None:
    specification.description.metadata.userDefined[_ABOUT] = ", ".join(f"{lora[0]}:{lora[1]}" for lora in fused)


def _finish(
    folder: Path, work: Path, manifest: Manifest, components: Mapping[str, BundleComponent], fused: Sequence[Sequence[Any]]
) -> None:  # fmt: skip
    """Copies the vocabulary and writes the manifest."""
    for name in _BESIDE:
        if (folder / name).exists():
            clone_file(inside(folder, name), work / name)
    recipe = {**manifest.recipe, "loras": [list(entry[:2]) for entry in fused]}
    source = {**manifest.source, "loras": [list(entry) for entry in fused]}
    replace(manifest, components=components, recipe=recipe, source=source, figures={}).write(work)
