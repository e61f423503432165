"""Fuzzes graph bundles: their manifests, programs and folders.

    python -m tests.benchmarks.fuzz_graphs [--cases N] [--seed N]

Each case changes a few values of a small bundle that uses every operator, signs it as an attacker would, opens it, draws with
every component and plans its memory.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from converters.inspect_graph import inspect_bundle, inspection_lines
from sdedge.engines.graph.bundle import PROGRAM, WEIGHTS, fingerprint
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.graph.operators import ARITHMETIC, OPERATORS
from sdedge.library.manifest import NAME
from sdedge.models.unet_inputs import UNetInputs
from tests.fuzzing import Tally, fuzz, main, mutate
from tests.graphs import NETWORKS, write_bundle

CASES = 5_000
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 8, 64, 77, 2**31, 2**63, -(2**63), 10**300, 0.5, -0.0, 1e308, float("inf"),
    float("nan"), "", "x", "\0", "\ud800", "../..", "/etc/passwd", "a" * 5000, "float16", [], [[]], {}, [1, 2], ["x"],
    {"node": "x"}, {"node": None}, {"dtype": "float32"}, {"dtype": "load"}, {"memory_format": "contiguous_format"},
)  # fmt: skip
TOKENS = (
    b'"node"',
    b"[",
    b"]",
    b"{",
    b"}",
    b"null",
    b"NaN",
    b"1e999",
    b"9" * 50,
    b'"\\ud800"',
    b"\xff",
    b"aten.cat.default",
)


def deep(random_: random.Random) -> Any:
    """A value nested up to a few hundred times."""
    value: Any = 1
    for _ in range(random_.choice((5, 50, 400))):
        value = [value] if random_.random() < 0.5 else {"node": value}
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from places(entry, (*path, key))


def change(record: Any, random_: random.Random) -> None:
    """Puts another value, of the same record or a hostile one, in one place; or drops or doubles what is there."""
    *way, last = random_.choice(list(places(record)))
    owner = record
    for key in way:
        owner = owner[key]
    kind = random_.randrange(6)
    if kind == 0:
        del owner[last]
    elif kind == 1 and isinstance(owner, list):
        owner.insert(random_.randrange(len(owner) + 1), copy.deepcopy(owner[last]))
    elif kind == 2:
        place = record
        for key in random_.choice(list(places(record))):
            place = place[key]
        owner[last] = copy.deepcopy(place)
    elif isinstance(owner[last], int) and not isinstance(owner[last], bool) and kind < 5:
        owner[last] += random_.choice((-8, -1, 1, 2, 8, 1000, 2**20, 2**30))
    elif isinstance(owner[last], str) and kind < 5:
        names = [*OPERATORS, *ARITHMETIC, "placeholder", "get_attr", "output", *HOSTILE]
        owner[last] = random_.choice(names)
    else:
        owner[last] = deep(random_) if random_.random() < 0.1 else random_.choice(HOSTILE)


class Bundles:
    """One bundle on disk, whose changed files are put back before the next case."""

    def __init__(self, folder: Path) -> None:
        self.bundle = write_bundle(folder / "bundle")
        self.files = {path: path.read_bytes() for path in self.bundle.rglob("*") if path.is_file()}
        self.written: set[Path] = set()

    def make(self, random_: random.Random) -> None:
        """The next case."""
        for path in self.written:
            path.write_bytes(self.files[path])
        self.written.clear()
        manifest = json.loads(self.files[self.bundle / NAME])
        for _ in range(random_.choice((1, 1, 1, 2, 3))):
            component, kind = random_.choice(list(NETWORKS)), random_.random()
            if kind < 0.6:
                self._change_program(component, random_)
            elif kind < 0.75:
                change(manifest, random_)
            elif kind < 0.85:
                self._mutate(self.bundle / component / WEIGHTS, random_, 900)
            elif kind < 0.93:
                self._mutate(self.bundle / component / PROGRAM, random_)
            else:
                self._mutate(self.bundle / random_.choice(("vocab.json", "merges.txt")), random_)
        self._sign(manifest)
        data = json.dumps(manifest).encode()
        self._write(self.bundle / NAME, mutate(data, random_, TOKENS) if random_.random() < 0.1 else data)

    def _write(self, path: Path, data: bytes) -> None:
        self.written.add(path)
        path.write_bytes(data)

    def _change_program(self, component: str, random_: random.Random) -> None:
        path = self.bundle / component / PROGRAM
        record = json.loads(self.files[path])
        for _ in range(random_.choice((1, 1, 2, 4))):
            change(record, random_)
            if not isinstance(record, dict) or not record:
                break
        self._write(path, json.dumps(record).encode())

    def _mutate(self, path: Path, random_: random.Random, head: int | None = None) -> None:
        data = self.files[path]
        self._write(path, mutate(data[:head], random_, TOKENS) + (data[head:] if head else b""))

    def _sign(self, manifest: Any) -> None:
        for component in NETWORKS:
            try:
                prints = manifest["components"][component]["figures"]["fingerprints"]
                for name in (PROGRAM, WEIGHTS):
                    if name in prints:
                        prints[name] = fingerprint(self.bundle / component / name)
            except (TypeError, KeyError):
                continue  # what an earlier change took away


def draw(bundle: Path) -> None:
    """Every component once, and what `convert inspect` shows."""
    engine = GraphEngine(bundle, "cpu", "float32")
    facts, side = engine.facts, engine.manifest.sizes[0][0]
    size = (side // facts.downscale,) * 2
    context = torch.zeros(1, 77, facts.context_width)
    engine.check_size(side, side)
    if side > 128:
        return  # honest work on a picture that large takes longer than a case may
    engine.encode_text(torch.full((1, 77), engine.tokenizer.eos))
    engine.predict(UNetInputs(torch.zeros(1, facts.in_channels, *size), torch.zeros(1), context))
    engine.encode(torch.zeros(1, 3, side, side), torch.zeros(1, facts.latent_channels, *size))
    engine.decode(torch.ones(1, facts.latent_channels, *size))
    for name, inspection in inspect_bundle(bundle).items():
        inspection_lines(name, inspection)


def run(cases: int, seed: int) -> Tally:
    """Fuzzes `cases` bundles in a folder that is removed again."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-graphs-"))
    try:
        bundles, random_ = Bundles(folder), random.Random(seed)
        draw(bundles.bundle)  # imports what the readers themselves need

        def read(number: int) -> None:
            draw(bundles.bundle)

        def inputs() -> Iterator[int]:
            for number in range(cases):
                bundles.make(random_)
                yield number

        return fuzz("graph bundles", read, inputs())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main({"graphs": (CASES, run)}))
