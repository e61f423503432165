"""A checkpoint to a bundle of half-precision graphs for MPS, one network after the other."""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from converters.bundle import EXCHANGING, claim, hash_files, write_vocabulary
from converters.graph_float32 import Rounded, overflowing
from converters.graph_lint import lint
from converters.graph_passes import (
    Inputs,
    Setting,
    aten,
    calls,
    drop_checks,
    fold_constants,
    place_casts,
    rewrite,
    widen,
)
from converters.graph_planner import activation_plan, largest_side, shapes
from converters.graph_trace import LONGEST, STAGES, TOKENS, UNIT, inputs, trace
from converters.mps_rules import Limits
from converters.psnr import psnr
from converters.source import ConversionSource, open_source
from sdedge.engines.graph.bundle import DTYPES, PROGRAM, WEIGHTS, fingerprint
from sdedge.engines.graph.program import LARGEST_FILE, Program, to_json
from sdedge.engines.open import locate
from sdedge.engines.torch.networks import NETWORKS
from sdedge.errors import InvalidRequest, ModelError, OutputError, Remedy
from sdedge.events import Event, Finished, Loading, Notice, Progress
from sdedge.files import atomic_write, replace_folder
from sdedge.library.licences import licence_of
from sdedge.library.manifest import NAME, BundleComponent, Manifest, Port
from sdedge.models.unfilled import unfilled
from sdedge.weights.loading import load_into

MEMORIES = (4, 8, 16)  # GiB of a Mac, for which the largest size is told
MB = 2**20


@dataclass(frozen=True)
class GraphRecipe:
    """What a bundle is made with. Raises InvalidRequest for what cannot be made.

    least, most   the range of sides in pixels, multiples of 64; equal for a single size
    budget        MB of attention scores at a time; None lets the planner choose
    batch         latents per call of the UNet: 2 takes both halves of guidance at once, 1 needs half the memory
    loras         (file, weight) fused into the weights
    """

    least: int = 256
    most: int = 1024
    budget: int | None = None
    batch: int = 2
    dtype: str = "fp16"
    loras: tuple[tuple[Path, float], ...] = ()

    def __post_init__(self) -> None:
        if self.least % UNIT or self.most % UNIT or not UNIT <= self.least <= self.most:
            raise InvalidRequest(
                f"The sizes {self.least} to {self.most} cannot be converted: both must be multiples of {UNIT}, the smaller "
                "first; 256..1024 is usual."
            )
        if self.budget is not None and self.budget < 1:
            raise InvalidRequest(f"An attention budget of {self.budget} MB holds nothing; give 16 or more.")

    def to_json(self) -> dict[str, Any]:
        """Returns the record for the manifest."""
        loras = [[path.name, weight] for path, weight in self.loras]
        return {**vars(self), "tokens": LONGEST * TOKENS, "loras": loras}


