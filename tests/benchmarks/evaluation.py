"""The one table of what a user can choose, and the plots over guidance and steps, in docs/evaluation.md.

    python -m tests.benchmarks.evaluation
    python -m tests.benchmarks.evaluation --prompts 20 --only engines --out runs/evaluations

Every row is what `sdedge evaluate` measures, kept by picture: cut off, the same command goes on, and more prompts are
added to those that are there. A row whose engine cannot run here says so. PSNR and SSIM are to the first row, drawn with
the same seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdedge import catalog
from sdedge.engines.open import find_tokenizer, load_engine, locate
from sdedge.errors import SdedgeError
from sdedge.evaluation.drawing import Evaluation, Judges
from sdedge.evaluation.figures import MEAN, Figures
from sdedge.evaluation.judge_network import find_judge
from sdedge.evaluation.measure import Job, Report, evaluate
from sdedge.evaluation.page_parts import decibels
from sdedge.evaluation.world import world_of
from sdedge.events import Progress
from sdedge.generation.pipeline import Pipeline
from sdedge.library.models import EMBEDDED
from sdedge.request import Request
from tests.benchmarks.support.plots import plot

DOCS = Path(__file__).parents[2] / "docs"
PAGE, START, END = DOCS / "evaluation.md", "<!-- table -->\n", "<!-- end of table -->"
GUIDANCE = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
STEPS = (4, 6, 8, 10, 12, 15, 20, 30, 40, 50)
CURVES = {"guidance": (GUIDANCE, "guidance scale"), "steps": (STEPS, "steps of DPM++ 2M")}
DISTILLED = ("lcm", "tcd")
COMPRESSED = ("none", "8bit", "6bit", "4bit", "2bit")


@dataclass(frozen=True)
class Way:
    """One way to draw: its name in the table, the settings and the engine. `make` returns the model, converted first or not."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    dtype: str | None = "float32"
    make: Callable[[Path], str] = lambda folder: EMBEDDED


REFERENCE = Way("embedded model, CPU, float32, DPM++ 2M, 20 steps")


def packages(compress: str) -> Callable[[Path], str]:
    """Returns what converts the embedded model to Core ML packages, once."""

    def make(folder: Path) -> str:
        from converters.coreml import convert, native_size
        from converters.recipe import PackageRecipe

        target = folder / f"coreml-{compress}"
        for _ in convert(EMBEDDED, target, PackageRecipe((native_size(EMBEDDED),), compress=compress)):
            pass
        return str(target)

    return make


def graphs(folder: Path) -> str:
    """Converts the embedded model to graphs, once, and returns where they are."""
    from converters.mps import GraphRecipe, convert
    from sdedge.library.manifest import is_bundle

    target = folder / "graphs"
    if not is_bundle(target):
        for _ in convert(EMBEDDED, target, GraphRecipe(least=128, most=256)):
            pass
    return str(target)


def quantized(folder: Path) -> str:
    """Makes the copy in int8, once, and returns where it is."""
    from sdedge.generation.int8_recipe import quantize

    target = folder / "int8"
    if not target.is_dir():
        for _ in quantize(locate(EMBEDDED), target, 8):
            pass
    return str(target)


def engines() -> Iterator[Way]:
    """Yields number formats, engines and compressed forms."""
    for dtype in ("bfloat16", "float16"):
        yield Way(f"CPU, {dtype}", dtype=dtype)
    yield Way("CPU, int8", dtype=None, make=quantized)
    yield Way("OpenVINO", device="openvino", dtype=None)
    for dtype in ("float32", "float16"):
        yield Way(f"graphs for MPS, {dtype}", dtype=dtype, make=graphs)
    for compress in COMPRESSED:
        name = "float16" if compress == "none" else compress
        yield Way(f"Core ML packages, {name}", dtype="float16", make=packages(compress))


def speeds() -> Iterator[Way]:
    """Yields the speeds with the steps that suit them, and the guidance variants."""
    for name, info in catalog.SPEEDS.items():
        if info.lossy:
            yield Way(f"speed {name}, {info.steps} steps", {"speed": name, "steps": info.steps})
    yield Way("guidance rescale 0.7", {"guidance_rescale": 0.7})
    yield Way("guidance for sigma 0.5 to 8", {"guidance_interval": (0.5, 8.0)})


