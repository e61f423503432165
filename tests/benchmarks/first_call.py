"""What a start costs: the first call of the UNet less a steady one, warm, beside diffusers, and with packed weights.

    python -m tests.benchmarks.first_call [--width narrow] [--rounds 3] [--folder DIR] [--model DIR] [--side 32]

Opening, reading, converting, packing and the first call of all three networks count; imports do not, and are told apart. Every
figure is of a process of its own; the engines take turns. The model is a folder of half precision, as models are published. Full
size needs 11 GB of disk for a while.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import loading
from tests.benchmarks.support.processes import add_clock, check_quiet, child, seconds

BENCHMARK = "tests.benchmarks.first_call"
STEADY = 3  # calls, of which the fastest counts
OURS, AGAIN, THEIRS = "sdedge", "sdedge, second start", "diffusers"


def measure(engine: str, path: Path, dtype: str, side: int) -> dict[str, float]:
    """Returns the seconds of imports, of loading and the first call, and of a steady call, in this process; `side` is that of the
    latents."""
    start = seconds()
    import torch

    load = _load_theirs(path, dtype) if engine == THEIRS else _load_ours(path, dtype, side)
    imported = seconds()
    predict, context_width = load()
    inputs = torch.randn(2, 4, side, side), torch.tensor([500.0]), torch.randn(2, 77, context_width)
    calls = []
    with torch.inference_mode():
        for _ in range(1 + STEADY):
            predict(*inputs)
            calls.append(seconds())
    steady = min(later - earlier for earlier, later in itertools.pairwise(calls))
    return {"imports": imported - start, "first": calls[0] - imported, "steady": steady}


def _load_ours(path: Path, dtype: str, side: int) -> Callable[[], tuple[Callable[..., Any], int]]:
    from sdedge.engines.torch.cpu import packed_cache
    from sdedge.engines.torch.engine import TorchEngine
    from sdedge.models.unet_inputs import UNetInputs

    packed_cache.LEAST = 0  # narrow networks are tried as well

    def load() -> tuple[Callable[..., Any], int]:
        engine = TorchEngine.load(path, "cpu", dtype, memory="fast")
        engine.choose_memory(side * engine.facts.downscale, side * engine.facts.downscale, 1)
        for component in ("text_encoder", "vae", "unet"):
            engine.network(component)
        return lambda *inputs: engine.predict(UNetInputs(*inputs)), engine.facts.context_width

    return load


def _load_theirs(path: Path, dtype: str) -> Callable[[], tuple[Callable[..., Any], int]]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from diffusers import StableDiffusionPipeline
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401

    target = getattr(torch, dtype)

    def load() -> tuple[Callable[..., Any], int]:
        pipeline = StableDiffusionPipeline.from_pretrained(
            path, torch_dtype=target, local_files_only=True, safety_checker=None
        )
        unet = pipeline.unet
        return lambda x, t, context: unet(x.to(target), t, context.to(target)), unet.config.cross_attention_dim

    return load


def formats() -> list[str]:
    """The formats that this machine computes fast in: half precision where it has any, and float32."""
    from sdedge.machine.instruction_sets import Instructions, are_allowed, processor_has

    half = are_allowed(Instructions.BF16) and processor_has(Instructions.BF16)
    return ["bfloat16", "float32"] if half else ["float32"]


def make(folder: Path, width: str) -> Path:
    """Returns a model of random weights in half precision, made in a folder."""
    reference = folder / "first-call-reference"
    child(loading.BENCHMARK, "make", reference, width)
    model = Path(str(child(loading.BENCHMARK, "write", "folder fp16", reference, folder / "first-call-model")))
    loading.remove(reference)
    return model


def run(folder: Path, model: Path, side: int, rounds: int) -> None:
    """Measures by turns, and prints a table. What is kept of the packed weights lies in the folder."""
    if not (model / "tokenizer").exists():
        print("CLIP's vocabulary is not here, which diffusers needs: its figures are left out.")
    engines = [OURS, AGAIN, *([THEIRS] if (model / "tokenizer").exists() else [])]
    home = folder / "first-call-home"
    os.environ["SDEDGE_HOME"] = str(home)
    for dtype in child(BENCHMARK, "formats"):
        _keep(True)
        child(BENCHMARK, "measure", OURS, model, dtype, side)  # which packs, and keeps it
        figures: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
        for _ in range(rounds):
            for engine in engines:
                loading.warm(model)
                _keep(engine == AGAIN)
                figures[engine].append(child(BENCHMARK, "measure", engine, model, dtype, side))
        _print(dtype, figures)
        if home.exists():
            loading.remove(home)


def _keep(on: bool) -> None:
    os.environ["SDEDGE_KEEP_PACKED"] = "1" if on else "0"


def _print(dtype: str, figures: dict[str, list[dict[str, float]]]) -> None:
    costs = {engine: sorted(each["first"] - each["steady"] for each in rows) for engine, rows in figures.items()}
    theirs = statistics.median(costs[THEIRS]) if THEIRS in costs else None
    print(
        f"\n| {dtype} | first call less a steady one, s: min, median, max | of diffusers | imports, s | steady call, s |"
    )
    print("|---|---|---|---|---|")
    for engine, cost in costs.items():
        middle = statistics.median(cost)
        ratio = "" if theirs is None else f"{middle / theirs:.2f}"
        imports, steady = (statistics.median(row[key] for row in figures[engine]) for key in ("imports", "steady"))
        print(
            f"| {engine} | {cost[0]:.2f}, {middle:.2f}, {cost[-1]:.2f} | {ratio} | {imports:.2f} | {steady:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", choices=("full", "narrow"), default="full")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files go for a while; a temporary folder by default")
    parser.add_argument("--model", type=Path, help="a folder of your own in half precision; by default one is made")
    parser.add_argument("--side", type=int, help="of the latents; 64, a picture of 512x512, or 8 of a narrow model")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    add_clock(parser)
    check_quiet(parser)
    options = parser.parse_args()
    if options.child:
        verb, *arguments = options.child
        result: Any = formats() if verb == "formats" else _measure_in_child(*arguments)
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        model = options.model or make(Path(folder), options.width)
        run(Path(folder), model, options.side or (64 if options.width == "full" else 8), options.rounds)


def _measure_in_child(engine: str, model: str, dtype: str, side: str) -> dict[str, float]:
    return measure(engine, Path(model), dtype, int(side))


if __name__ == "__main__":
    main()