def convert(model: str, out: Path, recipe: GraphRecipe) -> Iterator[Event]:
    """Writes the bundle `out`, telling each phase.

    What is there already stays whole until all is made. Raises ModelError, InvalidRequest, and OutputError for a folder that
    holds something else or is being written to, and for a full disk.
    """
    start = time.monotonic()
    yield Loading("opening the model")
    source = open_source(model, recipe.loras)
    tokenizer, _ = source.tokenizer, source.vae  # refused before anything is made
    yield from (Notice(line) for line in (*source.facts.report, *source.notes))
    with claim(out, "graph"), _beside(out) as work:
        made: dict[str, BundleComponent] = {}
        for i, stage in enumerate(STAGES):
            yield Progress(stage.replace("_", " "), i, len(STAGES))
            made[stage] = make_stage(source, stage, recipe, work)
        if source.checkpoint.safety_checker is not None:
            made["safety_checker"] = _copy_checker(source.checkpoint.safety_checker, work)
        yield Loading("writing the manifest")
        write_vocabulary(work, tokenizer)
        _manifest(source, model, recipe, made).write(work)
        _exchange(work, out)
    yield Progress("done", len(STAGES), len(STAGES))
    yield Finished(len(made), time.monotonic() - start)


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Yields a folder inside of `out` to make the bundle in, which goes in the end; `claim` removes that of a killed process."""
    with _writing(out):
        work = Path(tempfile.mkdtemp(dir=out, prefix=".graphs-", suffix=".part"))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Raises OutputError for what the system, or safetensors in its name, says of a file that cannot be written."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise OutputError(f"Cannot write {place}: {reason}; choose another folder or free some space.") from error


def _exchange(work: Path, out: Path) -> None:
    """Puts a bundle in the place of an earlier one. The manifest goes first and comes last, so that there is never a mixture
    that reads as a bundle; a file says meanwhile that the folder is ours. Raises OutputError.
    """
    with _writing(out):
        (out / EXCHANGING).touch()
        (out / NAME).unlink(missing_ok=True)
        for name in (*STAGES, "safety_checker"):
            if (work / name).is_dir():
                replace_folder(work / name, out / name)
            else:
                shutil.rmtree(out / name, ignore_errors=True)
        for file in sorted(work.iterdir(), key=lambda path: path.name == NAME):
            file.replace(out / file.name)
        (out / EXCHANGING).unlink()


def _manifest(source: ConversionSource, model: str, recipe: GraphRecipe, made: dict[str, BundleComponent]) -> Manifest:
    path = locate(model)
    identity = {**source.identify(), "path": str(path.resolve()), "licence": licence_of(path)}
    sizes = ((recipe.least, recipe.least), (recipe.most, recipe.most))
    graphs = [made[stage].figures for stage in STAGES]
    peaks = {size: max(figures["peak_bytes"][size] for figures in graphs) for size in graphs[0]["peak_bytes"]}
    fitting = {f"{memory} GB": min(figures["largest"][str(memory)] or 0 for figures in graphs) for memory in MEMORIES}
    versions = {name: version(name) for name in ("sdedge", "torch")}
    return Manifest("graph", source.facts.name, made, sizes, recipe.to_json(), identity, source.facts.to_json(),
                    {"peak_bytes": peaks, "largest_side": fitting}, versions)  # fmt: skip


def network(source: ConversionSource, stage: str, dtype: torch.dtype) -> nn.Module:
    """Returns the module a stage is made from, with its weights, LoRAs included."""
    name = STAGES[stage].network
    with unfilled():
        module = NETWORKS[name](source.checkpoint.configs[name])
    load_into(module, source.components[name], dtype=dtype)
    return module.eval()


def example(source: ConversionSource, stage: str, recipe: GraphRecipe, side: int, seed: int = 0) -> Inputs:
    """Makes plausible inputs for measuring: normal latents and contexts, a random prompt, a smooth picture."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for name, value in zip(STAGES[stage].inputs(source.facts, recipe.batch, side, side), inputs(
            stage, source.facts, recipe.batch, side, side, DTYPES[recipe.dtype], "cpu"), strict=True):  # fmt: skip
        if name == "ids":
            value = torch.randint(0, source.text.vocab_size, value.shape, generator=generator)
        elif name == "t":
            value = torch.full_like(value, 500.0)
        elif name == "image":
            small = torch.randn(1, 3, 8, 8, generator=generator).to(value)
            value = nn.functional.interpolate(small.float(), value.shape[2:], mode="bilinear").clamp(-1, 1).to(value)
        elif name == "latent":
            value = (torch.randn(value.shape, generator=generator) / source.facts.scaling_factor).to(value)
        elif value.is_floating_point():
            value = torch.randn(value.shape, generator=generator).to(value)
        made.append(value)
    return tuple(made)


