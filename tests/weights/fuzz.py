"""Mutations of well-formed weight files, thrown at the readers; anything but a tensor source or a ModelError is a fault."""

from __future__ import annotations

import pickle
import random
import struct
import time
import traceback
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.weights.files import TensorSource, open_tensors
from tests.weights import exploits

_TOKENS = (
    b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"r\xff\xff\xff\xff", b"(", b"t", b"R", b"b", b"]", b"}", b"2",
    b".", b"0", b"\x93", b"\x94", b"Q", b"a", b"e", b"u", b"s", b"\x81", b"cos\nsystem\n", b"PK\x01\x02", b"PK\x05\x06",
    b'"', b"[", b"{", b"\\u0000", b"-1", b"9999999999999999999", b",", b"data_offsets", b"F64", b"__metadata__",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """Per case; None does not measure."""

    seconds: float | None = 1.0
    bytes_above_metadata: int = 16 << 20


@dataclass
class Tally:
    cases: int = 0
    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    largest: int = 0
    faults: list[str] = field(default_factory=list)


def seeds() -> list[bytes]:
    """Small well-formed files of every container, and hostile ones to start from."""
    body = exploits.state_dict(exploits.tensor())
    nested = pickle.dumps({"a": [1, 2.5, "x", None, True, (1, 2, 3, 4), -5, 10**30], "b": {"c": [[], {}]}}, 4)
    entry = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    header = ('{"__metadata__":{"format":"pt"},"x":' + entry + ',"y":' + entry.replace("[0,8]", "[8,16]") + "}").encode()
    stored = struct.pack("<Q", len(header)) + header + bytes(16)
    small = [data for data in exploits.pickles().values() if len(data) < 5000]
    good = [exploits.archive(body), exploits.legacy(body), stored, exploits.archive(nested), exploits.legacy(nested)]
    return good * 30 + [build(data) for data in small for build in (exploits.archive, exploits.legacy)]


def mutate(data: bytes, random_: random.Random) -> bytes:
    """One to six edits: flipped, dropped, doubled or swapped bytes, splices of tokens, cuts."""
    mutated = bytearray(data)
    for _ in range(random_.choice((0, 1, 1, 1, 2, 3, 6))):
        at = random_.randrange(len(mutated) + 1)
        kind = random_.randrange(6)
        if kind == 0 and at < len(mutated):
            mutated[at] = random_.randrange(256)
        elif kind == 1:
            del mutated[at : at + random_.choice((1, 2, 4, 30))]
        elif kind == 2:
            mutated[at:at] = random_.choice(_TOKENS)
        elif kind == 3:
            mutated[at : at + 4] = random_.choice(_TOKENS)
        elif kind == 4:
            mutated[at:at] = mutated[at : at + random_.choice((8, 60, 400))] * random_.choice((1, 2, 50))
        elif random_.random() < 0.3:
            del mutated[at:]
    return bytes(mutated)


def fuzz(folder: Path, cases: int, seed: int = 0, limits: Limits | None = None) -> Tally:
    """Run mutated files through `open_tensors`. Faults hold the reason and the file in hex."""
    limits = limits or Limits()
    random_ = random.Random(seed)
    starts = seeds()
    path = folder / "case"
    tally = Tally()
    tracemalloc.start()
    try:
        for _ in range(cases):
            data = mutate(random_.choice(starts), random_)
            path.write_bytes(data)
            _try(path, data, tally, limits)
    finally:
        tracemalloc.stop()
    return tally


def _try(path: Path, data: bytes, tally: Tally, limits: Limits) -> None:
    tracemalloc.reset_peak()
    before, start = tracemalloc.get_traced_memory()[0], time.process_time()
    tally.cases += 1
    try:
        source = open_tensors(path)
        assert isinstance(source, TensorSource)
        for lazy in source.values():
            assert 0 <= lazy.offset <= lazy.offset + lazy.span <= len(data), lazy.name
        tally.accepted += 1
    except ModelError:
        tally.refused += 1
    except Exception:
        tally.faults.append(f"{traceback.format_exc(limit=-3)} {data.hex()[:4000]}")
    taken, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1] - before
    tally.slowest, tally.largest = max(tally.slowest, taken), max(tally.largest, peak)
    if limits.seconds is not None and taken > limits.seconds:
        tally.faults.append(f"took {taken:.2f} s: {data.hex()[:4000]}")
    if peak > limits.bytes_above_metadata + 2 * len(data):
        tally.faults.append(f"allocated {peak} bytes: {data.hex()[:4000]}")
