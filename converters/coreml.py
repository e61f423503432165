"""A checkpoint to a bundle of Core ML packages, one component after the other, resumable."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from converters import bundle
from converters.ane import ATTENTIONS
from converters.constants import Weights
from converters.graphs import Graph, safety_checker, text_encoder, unet, vae_decoder, vae_encoder
from converters.package import write_package
from converters.recipe import COMPONENTS, Recipe
from converters.source import Source, open_source
from sdedge.backends.manifest import Component
from sdedge.backends.torch import read_facts
from sdedge.engines import locate
from sdedge.events import Event, Finished, Loading, Notice, Progress
from sdedge.weights.checkpoint import open_checkpoint


def convert(model: str, out: Path, recipe: Recipe) -> Iterator[Event]:
    """Write the bundle `out`, telling each phase. Components that are there already, made by the same recipe, are kept.

    Raises ModelError, InvalidRequest, and OutputError for a folder that holds something else or is being written to.
    """
    start = time.monotonic()
    yield Loading("opening the model")
    source = open_source(model, recipe.loras)
    yield from (Notice(line) for line in (*source.facts.report, *_remarks(source)))
    wanted = _wanted(source, recipe)
    with bundle.claim(out):
        yield Loading("hashing the model")
        identity = source.identify()
        made: dict[str, Component] = {}
        before = bundle.parts(out)
        for i, name in enumerate(wanted):
            choices = recipe.of(name, identity)
            kept = bundle.reusable(out, before, name, choices)
            yield Progress(f"{bundle.TITLES[name]}: {'kept' if kept else 'converting'}", i, len(wanted))
            made |= kept or _make(source, recipe, name, out, choices)
            bundle.note(out, before | made)
        yield Loading("writing the manifest")
        facts = replace(source.facts, has_safety_checker="safety_checker" in made)
        bundle.finish(out, made, recipe, identity, facts, source.tokenizer)
    yield Progress("done", len(wanted), len(wanted))
    yield Finished(len(made), time.monotonic() - start)


def _wanted(source: Source, recipe: Recipe) -> tuple[str, ...]:
    if recipe.components is None:
        return tuple(name for name in COMPONENTS if name != "safety_checker" or source.checkpoint.safety_checker)
    return recipe.components


def _remarks(source: Source) -> list[str]:
    remarks = []
    if source.facts.schedule.prediction_type != "epsilon":
        remarks.append(
            "The model predicts v, which Apple's Swift package and apps built on it take for noise; sdedge draws it."
        )
    if source.facts.in_channels != 4:
        remarks.append(
            f"The UNet reads {source.facts.in_channels} channels, which other apps do not feed; sdedge does."
        )
    return remarks


def _make(source: Source, recipe: Recipe, name: str, out: Path, choices: Mapping[str, Any]) -> dict[str, Component]:
    """Convert one component: its packages' entries for the manifest, by name."""
    made = {}
    for part, graph in build_graphs(source, recipe, name).items():
        path = out / bundle.package_name(part)
        write_package(graph, path, recipe.target)
        made[part] = bundle.describe(out, path, graph, choices)
    source.release(name)
    gc.collect()
    return made


def build_graphs(source: Source, recipe: Recipe, name: str) -> dict[str, Graph]:
    """The graphs of one component, by the names of their packages."""
    return {name: GRAPHS[name](source, recipe)}


def _latent(source: Source, recipe: Recipe) -> tuple[int, int]:
    return recipe.size[0] // source.facts.downscale, recipe.size[1] // source.facts.downscale


def _text(source: Source, recipe: Recipe) -> Graph:
    return text_encoder(Weights(source.components["text_encoder"]), source.text, ATTENTIONS[recipe.attention])


def _unet(source: Source, recipe: Recipe) -> Graph:
    weights = Weights(source.components["unet"])
    return unet(weights, source.unet, ATTENTIONS[recipe.attention], _latent(source, recipe), recipe.batch)


def _decoder(source: Source, recipe: Recipe) -> Graph:
    return vae_decoder(
        Weights(source.components["vae"]), source.vae, ATTENTIONS[recipe.attention], _latent(source, recipe)
    )


def _encoder(source: Source, recipe: Recipe) -> Graph:
    return vae_encoder(
        Weights(source.components["vae"]), source.vae, ATTENTIONS[recipe.attention], _latent(source, recipe)
    )


def _safety(source: Source, recipe: Recipe) -> Graph:
    weights = Weights.of_module(source.checker)
    return safety_checker(weights, source.checker.vision_model.config, ATTENTIONS[recipe.attention])


GRAPHS: dict[str, Callable[[Source, Recipe], Graph]] = {
    "text_encoder": _text, "unet": _unet, "vae_decoder": _decoder, "vae_encoder": _encoder, "safety_checker": _safety,
}  # fmt: skip


def native_size(model: str) -> tuple[int, int]:
    """The size in pixels that a model was made for."""
    facts = read_facts(open_checkpoint(locate(model)))
    return facts.width, facts.height