@torch.inference_mode()
def reference(source: ConversionSource, stage: str, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Returns what the eager network gives in float32, each layer's weights read when it is called and dropped after."""
    name = STAGES[stage].network
    with unfilled():
        module = NETWORKS[name](source.checkpoint.configs[name]).eval()
    for path, layer in module.named_modules():
        tensors = {
            key: source.components[name][f"{path}.{key}"]
            for key in layer._parameters
            if layer._parameters[key] is not None
        }
        if isinstance(layer, nn.Embedding):  # whose weights others read too
            layer.weight = nn.Parameter(tensors["weight"].copy(torch.float32), requires_grad=False)
        elif tensors:
            _read_when_called(layer, tensors)
    wrapped = module if STAGES[stage].wrap is nn.Sequential else STAGES[stage].wrap(module)
    result = wrapped(*(value.float() if value.is_floating_point() else value for value in inputs))
    return result if isinstance(result, tuple) else (result,)


def _read_when_called(layer: nn.Module, tensors: Mapping[str, Any]) -> None:
    empty = dict(layer._parameters)

    def read(layer: nn.Module, inputs: Any) -> None:
        for key, lazy in tensors.items():
            layer._parameters[key] = nn.Parameter(lazy.copy(torch.float32), requires_grad=False)

    def drop(layer: nn.Module, inputs: Any, result: Any) -> None:
        layer._parameters.update(empty)

    layer.register_forward_pre_hook(read)
    layer.register_forward_hook(drop)


def build(source: ConversionSource, stage: str, recipe: GraphRecipe) -> tuple[Program, int]:
    """Returns the finished program of a stage, and its budget of attention scores in bytes.

    Raises ModelError on a lint finding.
    """
    dtype = DTYPES[recipe.dtype]
    program = trace(stage, network(source, stage, dtype), source.facts, recipe.batch)
    least = inputs(stage, source.facts, recipe.batch, UNIT, UNIT, dtype)
    most = inputs(stage, source.facts, recipe.batch, recipe.most, recipe.most, dtype, tokens=LONGEST * TOKENS)
    setting = Setting(least, most, recipe.budget * MB if recipe.budget else 0, dtype)
    program = fold_constants(drop_checks(program, setting), setting)
    budget = setting.budget or choose_budget(program, most)
    setting = replace(setting, budget=budget)
    program = rewrite(program, setting)
    if STAGES[stage].network == "vae" and dtype == torch.float16:
        names = overflowing(program, example(source, stage, recipe, recipe.least))
        program = place_casts(widen(program, names, setting), setting) if names else program
    findings = lint(program, most, Limits(scores=budget))
    if findings:
        raise ModelError(
            f"The {stage.replace('_', ' ')} breaks {len(findings)} rules of MPS and is not published; the first: {findings[0]}."
        )
    return program, budget


def choose_budget(program: Program, most: Inputs) -> int:
    """Returns the largest power of two of bytes, up to 256 MB, with which attention is not the peak of a traced program.

    Scores are there twice while their softmax is taken; fused attention is what the plan of the traced program counts.
    At least 16 MB, and so much that no layer is cut into more than 128 pieces, whose calls would cost more than they save.
    """
    before, values = activation_plan(program, most), shapes(program, most)
    live, room, scores = dict(zip(before.names, before.live)), 256 * MB, 0
    for node in calls(program.graph, aten.scaled_dot_product_attention.default):
        q, k = (values[argument.name] for argument in node.args[:2])
        room = min(room, (before.peak - live[node.name]) // 2)
        scores = max(scores, q.shape[0] * q.shape[1] * q.shape[2] * k.shape[2] * 4)
    budget = 16 * MB
    while budget * 2 <= room or budget * 128 < scores:
        budget *= 2
    return budget


def make_stage(source: ConversionSource, stage: str, recipe: GraphRecipe, out: Path) -> BundleComponent:
    """Writes a stage into a folder of its name in `out`, and returns its entry in the manifest. Raises as `convert` does."""
    inputs = example(source, stage, recipe, recipe.least)
    wanted = reference(source, stage, inputs)
    gc.collect()
    program, budget = build(source, stage, recipe)
    folder = out / stage
    write_stage(program, folder)
    figures = {
        "psnr": {"float16": round(min(map(psnr, wanted, Rounded(program)(*inputs))), 2)},
        "operators": len(program.graph.nodes),
        "attention_budget": budget,
        "fingerprints": {name: fingerprint(folder / name) for name in (PROGRAM, WEIGHTS)},
        **_memory(source, stage, recipe, program),
    }
    ports = _ports(source, stage, recipe, program)
    size = sum((folder / name).stat().st_size for name in (PROGRAM, WEIGHTS))
    source.release(STAGES[stage].network)
    gc.collect()
    return BundleComponent(stage, *ports, size, hash_files(folder), figures)


def write_stage(program: Program, folder: Path) -> None:
    """Writes a program and its weights into a new folder. Raises InvalidRequest for one too large, and OutputError."""
    text = to_json(program.graph)
    if len(text) > LARGEST_FILE:
        raise InvalidRequest(
            f"The {folder.name.replace('_', ' ')} would have {len(program.graph.nodes)} operators, more than a bundle may hold; "
            f"{Remedy.CONVERT_LESS}.",
            remedy=Remedy.CONVERT_LESS,
        )
    with _writing(folder):
        folder.mkdir(parents=True)
        save_file({name: weight.contiguous() for name, weight in program.weights.items()}, folder / WEIGHTS)
        (folder / WEIGHTS).chmod(0o644)
    with atomic_write(folder / PROGRAM) as file:
        file.write(text.encode())


def _memory(source: ConversionSource, stage: str, recipe: GraphRecipe, program: Program) -> dict[str, Any]:
    """Returns the peak activation bytes at square sizes, and the largest side that fits a Mac beside the largest network's
    weights.
    """
    sizes = range(recipe.least, recipe.most + 1, UNIT)

    @cache
    def peak(side: int) -> int:
        return activation_plan(
            program, inputs(stage, source.facts, recipe.batch, side, side, DTYPES[recipe.dtype])
        ).peak

    weights = sum(weight.nbytes for weight in program.weights.values())
    listed = sorted({recipe.least, recipe.most, *(side for side in (512, 768) if side in sizes)})
    return {
        "peak_bytes": {f"{side}x{side}": peak(side) for side in listed},
        "largest": {str(memory): largest_side(peak, memory * 2**30 * 2 // 3 - weights, sizes) for memory in MEMORIES},
    }


def _ports(
    source: ConversionSource, stage: str, recipe: GraphRecipe, program: Program
) -> tuple[dict[str, Port], dict[str, Port]]:
    """Inputs and outputs by name; a dimension that varies over the range is None."""
    what, dtype = STAGES[stage], DTYPES[recipe.dtype]
    few = shapes(program, inputs(stage, source.facts, recipe.batch, recipe.least, recipe.least, dtype))
    many = shapes(
        program, inputs(stage, source.facts, recipe.batch, recipe.most, recipe.most, dtype, tokens=2 * TOKENS)
    )

    def port(name: str) -> Port:
        a, b = few[name], many[name]
        shape = tuple(least if least == most else None for least, most in zip(a.shape, b.shape, strict=True))
        return Port(shape, str(a.dtype).removeprefix("torch."))

    placeholders = [node.name for node in program.graph.nodes if node.op == "placeholder"]
    results = [node.name for node in next(n for n in program.graph.nodes if n.op == "output").args[0]]
    names = what.inputs(source.facts, recipe.batch, UNIT, UNIT)
    return (
        {name: port(node) for name, node in zip(names, placeholders, strict=True)},
        {name: port(node) for name, node in zip(what.outputs, results, strict=True)},
    )


def _copy_checker(folder: Path, out: Path) -> BundleComponent:
    """The safety checker runs on the CPU in float32, so it goes along as it is."""
    target = out / "safety_checker"
    with _writing(target):
        shutil.copytree(folder, target)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return BundleComponent("safety_checker", {}, {}, size, hash_files(target))
