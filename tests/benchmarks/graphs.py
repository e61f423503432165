"""Half-precision graphs, full v1 size or the embedded model: how near they come, what they hold, how fast they load.

    python -m tests.benchmarks.graphs [--folder DIR] [--model full|pocket] [--only convert quality memory explicit load]

Needs 5 GB of disk and 10 GB of memory at full size. Every part runs in a process of its own, so that peaks are its own.
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from converters.graph_float32 import Rounded
from converters.graph_passes import Setting, rewrite
from converters.graph_planner import activation_plan
from converters.graph_trace import STAGES, UNIT, inputs, trace
from converters.mps import GraphRecipe, example, network, reference
from converters.psnr import psnr
from converters.source import open_source
from sdedge.engines.graph.bundle import PROGRAM, WEIGHTS
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.graph.program import Program, read_graph
from sdedge.engines.open import EMBEDDED, locate
from sdedge.weights.files import open_tensors
from tests.benchmarks.support.random_models import make_model
from tests.live_bytes import LiveBytes

LENGTHS = (512, 768, 1024)
MB = 2**20
UNLIMITED = 2**50  # bytes of a budget that nothing exceeds


def program_of(bundle: Path, stage: str) -> Program:
    """As stored; the weights are views of their file."""
    tensors = open_tensors(bundle / stage / WEIGHTS)
    return Program(read_graph(bundle / stage / PROGRAM), {name: lazy.read() for name, lazy in tensors.items()})


def convert(model: Path, bundle: Path) -> Iterator[str]:
    """The command itself, at its defaults."""
    start = time.monotonic()
    command = [str(Path(sys.executable).with_name("sdedge")), "convert", "mps", str(model), "--out", str(bundle)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    yield f"converted in {time.monotonic() - start:.0f} s, peak {peak:.1f} GB"
    yield "\n| network | operators | pieces' budget, MB | PSNR at 256², dB |\n|---|---|---|---|"
    for name, part in GraphEngine(bundle, "cpu", "float32").manifest.components.items():
        figures = part.figures
        yield f"| {name} | {figures['operators']} | {figures['attention_budget'] // MB} | {figures['psnr']['float16']:.1f} |"


def quality(model: Path, bundle: Path) -> Iterator[str]:
    """Each network against eager float32 at 512², every node computed in float32 and rounded to float16."""
    source, recipe = open_source(str(model)), GraphRecipe()
    yield "| network | PSNR at 512², dB |\n|---|---|"
    for stage in STAGES:
        example_inputs = example(source, stage, recipe, 512)
        wanted = reference(source, stage, example_inputs)
        gc.collect()
        got = Rounded(program_of(bundle, stage))(*example_inputs)
        yield f"| {stage} | {min(psnr(a, b) for a, b in zip(wanted, got, strict=True)):.1f} |"


def memory(model: Path, bundle: Path) -> Iterator[str]:
    """What a run in bfloat16 holds, beside the planner's figure."""
    source, recipe = open_source(str(model)), GraphRecipe()
    yield "| network | size | planned, MB | measured, MB | ratio |\n|---|---|---|---|---|"
    for stage in ("unet", "vae_encoder", "vae_decoder"):
        program = program_of(bundle, stage).recast(torch.bfloat16)
        for side in LENGTHS:
            example_inputs = tuple(inputs(stage, source.facts, recipe.batch, side, side, torch.bfloat16))
            yield _compared(stage, side, program, example_inputs)


def explicit(model: Path, bundle: Path) -> Iterator[str]:
    """The UNet with whole scores, planned and measured, and what the split one holds of it."""
    source = open_source(str(model))
    yield "| UNet with whole scores | size | planned, MB | measured, MB | ratio |\n|---|---|---|---|---|"
    unlimited = None
    for batch, side in ((2, 512), (1, 768), (2, 1024)):
        recipe = replace(GraphRecipe(dtype="bf16"), batch=batch)
        least, most = (inputs("unet", source.facts, batch, n, n, torch.bfloat16) for n in (UNIT, 1024))
        traced = trace("unet", network(source, "unet", torch.bfloat16), source.facts, recipe.batch)
        program = rewrite(traced, Setting(least, most, UNLIMITED, torch.bfloat16))
        example_inputs = inputs("unet", source.facts, batch, side, side, torch.bfloat16)
        if side < 1024:
            yield _compared(f"batch {batch}", side, program, example_inputs)
        else:
            unlimited = activation_plan(program, example_inputs).peak
            yield f"| batch {batch} | {side} | {unlimited / MB:.0f} | too much for this machine | |"
        del traced, program
        gc.collect()
    split = activation_plan(program_of(bundle, "unet"), inputs("unet", source.facts, 2, 1024, 1024)).peak
    yield f"\nat 1024², batch 2, the split graph holds {split / MB:.0f} MB: {split / (unlimited or 1):.1%} of it"


def _compared(name: str, side: int, program: Program, example_inputs: tuple[torch.Tensor, ...]) -> str:
    planned = activation_plan(program, example_inputs).peak
    real = [
        torch.randn_like(tensor, device="cpu") if tensor.is_floating_point() else torch.zeros_like(tensor)
        for tensor in example_inputs
    ]
    module = program.module()
    with torch.inference_mode(), LiveBytes() as live:
        module(*real)
    measured = live.peak + sum(tensor.nbytes for tensor in example_inputs)
    return f"| {name} | {side} | {planned / MB:.0f} | {measured / MB:.0f} | {planned / measured:.3f} |"


def load(model: Path, bundle: Path) -> Iterator[str]:
    """Opening the bundle and all its programs, in its own format (pages of the files) and recast as on a CPU."""
    yield "| format | seconds | of the processor | memory of its own, MB |\n|---|---|---|---|"
    for dtype in (torch.float16, torch.bfloat16):
        before, start, cpu = _own_memory(), time.monotonic(), time.process_time()
        engine = GraphEngine(bundle, "cpu", "bfloat16")
        modules = [engine.open_component(name, dtype) for name in STAGES]
        took, own = (time.monotonic() - start, time.process_time() - cpu), (_own_memory() - before) / 1024
        yield f"| {str(dtype)[6:]} | {took[0]:.2f} | {took[1]:.2f} | {own:.0f} |"
        del engine, modules
        gc.collect()


def _own_memory() -> int:
    """KB that are this process's own, not pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1])


PARTS: dict[str, Callable[[Path, Path], Iterator[str]]] = {
    "convert": convert,
    "quality": quality,
    "memory": memory,
    "explicit": explicit,
    "load": load,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--model", choices=("full", "pocket"), default="full")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        model = make_model(folder) if chosen.model == "full" else locate(EMBEDDED)
        bundle = folder / f"bundle-{chosen.model}"
        if chosen.part:
            for line in PARTS[chosen.part](model, bundle):
                print(line, flush=True)
            return
        for part in chosen.only:
            print(f"\n### {part}\n", flush=True)
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.graphs",
                "--folder",
                str(folder),
                "--model",
                chosen.model,
            ]
            subprocess.run([*command, "--part", part], check=True)


if __name__ == "__main__":
    main()
