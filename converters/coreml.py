"""A checkpoint to a bundle of Core ML packages, one component after the other, resumable."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from converters import bundle
from converters.about import About, about_model
from converters.ane import ATTENTIONS
from converters.chunk import unet_chunks
from converters.compress import Compress, compressor, mixed
from converters.constants import Weights
from converters.control_graphs import controlnet
from converters.control_source import refuse_namesakes
from converters.fitting import in_words
from converters.graphs import Graph, safety_checker, text_encoder, unet, vae_decoder, vae_encoder
from converters.latents import FACTOR, fold_factor
from converters.package import write_package
from converters.recipe import COMPONENTS, PackageRecipe, mixed_target
from converters.sensitivity import Bench, analyse, fit, trajectories
from converters.source import ConversionSource, open_source
from sdedge.engines.facts import read_facts
from sdedge.engines.open import locate
from sdedge.errors import ModelError
from sdedge.events import Event, Finished, Loading, Notice, Progress
from sdedge.library.bundle_controls import CONTROLLED_UNETS
from sdedge.library.licences import licence_of
from sdedge.library.manifest import BundleComponent
from sdedge.models.unet import UNet
from sdedge.text.tokenizer import Tokenizer
from sdedge.weights.checkpoint import open_checkpoint


def convert(model: str, out: Path, recipe: PackageRecipe) -> Iterator[Event]:
    """Writes the bundle `out`, telling each phase. Components that are there already, made by the same recipe, are kept.

    Raises ModelError, InvalidRequest, and OutputError for a folder that holds something else or is being written to.
    """
    yield Loading("opening the model")
    yield from convert_source(open_source(model, recipe.loras, recipe.controlnets), out, recipe)


def convert_source(source: ConversionSource, out: Path, recipe: PackageRecipe) -> Iterator[Event]:
    """Writes the bundle `out` as `convert` does, of a model that is open."""
    start = time.monotonic()
    yield from (Notice(line) for line in (*source.facts.report, *source.notes, *_remarks(source, recipe)))
    wanted = _wanted(source, recipe)
    tokenizer = _vocabulary(source, recipe, wanted)
    with bundle.claim(out, "coreml"):
        yield Loading("hashing the model")
        identity = source.identify(bundle.recorded_source(out))
        made: dict[str, BundleComponent] = {}
        (before, misfits), compiled = bundle.parts(out, identity, recipe), bundle.compiled(out)
        refuse_namesakes(source.controls, before)
        yield from map(Notice, _left_out(misfits, wanted))
        for i, name in enumerate(wanted):
            control = source.controls.get(name)
            choices = recipe.of(name, identity, control.sha256 if control else "")
            component = bundle.reusable(out, before, name, choices)
            yield Progress(f"{bundle.title(name)}: {'kept' if component else 'converting'}", i, len(wanted))
            if component is None:
                bundle.note(out, bundle.combine(_without(before, name), made))
                component = yield from _make(source, recipe, name, out, choices, _about(source, recipe, name, identity))
                bundle.note(out, bundle.combine(before, made | component))
            made |= component
        yield Loading("writing the manifest")
        made = bundle.combine(before, made)
        facts = replace(source.facts, has_safety_checker="safety_checker" in made)
        named = {**identity, "licence": licence_of(Path(source.checkpoint.path))}
        yield from map(Notice, bundle.finish(out, made, recipe, named, facts, tokenizer, compiled))
    yield Progress("done", len(wanted), len(wanted))
    yield Finished(len(made), time.monotonic() - start)


def _wanted(source: ConversionSource, recipe: PackageRecipe) -> tuple[str, ...]:
    if recipe.components is None:
        left_out = {"safety_checker"} if source.checkpoint.safety_checker is None else set()
        wanted = [name for name in COMPONENTS if name not in {"controlled_unet", *left_out}]
    else:
        wanted = list(recipe.components)
    if "safety_checker" in wanted:
        _ = source.checker  # refused before anything is made
    if any(name.startswith("vae") for name in wanted):
        _ = source.vae  # as well
    if source.controls and "controlled_unet" not in wanted:
        wanted.append("controlled_unet")
    return (*wanted, *source.controls)


def _left_out(misfits: Mapping[str, list[str]], wanted: Sequence[str]) -> list[str]:
    """Returns a sentence that names what an earlier conversion made, and neither fits nor is made again."""
    apart = [name for name in misfits if not {name, name.partition("_chunk")[0]} & {*wanted}]
    parts = [in_words(name, misfits[name]) for name in apart]
    if not parts:
        return []
    return [
        f"What was made before with other choices does not belong to this bundle and is left out: {', '.join(parts)}; convert "
        "it with these choices as well."
    ]


def _without(before: Mapping[str, BundleComponent], name: str) -> dict[str, BundleComponent]:
    """Returns the components but for one that is made anew, whole or in chunks."""
    unets = {"unet": bundle.UNETS, "controlled_unet": CONTROLLED_UNETS}
    return {part: component for part, component in before.items() if part not in unets.get(name, (name,))}


def _about(source: ConversionSource, recipe: PackageRecipe, name: str, identity: Mapping[str, Any]) -> About:
    """Returns what a package says of itself: a ControlNet's comes from a file of its own."""
    width = source.facts.context_width
    if (control := source.controls.get(name)) is None:
        return about_model(Path(source.checkpoint.path), source.name, width, identity, recipe)
    return about_model(control.model.path, control.name, width, {"sha256": control.sha256, "loras": []}, recipe)


