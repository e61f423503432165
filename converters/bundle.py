"""A bundle's folder: packages under the names that Swift apps look up, their vocabulary, and our manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converters.graphs import Graph
from converters.package import operations
from converters.recipe import PackageRecipe
from sdedge.engines.coreml.package_weights import source_of
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.stored_weights import KEY, read_weights, record
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import ModelError, OutputError
from sdedge.files import atomic_write, inside, replace_folder
from sdedge.interpreter import python_command, python_environment
from sdedge.json_values import read_json_file
from sdedge.library.manifest import LARGEST_FILE, NAME, BundleComponent, Manifest, parse_component
from sdedge.locks import ProcessLock
from sdedge.text.tokenizer import Tokenizer

TITLES = {
    "text_encoder": "TextEncoder", "unet": "Unet", "unet_chunk1": "UnetChunk1", "unet_chunk2": "UnetChunk2",
    "vae_decoder": "VAEDecoder", "vae_encoder": "VAEEncoder", "safety_checker": "SafetyChecker",
}  # fmt: skip
UNETS = ("unet", "unet_chunk1", "unet_chunk2")
SCRIPT = "compile.sh"
METADATA = "metadata.json"
"""In a compiled package: Xcode's compiler writes it, and apps read sizes and attention from it."""
JOURNAL = ".converting.json"
SENSITIVITY = "sensitivity.json"
"""Kept in the bundle, so that another target of a mixed recipe needs no new measurement."""
_LOCK = ".converting.lock"
_COMPILING = ".compiling-"


def package_name(component: str) -> str:
    return f"{TITLES[component]}.mlpackage"


@contextmanager
def claim(out: Path) -> Iterator[None]:
    """Holds the folder for writing. Raises OutputError where it holds other things or another process is writing to it."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder for the bundle.")
    ours = any((out / name).exists() for name in (NAME, JOURNAL, SENSITIVITY, _LOCK))
    if out.is_dir() and not ours and any(out.iterdir()):
        raise OutputError(f"The folder {out} holds other things; name a new or empty one for the bundle.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write {out}: {error.strerror or error}; choose another folder.") from error
    lock = ProcessLock(out / _LOCK)
    if not lock.acquire():
        raise OutputError(
            f"Another conversion (process {lock.holder()}) is writing to {out}; wait for it, or name another folder."
        )
    try:
        for left in out.glob(".*.part"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()
        with suppress(OSError):
            (out / _LOCK).unlink()
            out.rmdir()  # where nothing was made, nothing remains


# What is there already


def parts(out: Path, source: Mapping[str, Any], recipe: PackageRecipe) -> dict[str, BundleComponent]:
    """Returns the components of an earlier or interrupted conversion that belong with this one: same converter, model, LoRAs
    and sizes.
    """

    def belongs(name: str, part: BundleComponent) -> bool:
        made, wanted = part.figures.get("recipe", {}), recipe.of(name, source)
        return all(made.get(key) == wanted.get(key) for key in ("converter", "source", "loras", "sizes"))

    return {name: part for name, part in _read_parts(out).items() if belongs(name, part)}


def combine(before: Mapping[str, BundleComponent], made: Mapping[str, BundleComponent]) -> dict[str, BundleComponent]:
    """Returns all components, new ones for old; a UNet is there whole or in two chunks, never both."""
    replaced = any(name in UNETS for name in made)
    intact = {name: part for name, part in before.items() if not (replaced and name in UNETS)}
    return {**intact, **made}


def _read_parts(out: Path) -> dict[str, BundleComponent]:
    try:
        if (out / JOURNAL).exists():
            parts = {name: parse_component(part) for name, part in read_json_file(out / JOURNAL, LARGEST_FILE).items()}
            for part in parts.values():
                inside(out, part.file)
            return parts
        return dict(Manifest.read(out).components)
    except (ModelError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def reusable(
    out: Path, before: Mapping[str, BundleComponent], name: str, choices: Mapping[str, Any]
) -> dict[str, BundleComponent] | None:
    """Returns the packages of a component (one, or two chunks) if they were made by these choices and are unchanged."""
    names = UNETS[1:] if choices.get("chunk") else (name,)
    wanted = {part: before[part] for part in names if part in before}
    intact = len(wanted) == len(names) and all(
        part.figures.get("recipe") == choices
        and (out / part.file).exists()
        and hash_files(out / part.file) == part.sha256
        for part in wanted.values()
    )
    return wanted if intact else None


def note(out: Path, made: Mapping[str, BundleComponent]) -> None:
    """Remembers what is done, for a run that goes on after this one was interrupted. Until `finish`, there is no bundle."""
    with atomic_write(out / JOURNAL) as file:
        file.write(json.dumps({name: asdict(part) for name, part in made.items()}).encode())
    (out / NAME).unlink(missing_ok=True)


# Describing


def describe(
    out: Path, path: Path, graph: Graph, figures: Mapping[str, Any], latent_factor: float | None = None
) -> BundleComponent:
    """Returns a package's entry in the manifest."""
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    counted = {**figures, "operations": dict(operations(path))}
    name = path.relative_to(out).as_posix()
    return BundleComponent(name, graph.inputs, graph.outputs, size, hash_files(path), counted, latent_factor)


