"""The analysis behind mixed-bit recipes at full v1 size, from random weights: seconds of each phase, and of all that is left.
Beside the seconds of the clock stand those of the processors, all threads together, which neighbours lengthen less.

    python -m tests.benchmarks.mixed_bits [--model full|pocket] [--folder DIR] [--minutes 30]

It ends after so many minutes and goes on there when it is called again with the same folder; a conversion with
`--compress mixed-50` does the same work. The model takes 3 GB of disk, the analysis 6 GB of memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("full", "pocket"), default="full")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "sdedge-bench")
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        measure(options.model, options.folder, 60 * options.minutes)


def measure(name: str, folder: Path, limit: float) -> None:
    from converters.sensitivity import Bench, analyse, fit, kernels, trajectories
    from converters.source import open_source
    from sdedge.library.models import EMBEDDED
    from tests.benchmarks.coreml import make_model

    start = _now()
    source = open_source(str(make_model(folder / "model")) if name == "full" else EMBEDDED)
    states_file = folder / f"states-{name}.pt"
    if not states_file.exists():
        torch.save(trajectories(source.engine()), states_file)
        _say("trajectories", start)
    begun = _now()
    bench = Bench(source.network("unet"), torch.load(states_file, weights_only=True))
    _say("opened, and one run of the UNet", begun)
    sizes = {kernel: weight.numel() for kernel, weight in kernels(bench.unet).items()}
    running, begun, done, first = analyse(bench, folder / f"sensitivity-{name}.json", name), _now(), 0, 0
    while True:
        try:
            progress = next(running)
        except StopIteration as end:
            known = end.value
            break
        done, first = progress.done, progress.total
        if time.monotonic() - start[0] > limit:
            running.close()
            left = (first - done) * (time.monotonic() - begun[0]) / max(done, 1)
            _say(f"{done} of {first} kernels measured, about {left / 60:.1f} minutes are left of it", begun)
            return
    _say(f"{first} of {len(sizes)} kernels measured ({sum(sizes.values()) / 1e6:.0f} M numbers in all)", begun)
    begun = _now()
    bits, measured = fit(bench, known, 50.0)
    average = sum(bits[kernel] * size for kernel, size in sizes.items()) / sum(sizes.values())
    _say(f"chosen for 50 dB: {average:.2f} bits, {measured:.1f} dB", begun)
    _say("all of it", start)


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _say(what: str, start: tuple[float, float]) -> None:
    clock, processors = (now - then for now, then in zip(_now(), start, strict=True))
    print(f"{what}: {clock:.1f} s, {processors:.1f} s of the processors", flush=True)


if __name__ == "__main__":
    main()