def _vocabulary(source: ConversionSource, recipe: PackageRecipe, wanted: Sequence[str]) -> Tokenizer | None:
    """Returns the vocabulary, or None where there is none and nothing that is made needs it.

    Raises ModelError where something does.
    """
    try:
        return source.tokenizer
    except ModelError:
        if "text_encoder" in wanted or ("unet" in wanted and mixed_target(recipe.compress) is not None):
            raise
        return None


def _remarks(source: ConversionSource, recipe: PackageRecipe) -> list[str]:
    remarks = []
    if source.facts.schedule.prediction_type != "epsilon":
        remarks.append(
            "The model predicts v, which Apple's Swift package and apps built on it take for noise; sdedge draws it."
        )
    if source.facts.in_channels != 4:
        remarks.append(
            f"The UNet reads {source.facts.in_channels} channels, which other apps do not feed; sdedge does."
        )
    if recipe.suspect:
        remarks.append(
            f"Weights in {recipe.compress} are suspect on the Neural Engine: wrong values and failed loads were reported of such "
            "ones; compare pictures with those of 6 or 8 bits before you publish it."
        )
    return remarks


def _make(
    source: ConversionSource, recipe: PackageRecipe, name: str, out: Path, choices: Mapping[str, Any], about: About
) -> Generator[Event, None, dict[str, BundleComponent]]:
    """Converts one component: its packages' entries for the manifest, by name."""
    compress: Compress | None = None
    figures: dict[str, Any] = {}
    control = source.controls.get(name)
    if name in ("text_encoder", "unet", "controlled_unet") or control:
        compress, figures = yield from _compression(source, recipe, name, out, choices)
    if control:
        figures = {**figures, "control": control.record()}
    made = {}
    for part, graphs in build_graphs(source, recipe, name, compress).items():
        path = out / bundle.package_name(part)
        write_package(graphs, path, recipe.target, partial(about.write, component=part))
        first = next(iter(graphs.values()))
        factor = FACTOR if name.startswith("vae") else None
        takes_loras = name in ("text_encoder", "unet", "controlled_unet")
        recorded = bundle.weights_record(path, source.tensors(name)) if takes_loras else {}
        made[part] = bundle.describe(out, path, first, {"recipe": dict(choices), **figures, **recorded}, factor)
    source.release(name)
    gc.collect()
    return made


def _compression(
    source: ConversionSource, recipe: PackageRecipe, name: str, out: Path, choices: Mapping[str, Any]
) -> Generator[Event, None, tuple[Compress | None, dict[str, Any]]]:
    """Yields how to compress a network, and figures of that.

    A mixed recipe measures the UNet first; text encoder and ControlNets get 8 bits.
    """
    decibels = mixed_target(recipe.compress)
    if decibels is None:
        return compressor(recipe.compress), {}
    if name not in ("unet", "controlled_unet"):
        return compressor("8bit"), {}
    yield Progress("Unet: drawing what it is measured on", 0, 1)
    states = trajectories(source.engine())
    bench = Bench(cast(UNet, source.network("unet")), states)
    kernels = yield from analyse(bench, out / bundle.SENSITIVITY, json.dumps([choices["source"], choices["loras"]]))
    yield Progress("Unet: choosing bits", 0, 1)
    bits, measured = fit(bench, kernels, decibels)
    sizes = {name: kernel.size for name, kernel in kernels.items()}
    average = sum(bits[name] * size for name, size in sizes.items()) / sum(sizes.values())
    return mixed(bits), {"bits": round(average, 3), "trajectory_psnr": round(measured, 2)}


def build_graphs(
    source: ConversionSource, recipe: PackageRecipe, name: str, compress: Compress | None = None
) -> dict[str, dict[str, Graph]]:
    """Returns the graphs of one component: by its packages' names, then by function."""
    sized = name not in ("text_encoder", "safety_checker") and len(recipe.sizes) > 1
    tensors = source.tensors(name)
    if name.startswith("vae"):
        tensors = fold_factor(tensors, source.facts.scaling_factor)
    weights = Weights(tensors, compress, recipe.target, shared=sized)
    if not sized:
        return {
            part: {"main": graph} for part, graph in _graphs(source, recipe, name, weights, recipe.sizes[0]).items()
        }
    made: dict[str, dict[str, Graph]] = {}
    for size in recipe.sizes:
        for part, graph in _graphs(source, recipe, name, weights, size).items():
            made.setdefault(part, {})[f"size_{size[0]}x{size[1]}"] = graph
    return made


def _graphs(
    source: ConversionSource, recipe: PackageRecipe, name: str, weights: Weights, pixels: tuple[int, int]
) -> dict[str, Graph]:
    attend = ATTENTIONS[recipe.attention]
    size = pixels[0] // source.facts.downscale, pixels[1] // source.facts.downscale
    if name == "text_encoder":
        return {name: text_encoder(weights, source.text, attend)}
    if name == "vae_decoder":
        return {name: vae_decoder(weights, source.vae, attend, size)}
    if name == "vae_encoder":
        return {name: vae_encoder(weights, source.vae, attend, size)}
    if name == "safety_checker":
        return {name: safety_checker(weights, source.checker.vision_model.config, attend)}
    if (control := source.controls.get(name)) is not None:
        return {name: controlnet(weights, control.config, attend, size, recipe.batch)}
    is_controlled = name == "controlled_unet"
    if recipe.chunk:
        first, second = unet_chunks(weights, source.unet, attend, size, recipe.batch, is_controlled)
        return {f"{name}_chunk1": first, f"{name}_chunk2": second}
    return {name: unet(weights, source.unet, attend, size, recipe.batch, is_controlled)}


def native_size(model: str) -> tuple[int, int]:
    """Returns the size in pixels that a model was made for."""
    facts = read_facts(open_checkpoint(locate(model)))
    return facts.width, facts.height
