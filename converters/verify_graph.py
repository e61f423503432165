"""A graph bundle against the model it came from: the counterpart of `converters.verify` for `sdedge convert mps`.

"float16" is the program with every result rounded to the type it has there, "float32" the same program recast, which
leaves the rounding of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from converters.bundle import check_hashes
from converters.graph_float32 import Rounded
from converters.psnr import psnr
from converters.verify import (
    PROMPTS,
    SEED,
    Compared,
    Output,
    Verdict,
    judge,
    probes,
    record,
    release,
    summarize,
)
from converters.verify_floors import floor
from converters.verify_pictures import draw, obeyed
from sdedge.engines.graph.bundle import read_bundle, stored_dtype
from sdedge.engines.graph.engine import GraphEngine, Run
from sdedge.engines.protocol import Engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.library.models import EMBEDDED

BITS = 16


class RoundedEngine(GraphEngine):
    """Runs a bundle as a half-precision device would, on a CPU."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder, "cpu", "float32")
        self.dtype = stored_dtype(self.manifest)

    def open_component(self, name: str, dtype: torch.dtype) -> Run:
        if dtype == torch.float32:
            return super().open_component(name, dtype)
        self._programs[name] = self._program(name, dtype)
        return Rounded(self._programs[name])


def verify(
    bundle: Path, reference: TorchEngine, *, steps: int = 10, pictures: int = 0, picture: bool = True
) -> Iterator[Compared | Verdict]:
    """Compare, telling each figure when it is there; the last thing told is the verdict, which the manifest then holds.

    Arguments as those of `converters.verify.verify`. Raises ModelError for a bundle with other files than its manifest's.
    """
    manifest, _ = read_bundle(bundle)
    check_hashes(bundle, manifest)
    engines: dict[str, Engine] = {
        "float16": RoundedEngine(bundle),
        "float32": GraphEngine(bundle, "cpu", "float32"),
    }
    results: list[Compared] = []
    for component, label, output in probes(manifest, reference):
        if component != "safety_checker":  # its files are the model's own
            if results and results[-1].component != component:
                release(reference, *engines.values())  # two full-size networks never share memory
            results.append(_compare(component, label, output, reference, engines))
            yield results[-1]
    facts = engines["float16"].facts
    size = facts.width, facts.height
    if picture:
        results.append(
            _compare(
                "picture", f"{steps} steps", lambda e: draw(e, PROMPTS[0], SEED + 1, steps, size), reference, engines
            )
        )
        yield results[-1]
    figures = summarize(results, BITS, "every node in float32, rounded to its type")
    if pictures and manifest.source.get("name") == EMBEDDED:
        figures["obeyed"] = {
            name: obeyed(engine, pictures, size)
            for name, engine in (("torch", reference), ("bundle", engines["float16"]))
        }
    verdict = judge(figures, {name: floor(BITS) for name in manifest.components})
    record(bundle, manifest, verdict)
    yield verdict


def _compare(
    component: str, label: str, output: Output, reference: TorchEngine, engines: dict[str, Engine]
) -> Compared:
    expected = output(reference)
    return Compared(component, label, {name: psnr(expected, output(engine)) for name, engine in engines.items()})