def samplers() -> Iterator[Way]:
    """Yields the samplers for models that are not distilled, each with its own schedule."""
    for name, info in catalog.SAMPLERS.items():
        if name not in DISTILLED:
            yield Way(info.label, {"sampler": name})


GROUPS: dict[str, Callable[[], Iterator[Way]]] = {"engines": engines, "speeds": speeds, "samplers": samplers}


class Bench:
    """Measures ways, and keeps what was drawn below a folder."""

    def __init__(self, out: Path, prompts: int, judge: Path | None) -> None:
        self.out, self.prompts = out, prompts
        world = world_of(find_tokenizer(EMBEDDED))
        self.judges = Judges(world, find_judge(judge, world.values))

    def job(self, way: Way) -> Job:
        request = Request(prompt="a scene", model=way.make(self.out / "models"), **way.settings)
        return Job(Evaluation(request, self.prompts), Pipeline(load_engine(way.device, way.dtype)))

    def measure(self, way: Way, beside_reference: bool = True) -> Figures:
        """Returns the figures of a way. Raises SdedgeError where it cannot be drawn here."""
        reference = self.job(REFERENCE) if beside_reference and way is not REFERENCE else None
        for event in evaluate(self.job(way), self.judges, self.out, reference, ceiling=0):
            if isinstance(event, Progress) and event.done == event.total:
                print(f"{way.name}: {event.phase} {event.done}", flush=True)
            if isinstance(event, Report):
                return event.figures
        raise AssertionError(way.name)


def table(bench: Bench, groups: list[str]) -> str:
    """Returns the table as Markdown."""
    judges = list(bench.judges.names)
    columns = [*judges, *(["agree"] if len(judges) > 1 else []), "unseen", "Fréchet", "PSNR", "SSIM", "s"]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for way in [REFERENCE, *(way for name in groups for way in GROUPS[name]())]:
        try:
            lines.append(row(way.name, bench.measure(way)))
        except SdedgeError as error:
            lines.append(f"| {way.name} | not here: {str(error).replace('|', '/')} {'| ' * len(columns)}|")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def row(name: str, figures: Figures) -> str:
    """Returns one line of the table."""
    mean, features, nearness = figures.facts[MEAN], figures.features, figures.nearness
    cells = [str(interval) for interval in mean.obeyed.values()]
    cells += [] if mean.agreement is None else [f"{100 * mean.agreement:.1f}"]
    cells.append(f"{100 * min(i.value for i in figures.unseen[MEAN].obeyed.values()):.1f}" if figures.unseen else "")
    cells.append("" if features is None or features.frechet is None else f"{features.frechet:.2f}")
    cells += ["", ""] if nearness is None else [decibels(nearness.psnr).removesuffix(" dB"), f"{nearness.ssim:.3f}"]
    return f"| {name} | {' | '.join(cells)} | {figures.seconds:.2g} |"


def curves(bench: Bench) -> None:
    """Draws the plots over guidance and steps into the docs."""
    for field_name, (values, across) in CURVES.items():
        lines: dict[str, list[Any]] = {name: [] for name in bench.judges.names}
        for value in values:
            obeyed = bench.measure(Way(f"{field_name} {value:g}", {field_name: value}), False).facts[MEAN].obeyed
            for name, interval in obeyed.items():
                lines[name].append((value, interval))
        title = f"facts obeyed, {bench.prompts} held-out prompts"
        (DOCS / f"evaluation-{field_name}.svg").write_text(plot(lines, across, title, values), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/evaluations"))
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--only", choices=(*GROUPS, "curves"), action="append")
    options = parser.parse_args()
    bench, wanted = Bench(options.out, options.prompts, options.judge), options.only or [*GROUPS, "curves"]
    lines = table(bench, [name for name in GROUPS if name in wanted])
    if "curves" in wanted:
        curves(bench)
    if options.only is None:
        before, _, rest = PAGE.read_text("utf-8").partition(START)
        images = "".join(f"\n![Facts obeyed over {name}](evaluation-{name}.svg)\n" for name in CURVES)
        PAGE.write_text(f"{before}{START}{lines}{images}{END}{rest.partition(END)[2]}", encoding="utf-8")
        print(PAGE)


if __name__ == "__main__":
    main()
