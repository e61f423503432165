"""A bundle's folder: packages under the names that Swift apps look up, their vocabulary, and our manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
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

from converters.fitting import differing
from converters.graphs import Graph
from converters.package import operations
from converters.recipe import PackageRecipe
from sdedge.engines.coreml.package_weights import source_of
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.stored_weights import KEY, read_weights, record
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import ModelError, OutputError
from sdedge.files import atomic_write, inside, is_empty, replace_folder
from sdedge.interpreter import python_command, python_environment
from sdedge.json_values import read_json_file
from sdedge.library.bundle_controls import CONTROLLED_UNETS, CONTROLNET
from sdedge.library.manifest import LARGEST_FILE, NAME, BundleComponent, Manifest, parse_component
from sdedge.locks import ProcessLock
from sdedge.text.tokenizer import Tokenizer

TITLES = {
    "text_encoder": "TextEncoder", "unet": "Unet", "unet_chunk1": "UnetChunk1", "unet_chunk2": "UnetChunk2",
    "controlled_unet": "ControlledUnet", "controlled_unet_chunk1": "ControlledUnetChunk1",
    "controlled_unet_chunk2": "ControlledUnetChunk2",
    "vae_decoder": "VAEDecoder", "vae_encoder": "VAEEncoder", "safety_checker": "SafetyChecker",
}  # fmt: skip
UNETS = ("unet", "unet_chunk1", "unet_chunk2")
CONTROLNETS = "controlnet"
"""The folder in which apps look for compiled ControlNets, whose names they write as in titles."""
SCRIPT = "compile.sh"
METADATA = "metadata.json"
"""In a compiled package: Xcode's compiler writes it, and apps read sizes and attention from it."""
JOURNAL = ".converting.json"
SENSITIVITY = "sensitivity.json"
"""Kept in the bundle, so that another target of a mixed recipe needs no new measurement."""
EXCHANGING = ".exchanging"
"""In an MPS bundle while a new one takes the place of what was there."""
_LOCK = ".converting.lock"
_BEGUN = {"coreml": (JOURNAL, SENSITIVITY), "graph": (EXCHANGING,)}
"""By a bundle's kind: what says of a folder without a manifest that one was begun there."""
_COMPILING = ".compiling-"


def title(component: str) -> str:
    """Returns the name of a component's package."""
    is_controlnet = component.startswith(CONTROLNET)
    return f"ControlNet_{component.removeprefix(CONTROLNET)}" if is_controlnet else TITLES[component]


def package_name(component: str) -> str:
    return f"{title(component)}.mlpackage"


def compiled_name(component: str) -> str:
    """Returns where apps look for a component's compiled package: for `canny_v2` at `controlnet/CannyV2.mlmodelc`."""
    if not component.startswith(CONTROLNET):
        return f"{title(component)}.mlmodelc"
    parts = re.split("[_-]", component.removeprefix(CONTROLNET))
    return f"{CONTROLNETS}/{''.join(part.title() for part in parts)}.mlmodelc"


@contextmanager
def claim(out: Path, kind: str) -> Iterator[None]:
    """Holds the folder for writing a bundle of a kind. Raises OutputError where it holds other things, which stay untouched, or
    another process is writing to it.
    """
    check_folder(out, kind)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write {out}: {error.strerror or error}; choose another folder.") from error
    lock = ProcessLock(out / _LOCK, "choose another folder")
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


