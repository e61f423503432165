"""`sdedge models export`, `merge` and `quantize`: a model written anew."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sdedge.commands.terminal import echo, note
from sdedge.commands.values import NameType, integer, number
from sdedge.errors import InvalidRequest, ModelError

DTYPES = ("float32", "float16", "bfloat16")


@click.command()
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--dtype", type=NameType(DTYPES), help="Convert the weights; they stay as they are by default.")
@click.option("--ema/--no-ema", "ema", default=None, help="Averaged or plain weights, where a checkpoint has both.")
@click.option("--vae", help="Put in this VAE instead of the model's own.")
def export(name: str, target: Path, dtype: str | None, ema: bool | None, vae: str | None) -> None:
    """Write a model (installed or at a path) to TARGET: a .safetensors file for web UIs, or a diffusers folder."""
    from sdedge.engines.open import locate
    from sdedge.weights.checkpoint import open_checkpoint

    _refuse_existing(target)
    checkpoint = open_checkpoint(locate(name), ema=ema, vae=_vae_path(vae))
    _write_model(checkpoint, target, dtype)


def _refuse_existing(target: Path) -> None:
    """Raises InvalidRequest for a file or folder that is there: gigabytes of somebody's, perhaps the very model that is read."""
    if target.exists():
        raise InvalidRequest(f"{target} is there already; name another one, or move it away first.")


def _write_model(checkpoint: Any, target: Path, dtype: str | None) -> None:
    from sdedge.text.vocabulary import resolve
    from sdedge.weights.export import export_folder, export_single

    tokenizer: Path | None = None
    with contextlib.suppress(ModelError):  # weights go without a vocabulary too
        tokenizer = resolve(checkpoint)
    if target.suffix == ".safetensors":
        echo(export_single(checkpoint, target, dtype, tokenizer))
    else:
        echo(export_folder(checkpoint, target, dtype, tokenizer))
        if tokenizer is None:
            echo("No vocabulary was found to put with it; run `sdedge tokenizer install` and export again.", err=True)


@click.command()
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with", "second", metavar="MODEL", help="A second model: NAME (1 - weight) + MODEL weight.")
@click.option("--minus", "third", metavar="MODEL", help="A third: NAME + (second - MODEL) weight.")
@click.option("--weight", type=number(0, 2), help="Of the second model.  [default: 0.5, with --minus 1]")
@click.option("--vae", help="first, second, merged, or a model or file.  [default: first]")
@click.option("--text-encoder", type=NameType(("first", "second", "merged")), help="Whose it is.  [default: merged]")
@click.option("--lora", "loras", multiple=True, metavar="FILE[:WEIGHT]", help="Bake it in; repeat for several.")
@click.option("--dtype", type=NameType(DTYPES), help="Convert the weights; they stay as they are by default.")
def merge(name: str, target: Path, loras: tuple[str, ...], dtype: str | None, **options: Any) -> None:
    """Merge a model (installed or at a path) with a second one, or bake LoRAs into it, and write it to TARGET.

    Two models become one .safetensors file, which records what it was made of. Weights are in the first one's number format.
    """
    if bool(loras) == (options["second"] is not None):
        raise InvalidRequest("A merge takes either a second model or LoRAs; give one of --with and --lora.")
    _refuse_existing(target)
    if loras:
        if fault := next((option for option in options if options[option] is not None), None):
            raise InvalidRequest(
                f"LoRAs are baked in without --{fault.replace('_', '-')}; leave it out, or give --with."
            )
        _bake(name, target, loras, dtype)
    else:
        _merge_models(name, target, dtype, options)


def _bake(name: str, target: Path, loras: tuple[str, ...], dtype: str | None) -> None:
    """Writes a model with LoRAs in it, as `export` does."""
    from sdedge.engines.open import locate
    from sdedge.library.adapters import lora_typed, with_weight
    from sdedge.weights.checkpoint import open_checkpoint
    from sdedge.weights.lora import fit, open_lora
    from sdedge.weights.lora import merge as bake

    weighed, notes = [], []
    for text in loras:
        file, weight = with_weight(text)
        lora_file = lora_typed(file)
        notes += [lora_file.note] if lora_file.note else []
        weighed.append((open_lora(lora_file.path), weight, weight))
    checkpoint = open_checkpoint(locate(name))
    notes += fit(
        [lora for lora, _, _ in weighed], {part: names for part, names in checkpoint.components.items() if names}
    )
    baked: Any = bake(checkpoint.components, weighed)
    for text in notes:
        note(text)
    _write_model(replace(checkpoint, **baked), target, dtype)


