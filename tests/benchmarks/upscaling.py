"""What enlarging by RRDBNet x4 costs, by rolling strips and by plain torch whole: seconds and peak memory, in the same run.

    python -m tests.benchmarks upscaling
    python -m tests.benchmarks.upscaling --side 64 --blocks 2 --rounds 1

A network of random weights, in float32. The two alternate, each in a process of its own. Memory is the peak of the resident
set (VmHWM) above what the process held when its network was loaded. The aims at 512 x 512: 1.0 of the time of plain torch and
0.15 of its memory, with results equal to 1e-4.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WAYS = ("whole", "strips")


def _status(key: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024


def measure(way: str, file: Path, side: int, result: Path) -> dict[str, Any]:
    """Enlarges one random picture; returns seconds and peak bytes above those held before. The result goes to a file."""
    import numpy as np
    import torch

    from sdedge.generation.upscale import choose_upscaler, load
    from sdedge.models.upscalers import upscaler
    from sdedge.weights.upscaler import open_upscaler

    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    if way == "strips":
        loaded = load(choose_upscaler(str(file)), "cpu")
    else:
        model = open_upscaler(file)
        assert model.config is not None
        network = upscaler(model.config).eval()
        network.load_state_dict({name: tensor.copy() for name, tensor in model.tensors.items()})
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, start = _status("VmRSS"), time.perf_counter()
    if way == "strips":
        enlarged = loaded.enlarge(pixels)
    else:
        with torch.inference_mode():
            image = network(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255)[0]
            enlarged = (image * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    seconds, peak = time.perf_counter() - start, _status("VmHWM") - before
    np.save(result, enlarged)
    return {"seconds": seconds, "peak": peak}


def _in_a_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.upscaling", "--measure", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--blocks", type=int, default=23)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=4, metavar=("WAY", "FILE", "SIDE", "RESULT"))
    options = parser.parse_args()
    if options.measure:
        way, file, side, result = options.measure
        print(json.dumps(measure(way, Path(file), int(side), Path(result))))
        return
    import numpy as np
    import torch

    from sdedge.models.upscaler_config import RRDBConfig
    from sdedge.models.upscalers import upscaler

    with tempfile.TemporaryDirectory() as folder:
        file, results = Path(folder) / "x4.pth", {way: Path(folder) / f"{way}.npy" for way in WAYS}
        torch.save(upscaler(RRDBConfig(blocks=options.blocks)).state_dict(), file)
        figures: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way in WAYS:
                figures[way].append(_in_a_process(way, str(file), str(options.side), str(results[way])))
                print(
                    f"{way:8} {figures[way][-1]['seconds']:8.2f} s {figures[way][-1]['peak'] / 1e6:8.0f} MB", flush=True
                )
        apart = np.abs(np.subtract(*(np.load(results[way]).astype(int) for way in WAYS))).max()
    for key in ("seconds", "peak"):
        plain, strips = (statistics.median(figure[key] for figure in figures[way]) for way in WAYS)
        print(f"{key}: strips take {strips / plain:.3f} of plain torch whole")
    print(f"pixels differ by {apart} of 255 at most")


if __name__ == "__main__":
    main()