def check_folder(out: Path, kind: str) -> None:
    """Raises OutputError unless a folder is new or empty, or holds a bundle of this kind, whole or begun."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; name a folder for the bundle.")
    try:
        held = {path.name for path in out.iterdir()} if out.is_dir() and not is_empty(out) else set()
    except OSError as error:
        raise OutputError(f"Cannot read {out}: {error.strerror or error}; choose another folder.") from error
    if NAME in held:
        _check_kind(out, kind)
    elif held and not held & {_LOCK, *_BEGUN[kind]}:
        raise OutputError(f"The folder {out} holds other things; name a new or empty one for the bundle.")


def _check_kind(out: Path, kind: str) -> None:
    try:
        manifest = Manifest.read(out)
    except ModelError as error:
        raise OutputError(
            f"The folder {out} holds other things, among them a {NAME} that is not of this version of sdedge; name a new or "
            "empty one for the bundle."
        ) from error
    if manifest.kind != kind:
        raise OutputError(
            f"The folder {out} holds a bundle of the kind {manifest.kind}, and this one is of the kind {kind}; name a new or "
            "empty one."
        )


# What is there already


def parts(
    out: Path, source: Mapping[str, Any], recipe: PackageRecipe
) -> tuple[dict[str, BundleComponent], dict[str, list[str]]]:
    """Returns the components of an earlier or interrupted conversion that belong with this one, and by the names of those that
    do not the choices that differ.
    """
    there = _read_parts(out)
    misfits = {name: choices for name, part in there.items() if (choices := differing(name, part, source, recipe))}
    return {name: part for name, part in there.items() if name not in misfits}, misfits


def recorded_source(out: Path) -> Mapping[str, object]:
    """Returns what an earlier or interrupted conversion recorded of its model and LoRAs, as a manifest does; nothing where there
    is none."""
    with suppress(ModelError):
        return Manifest.read(out).source
    recipes = [part.figures.get("recipe", {}) for part in _read_parts(out).values()]
    made = [recipe for recipe in recipes if isinstance(recipe, dict)]
    loras = next((recipe["loras"] for recipe in made if "loras" in recipe), None)
    return {"sha256": next((recipe.get("source") for recipe in made), None), "loras": loras}


def combine(before: Mapping[str, BundleComponent], made: Mapping[str, BundleComponent]) -> dict[str, BundleComponent]:
    """Returns all components, new ones for old; a UNet is there whole or in two chunks, never both."""
    replaced = {name for unets in (UNETS, CONTROLLED_UNETS) if made.keys() & set(unets) for name in unets}
    intact = {name: part for name, part in before.items() if name not in replaced}
    return {**intact, **made}


def _read_parts(out: Path) -> dict[str, BundleComponent]:
    """Returns what an interrupted run noted, and what the manifest says of a bundle that is whole."""
    parts: dict[str, BundleComponent] = {}
    with suppress(ModelError, OSError, ValueError, KeyError, TypeError, AttributeError):
        if (out / JOURNAL).exists():
            parts = {name: parse_component(part) for name, part in read_json_file(out / JOURNAL, LARGEST_FILE).items()}
            for part in parts.values():
                inside(out, part.file)
    return parts | _parts_of_manifest(out)


def _parts_of_manifest(out: Path) -> dict[str, BundleComponent]:
    with suppress(ModelError):
        return dict(Manifest.read(out).components)
    return {}


def reusable(
    out: Path, before: Mapping[str, BundleComponent], name: str, choices: Mapping[str, Any]
) -> dict[str, BundleComponent] | None:
    """Returns the packages of a component (one, or two chunks) if they were made by these choices and are unchanged."""
    unets = {"unet": UNETS, "controlled_unet": CONTROLLED_UNETS}.get(name)
    names = unets[1:] if unets and choices.get("chunk") else (name,)
    wanted = {part: before[part] for part in names if part in before}
    intact = len(wanted) == len(names) and all(
        part.figures.get("recipe") == choices
        and (out / part.file).exists()
        and hash_files(out / part.file) == part.sha256
        for part in wanted.values()
    )
    return wanted if intact else None


def note(out: Path, made: Mapping[str, BundleComponent]) -> None:
    """Remembers what is done, for a run that goes on after this one was interrupted. A bundle that was there stays one while
    all that its manifest names is kept; else there is none until `finish`."""
    with atomic_write(out / JOURNAL) as file:
        file.write(json.dumps({name: asdict(part) for name, part in made.items()}).encode())
    if (out / NAME).exists() and not _parts_of_manifest(out).items() <= made.items():
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
    tokenizer: Tokenizer | None, compiled: Mapping[str, BundleComponent],
) -> list[str]:  # fmt: skip
    """Writes vocabulary, compiled models or the script that makes them, and last the manifest; returns what a person should
    know. What is among `compiled` as it is now stays so.
    """
    remarks: list[str] = []
    if tokenizer is not None:
        write_vocabulary(out, tokenizer)
    remarks += compile_or_explain(out, made, compiled)
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
    nets = {CONTROLNET + path.stem.removeprefix("ControlNet_") for path in out.glob("ControlNet_*.mlpackage")}
    for name in ({*TITLES} | nets) - made.keys():
        for stray in (package_name(name), compiled_name(name)):
            shutil.rmtree(out / stray, ignore_errors=True)


def compile_or_explain(
    out: Path, made: Mapping[str, BundleComponent], compiled: Mapping[str, BundleComponent] | None = None
) -> list[str]:
    """Compiles packages on a Mac, but for what is among `compiled` as it is now, and writes the script that does elsewhere;
    returns what a person should know.
    """
    if compiles_here():
        return compile_packages(out, {name: part for name, part in made.items() if (compiled or {}).get(name) != part})
    _write_script(out, made)
    return []


def compiles_here() -> bool:
    """Returns whether this system compiles packages."""
    return sys.platform == "darwin"


def compiled(out: Path) -> dict[str, BundleComponent]:
    """Returns the components of a whole bundle whose compiled packages are there, with all that apps read."""
    manifest_parts = {} if (out / JOURNAL).exists() else _parts_of_manifest(out)
    return {name: part for name, part in manifest_parts.items() if (out / compiled_name(name) / METADATA).is_file()}


def compile_packages(out: Path, made: Mapping[str, BundleComponent]) -> list[str]:
    """Compiles each package by Xcode where it is there and by the system otherwise; returns a sentence where that fails.

    What was compiled before is exchanged when all is done, so that an interruption leaves one model's copies and no mixture.
    """
    for left in out.glob(f"{_COMPILING}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    by_system: list[Path] = []
    failed = ""
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix=_COMPILING, ignore_cleanup_errors=True) as beside:
            for name, part in made.items():
                if not (why := _compile_by_xcode(out / part.file, Path(beside))):
                    continue
                by_system.append(out / compiled_name(name))
                if instead := _compile_by_system(out / part.file, Path(beside)):
                    failed = f"{part.file} was not compiled, and apps load compiled models: {why}, and {instead}"
                    break
            _exchange(out, Path(beside), made)
    except OSError as error:
        failed = f"The packages were not compiled, and apps load compiled models: {error.strerror or error}"
    if failed:
        _write_script(out, made)
        return [f"{failed}; the packages are whole: put that right and run {SCRIPT} in {out}."]
    if by_system and not all((compiled / METADATA).is_file() for compiled in by_system):
        _write_script(out, made)
        return [
            f"The packages were compiled without Xcode, and so without the {METADATA} that some apps read; where one does "
            f"not list the model, install Xcode and run {SCRIPT} in {out}."
        ]
    (out / SCRIPT).unlink(missing_ok=True)
    return []


def _exchange(out: Path, beside: Path, made: Mapping[str, BundleComponent]) -> None:
    """Puts the compiled packages in the place of earlier ones, of which none remains beside a package that was not compiled."""
    for name, part in made.items():
        fresh, compiled = beside / f"{Path(part.file).stem}.mlmodelc", out / compiled_name(name)
        if fresh.is_dir():
            compiled.parent.mkdir(exist_ok=True)
            replace_folder(fresh, compiled)
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


def _write_script(out: Path, made: Mapping[str, BundleComponent]) -> None:
    """Apps load compiled models, which only a Mac makes, and Xcode most completely. Names are letters that need no quotes."""
    lines = [
        "#!/bin/sh",
        'cd "$(dirname "$0")" && for p in *.mlpackage; do xcrun coremlcompiler compile "$p" . || exit 1; done',
    ]
    nets = [name for name in made if name.startswith(CONTROLNET)]
    lines += [f"mkdir -p {CONTROLNETS}"] if nets else []
    for name in nets:
        compiled = compiled_name(name)
        lines.append(f"rm -rf {compiled} && mv {title(name)}.mlmodelc {compiled} || exit 1")
    with atomic_write(out / SCRIPT) as file:
        file.write("\n".join([*lines, ""]).encode())
    os.chmod(out / SCRIPT, 0o755)