def _merge_models(name: str, target: Path, dtype: str | None, options: dict[str, Any]) -> None:
    """Writes the merge of two models, or of one and the difference of two others, with their hashes."""
    from sdedge.engines.open import locate
    from sdedge.library.imports import hash_of_checkpoint
    from sdedge.text.vocabulary import resolve
    from sdedge.weights.checkpoint import open_checkpoint, open_vae
    from sdedge.weights.checkpoint_merge import Part, merge_checkpoints, merge_metadata
    from sdedge.weights.export import export_single

    if target.suffix != ".safetensors":
        raise InvalidRequest(
            f"A merge is written as one .safetensors file; name it so, as in {target.stem}.safetensors."
        )
    names = [each for each in (name, options["second"], options["third"]) if each is not None]
    checkpoints = [open_checkpoint(locate(each)) for each in names]
    recipe, own_vae = _recipe(options), options["vae"] not in (None, *Part)
    merged = merge_checkpoints(checkpoints, recipe)
    if own_vae:
        tensors, config = open_vae(locate(options["vae"]))
        merged = replace(merged, vae=tensors, configs={**merged.configs, "vae": config})
    models = [
        (_shown_name(each), hash_of_checkpoint(checkpoint)) for each, checkpoint in zip(names, checkpoints, strict=True)
    ]
    tokenizer: Path | None = None
    with contextlib.suppress(ModelError):  # weights go without a vocabulary too
        tokenizer = resolve(checkpoints[0])
    echo(export_single(merged, target, dtype, tokenizer, merge_metadata(recipe, models)))


def _shown_name(model: str) -> str:
    """Returns what a merge's record calls a model: its installed name, or that of its file or folder."""
    path = Path(model)
    return path.stem if path.suffix.lower() in (".safetensors", ".ckpt", ".pt", ".pth", ".bin") else path.name


def _recipe(options: dict[str, Any]) -> Any:
    from sdedge.weights.checkpoint_merge import MergeRecipe, Part

    is_difference = options["third"] is not None
    weight = (1.0 if is_difference else 0.5) if options["weight"] is None else options["weight"]
    if weight > 1 and not is_difference:
        raise InvalidRequest(f"The weight {weight:g} is out of range; a weighted sum takes 0 to 1.")
    vae = Part(options["vae"]) if options["vae"] in tuple(Part) else Part.FIRST
    return MergeRecipe(weight, is_difference, vae, Part(options["text_encoder"] or Part.MERGED))


@click.command()
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--steps", type=integer(1, 100), default=8, show_default=True, help="Of every picture measured on.")
def quantize(name: str, target: Path, steps: int) -> None:
    """Write a copy of a model (installed or at a path) to the folder TARGET that runs in int8 on x86 processors.

    Other devices, and an explicit --dtype, run it as they run the model.

    Measures on a dozen pictures, minutes on a CPU for a full-size model, and prints what int8 loses. Where facts can be read
    from a model's pictures, as from those of the embedded one, layers stay as they were until no fact is lost.
    """
    from sdedge.engines.open import locate
    from sdedge.evaluation.obedience import fraction_obeyed
    from sdedge.events import Loading
    from sdedge.generation.int8_recipe import quantize as make

    for event in make(locate(name), target, steps, fraction_obeyed):
        if isinstance(event, Loading):
            echo(f"{event.phase} …", err=True)
            continue
        figures = event.figures
        echo(
            f"{target}: {len(event.ranges)} layers in int8, {len(event.floating)} as before; PSNR of pictures "
            f"{', '.join(f'{psnr:.1f}' for psnr in figures['psnr'])} dB against {figures['against']}."
            + (f" Facts shown: {facts[1]:.1%}, before {facts[0]:.1%}." if (facts := figures.get("facts")) else "")
        )


def _vae_path(vae: str | None) -> Path | None:
    from sdedge.library.models import Library

    if vae is None or os.path.exists(vae):
        return None if vae is None else Path(vae)
    library = Library()
    try:
        return library.locate(vae)
    finally:
        library.close()
