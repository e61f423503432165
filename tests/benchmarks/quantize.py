"""How long `sdedge models quantize` takes at full v1 size, by its phases, and again when the same weights were measured before.

python -m tests.benchmarks quantize
python -m tests.benchmarks.quantize --narrow --steps 2 --anyway     (to try the command)
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.benchmarks.support.processes import check_quiet, peak_bytes
from tests.benchmarks.support.random_models import make_model


def measure(model: Path, target: Path, steps: int) -> list[tuple[str, float]]:
    """Returns the seconds of each phase."""
    from sdedge.events import Loading
    from sdedge.generation.int8_recipe import quantize

    phases: list[tuple[str, float]] = []
    started = time.perf_counter()
    for event in quantize(model, target, steps):
        now = time.perf_counter()
        if phases:
            phases[-1] = phases[-1][0], now - started
        if isinstance(event, Loading):
            phases.append((event.phase, 0.0))
        else:
            print(f"{len(event.ranges)} layers in int8, {len(event.floating)} as before, {event.figures['psnr']} dB")
        started = now
    return phases


def main() -> None:
    """Prints the seconds of each phase, the first time and the second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--narrow", action="store_true", help="a small model in place of one of full size")
    parser.add_argument("--steps", type=int, default=8)
    check_quiet(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SDEDGE_HOME"] = f"{folder}/home"
        model = make_model(Path(folder), options.narrow)
        print("| | " + "s |\n|---|---|")
        for which in ("first", "second"):
            phases = measure(model, Path(folder) / which, options.steps)
            for phase, seconds in phases:
                print(f"| {which} time: {phase} | {seconds:.1f} |")
            print(f"| {which} time, in all | {sum(seconds for _, seconds in phases):.1f} |")
        print(f"\nPeak RSS {peak_bytes() / 1e6:.0f} MB.")


if __name__ == "__main__":
    main()