def weights_record(path: Path, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the figure that says where a package keeps each weight and what the checkpoint's was, for LoRAs to come."""
    stored = read_weights(Package.open(path), {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    for name, weight in stored.items():
        dtype, sample = source_of(tensors[name])
        stored[name] = replace(weight, source=dtype, sample=sample)
    return {KEY: record(stored)}


def hash_files(folder: Path) -> str:
    """Returns the SHA-256 over the relative names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as file:
            digest.update(path.relative_to(folder).as_posix().encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def check_hashes(bundle: Path, manifest: Manifest) -> None:
    """Reads every byte of the components' files. Raises ModelError naming the component that is not the manifest's."""
    for name, part in manifest.components.items():
        if hash_files(inside(bundle, part.file)) != part.sha256:
            raise ModelError(
                f"The {name.replace('_', ' ')} of {bundle} is not the one its manifest describes (wrong hash); copy the "
                "bundle again, or convert the model again."
            )


# Finishing


def finish(
    out: Path, made: Mapping[str, BundleComponent], recipe: PackageRecipe, source: Mapping[str, Any], facts: ModelFacts,
    tokenizer: Tokenizer | None,
) -> list[str]:  # fmt: skip
    """Writes vocabulary, compiled models or the script that makes them, and last the manifest; returns what a person should
    know.
    """
    remarks: list[str] = []
    if tokenizer is not None:
        write_vocabulary(out, tokenizer)
    remarks += compile_or_explain(out, made)
    versions = {name: version(name) for name in ("sdedge", "coremltools", "torch")}
    Manifest(
        "coreml", facts.name, made, recipe.sizes, recipe.to_json(), source, facts.to_json(), versions=versions
    ).write(out)
    (out / JOURNAL).unlink(missing_ok=True)
    _remove_strays(out, made)
    return remarks


def write_vocabulary(out: Path, tokenizer: Tokenizer) -> None:
    """Writes `vocab.json` and `merges.txt`. Swift's reader drops the last merge unless a newline follows it."""
    merges = ["#version: 0.2", *(" ".join(pair) for pair in tokenizer.merges)]
    texts = {"vocab.json": json.dumps(tokenizer.vocab, ensure_ascii=False), "merges.txt": "\n".join(merges) + "\n"}
    for name, text in texts.items():
        with atomic_write(out / name) as file:
            file.write(text.encode())


def _remove_strays(out: Path, made: Mapping[str, BundleComponent]) -> None:
    """Packages of an earlier recipe: Swift would prefer leftover chunks to the whole UNet."""
    for title in set(TITLES.values()) - {TITLES[name] for name in made}:
        for suffix in (".mlpackage", ".mlmodelc"):
            shutil.rmtree(out / f"{title}{suffix}", ignore_errors=True)


def compile_or_explain(out: Path, made: Mapping[str, BundleComponent]) -> list[str]:
    """Compiles packages on a Mac and writes the script that does elsewhere; returns what a person should know."""
    if compiles_here():
        return compile_packages(out, made)
    _write_script(out)
    return []


def compiles_here() -> bool:
    """Returns whether this system compiles packages."""
    return sys.platform == "darwin"


def compile_packages(out: Path, made: Mapping[str, BundleComponent]) -> list[str]:
    """Compiles each package by Xcode where it is there and by the system otherwise; returns a sentence where that fails.

    What was compiled before is exchanged when all is done, so that an interruption leaves one model's copies and no mixture.
    """
    for left in out.glob(f"{_COMPILING}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    by_system: list[str] = []
    failed = ""
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix=_COMPILING, ignore_cleanup_errors=True) as beside:
            for part in made.values():
                if not (why := _compile_by_xcode(out / part.file, Path(beside))):
                    continue
                by_system.append(part.file)
                if instead := _compile_by_system(out / part.file, Path(beside)):
                    failed = f"{part.file} was not compiled, and apps load compiled models: {why}, and {instead}"
                    break
            _exchange(out, Path(beside), made)
    except OSError as error:
        failed = f"The packages were not compiled, and apps load compiled models: {error.strerror or error}"
    if failed:
        _write_script(out)
        return [f"{failed}; the packages are whole: put that right and run {SCRIPT} in {out}."]
    if by_system and not all((out / name).with_suffix(".mlmodelc").joinpath(METADATA).is_file() for name in by_system):
        _write_script(out)
        return [
            f"The packages were compiled without Xcode, and so without the {METADATA} that some apps read; where one does "
            f"not list the model, install Xcode and run {SCRIPT} in {out}."
        ]
    (out / SCRIPT).unlink(missing_ok=True)
    return []


def _exchange(out: Path, beside: Path, made: Mapping[str, BundleComponent]) -> None:
    """Puts the compiled packages in the place of earlier ones, of which none remains beside a package that was not compiled."""
    for part in made.values():
        compiled = (out / part.file).with_suffix(".mlmodelc")
        if (beside / compiled.name).is_dir():
            replace_folder(beside / compiled.name, compiled)
        else:
            shutil.rmtree(compiled, ignore_errors=True)


def _compile_by_xcode(path: Path, folder: Path) -> str:
    """Compiles into a folder; returns what went wrong, or nothing."""
    command = ["xcrun", "coremlcompiler", "compile", str(path), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        return f"xcrun cannot be started ({error.strerror or error}), it comes with Xcode"
    if not done.returncode:
        return "" if (folder / f"{path.stem}.mlmodelc").is_dir() else "xcrun coremlcompiler wrote nothing"
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"xcrun coremlcompiler said {said[-1][:300]!r}" if said else f"xcrun ended with {done.returncode}"


def _compile_by_system(path: Path, folder: Path) -> str:
    """Compiles by Core ML itself, in a process of its own since it may take minutes or be aborted; returns what went wrong."""
    try:
        done = subprocess.run(
            python_command("sdedge.engines.coreml.first_load", "--compile", str(path), str(folder)),
            capture_output=True, text=True, errors="replace", check=False, env=python_environment(),
        )  # fmt: skip
    except OSError as error:
        return f"Core ML's compiler cannot be started ({error.strerror or error})"
    if not done.returncode:
        return ""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"Core ML said {said[-1][:300]!r}" if said else f"Core ML's compiler ended with {done.returncode}"


def _write_script(out: Path) -> None:
    """Apps load compiled models, which only a Mac makes, and Xcode most completely."""
    script = '#!/bin/sh\ncd "$(dirname "$0")" && for p in *.mlpackage; do xcrun coremlcompiler compile "$p" . || exit 1; done\n'
    with atomic_write(out / SCRIPT) as file:
        file.write(script.encode())
    os.chmod(out / SCRIPT, 0o755)
