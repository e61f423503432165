"""Peak memory and time of pictures in every memory mode, and of the VAE by rows beside the whole, at full v1 size.

    python -m tests.benchmarks memory
    python -m tests.benchmarks.memory --only pictures --steps 20 --sizes 512 --modes fast stream --folder DIR

A model of random weights is made on the spot. Every line is measured in a process of its own that does one thing: the
seconds are those of that process from its first line on, CPU seconds of all its threads (what is left to compare by where
other work runs beside), and RSS is its VmHWM, mapped pages included. The live bytes of a decode are the storages alive
at once, counted at every operator in another process.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import check_quiet, child, peak_bytes

BENCHMARK = "tests.benchmarks.memory"
MODES = ("fast", "low", "lowest", "stream")
WAYS = ("whole", "rows", "spilled")


# In a process of its own


def draw(model: str, mode: str, dtype: str, side: int, steps: int) -> dict[str, Any]:
    """One guided picture, from loading to the saved file, as the command draws it; seconds and bytes."""
    start = time.perf_counter()
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.images.output import Output
    from sdedge.machine.memory_plan import MemoryRequest, plan
    from sdedge.request import Request

    pipeline = Pipeline(load_engine("cpu", dtype, memory=mode))
    request = Request("a red house", model=model, steps=steps, width=side, height=side, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        for _ in pipeline.generate(request, Output(Path(folder)), last=True):
            pass
    job = MemoryRequest(
        side, side, 1, 4 if dtype == "float32" else 2, unet_itemsize=int(dtype == "int8"), is_single=True
    )
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time(),
        "rss": peak_bytes(),
        "predicted": plan(job, 1 << 50, mode=mode).peak,
    }


def decode(model: str, way: str, dtype: str, side: int, counted: bool) -> dict[str, Any]:
    """One decode of random latents; seconds and RSS above what the weights take, or live bytes, and the picture."""
    import torch

    from sdedge.engines.torch.engine import TorchEngine
    from sdedge.machine.memory_plan import LARGEST_MAP_IN_MEMORY
    from sdedge.models.vae_rows import RowVAE
    from tests.live_bytes import LiveBytes

    engine = TorchEngine.load(model, "cpu", dtype)
    z = torch.randn(1, 4, side // 8, side // 8, generator=torch.Generator().manual_seed(0)).to(engine.dtype)
    with torch.inference_mode():
        vae = engine.network("vae")
        ways: dict[str, Callable[[Any], Any]] = {
            "whole": vae.decode, "rows": RowVAE(vae).decode, "spilled": RowVAE(vae, hold=LARGEST_MAP_IN_MEMORY).decode,
        }  # fmt: skip
        before, start, cpu = peak_bytes(), time.perf_counter(), time.process_time()
        with LiveBytes() if counted else torch.inference_mode() as live:
            image = ways[way](z)
        figures = {
            "seconds": time.perf_counter() - start,
            "cpu": time.process_time() - cpu,
            "rss": peak_bytes() - before,
        }
        if counted:
            reference = vae.decode(z) if way != "whole" else image
            figures = {"live": live.peak, "apart": float((image.float() - reference.float()).abs().max())}  # type: ignore[union-attr]
    return figures


# The tables


def run_child(verb: str, arguments: list[str]) -> Any:
    if verb == "make":
        from tests.benchmarks.support.random_models import make_model

        return str(make_model(Path(arguments[0])))
    if verb == "draw":
        return draw(arguments[0], arguments[1], arguments[2], int(arguments[3]), int(arguments[4]))
    return decode(arguments[0], arguments[1], arguments[2], int(arguments[3]), arguments[4] == "counted")


def show_pictures(model: object, options: argparse.Namespace) -> None:
    print("\n| picture | mode | s | CPU s | peak RSS MB | predicted MB |\n|---|---|---|---|---|---|")
    for side in options.sizes:
        for mode in options.modes:
            figures = child(BENCHMARK, "draw", model, mode, options.dtype, side, options.steps)
            what = f"{side}x{side}, {options.steps} steps, {options.dtype}"
            rss, predicted = figures["rss"] / 1e6, figures["predicted"] / 1e6
            print(
                f"| {what} | {mode} | {figures['seconds']:.1f} | {figures['cpu']:.1f} | {rss:.0f} | {predicted:.0f} |",
                flush=True,
            )


def show_decodes(model: object, options: argparse.Namespace) -> None:
    print(
        "\n| VAE decode | way | live MiB | of the whole | s | CPU s | of the whole | RSS beside weights MiB | apart |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for side in options.sizes:
        first: dict[str, Any] = {}
        for way in WAYS:
            figures = child(BENCHMARK, "decode", model, way, options.dtype, side, "counted")
            figures |= child(BENCHMARK, "decode", model, way, options.dtype, side, "timed")
            first = first or figures
            fractions = [figures[name] / first[name] for name in ("live", "cpu")]
            print(
                f"| {side}x{side}, {options.dtype} | {way} | {figures['live'] / 2**20:.0f} | {fractions[0]:.2f} | "
                f"{figures['seconds']:.1f} | {figures['cpu']:.1f} | {fractions[1]:.2f} | {figures['rss'] / 2**20:.0f} | "
                f"{figures['apart']:.1e} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("pictures", "decodes"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--modes", nargs="+", default=MODES)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--folder", type=Path, help="where the model is made and kept; a temporary folder by default")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    check_quiet(parser)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(run_child(options.child[0], options.child[1:])))
        return
    with tempfile.TemporaryDirectory() as temporary:
        model = child(BENCHMARK, "make", options.folder or temporary)
        if options.only != "decodes":
            show_pictures(model, options)
        if options.only != "pictures":
            show_decodes(model, options)


if __name__ == "__main__":
    main()
