"""How the time of a guided UNet call grows with the picture and the batch, ours and diffusers in bfloat16, as a plot.

python -m tests.benchmarks scaling
python -m tests.benchmarks.scaling --folder DIR --plot docs/images/scaling.svg
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.speed import BASE, alternate
from tests.benchmarks.support.processes import check_quiet
from tests.benchmarks.support.random_models import make_model

NAMES = ["sdedge bfloat16", BASE]
SIZES, BATCHES = (256, 384, 512, 768, 1024), (1, 2, 4)
COLOURS = ("#0b6e4f", "#b5651d")
Curves = dict[str, list[float]]


def main() -> None:
    """Print both tables and write the plot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="Where the random model is kept; a temporary folder by default.")
    parser.add_argument("--plot", type=Path, default=Path("docs/images/scaling.svg"))
    check_quiet(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        model = make_model(options.folder or Path(temporary))
        by_size = _curves("size", SIZES, [(model, size, 1) for size in SIZES])
        by_batch = _curves("batch at 256x256", BATCHES, [(model, 256, batch) for batch in BATCHES])
    options.plot.write_text(_plot(by_size, by_batch), "utf-8")


def _curves(title: str, points: Sequence[int], settings: Sequence[tuple[Path, int, int]]) -> Curves:
    curves: Curves = {name: [] for name in NAMES}
    print(f"\n| {title} | " + " | ".join(f"{name}, s" for name in NAMES) + " | ratio |\n|---|---|---|---|")
    for point, (model, size, batch) in zip(points, settings):
        runs = alternate(NAMES, 1, "step", model, size, batch)
        for name, run in runs.items():
            curves[name].append(run["seconds"])
        ours, theirs = (curves[name][-1] for name in NAMES)
        print(f"| {point} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |", flush=True)
    return curves


def _plot(by_size: Curves, by_batch: Curves) -> str:
    """Two panels side by side, both axes logarithmic: seconds of a call over the side in pixels, and over the batch."""
    panels = _panel(70, "side in pixels, one picture", SIZES, by_size)
    panels += _panel(470, "pictures of 256x256 at a time", BATCHES, by_batch)
    legend = "".join(
        f'<text x="{90 + 200 * i}" y="22" fill="{colour}">{name}</text>'
        for i, (name, colour) in enumerate(zip(NAMES, COLOURS))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 360" font-family="sans-serif" font-size="13">'
        f'<rect width="820" height="360" fill="white"/>{legend}{panels}</svg>\n'
    )


def _panel(left: int, label: str, points: Sequence[int], curves: Curves) -> str:
    values = [value for curve in curves.values() for value in curve]
    low, high = (math.log(edge) for edge in (min(values) / 1.2, max(values) * 1.2))

    def x(point: float) -> float:
        return left + 300 * math.log(point / points[0]) / math.log(points[-1] / points[0])

    def y(value: float) -> float:
        return 310 - 260 * (math.log(value) - low) / (high - low)

    parts = [f'<text x="{left}" y="350" fill="#444">{label}</text>']
    parts += [f'<text x="{x(point):.0f}" y="330" text-anchor="middle" fill="#444">{point}</text>' for point in points]
    for name, colour in zip(NAMES, COLOURS):
        line = " ".join(f"{x(point):.1f},{y(value):.1f}" for point, value in zip(points, curves[name]))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(point):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"><title>{value:.2f} s</title></circle>'
            for point, value in zip(points, curves[name])
        ]
        last = curves[name][-1]
        parts.append(f'<text x="{x(points[-1]) + 6:.0f}" y="{y(last):.0f}" fill="{colour}">{last:.1f} s</text>')
    return "".join(parts)


if __name__ == "__main__":
    main()
