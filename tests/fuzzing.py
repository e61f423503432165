"""A harness for fuzzing readers: each input is read in this process, and anything but a result or the project's own error in one
sentence, within bounds of processor time and memory, is a fault."""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sdedge.errors import SdedgeError

CPU_SECONDS = 2.0
MEMORY = 1 << 30
MAX_SENTENCE = 1200  # characters of an error message


class TookTooLong(BaseException):
    """Raised inside a reader that has used its processor time; no `except Exception` of the reader can hide it."""


@dataclass
class Tally:
    """What became of the inputs of one reader; `slowest` in seconds of processor time, `largest` in bytes of resident memory."""

    reader: str
    cases: int = 0
    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    largest: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.reader}: {self.cases} inputs, {self.accepted} read, {self.refused} refused, {len(self.faults)} faults; "
            f"slowest {self.slowest:.2f} s of processor time, memory grown by {self.largest / 1e6:.0f} MB at most"
        )


def fuzz(reader: str, read: Callable[[Any], object], inputs: Iterable[Any], memory: int = MEMORY) -> Tally:
    """Gives each input to `read`, which may take so many bytes of memory. Faults hold the reason and the input's repr, cut at
    4,000 characters."""
    tally = Tally(reader)
    for value in inputs:
        before, start = _peak_memory(), time.process_time()
        tally.cases += 1
        try:
            with _processor_time(CPU_SECONDS):
                read(value)
            tally.accepted += 1
        except SdedgeError as error:
            tally.refused += 1
            if fault := sentence_fault(str(error)):
                tally.faults.append(f"{fault}: {error!r} {value!r:.4000}")
        except (Exception, TookTooLong, RecursionError):
            tally.faults.append(f"{traceback.format_exc(limit=-4)} {value!r:.4000}")
        grown = _peak_memory() - before
        tally.slowest, tally.largest = max(tally.slowest, time.process_time() - start), max(tally.largest, grown)
        if grown > memory:
            tally.faults.append(f"memory grew by {grown} bytes: {value!r:.4000}")
    return tally


def sentence_fault(message: str) -> str | None:
    """Why an error's message is not one sentence for a person, or None."""
    if not message.endswith((".", "!", "?")):
        return "no full stop"
    if "\n" in message or len(message) > MAX_SENTENCE:
        return "more than a sentence"
    if "Traceback" in message or any(0xD800 <= ord(c) <= 0xDFFF for c in message):
        return "not fit to print"
    return None


def mutate(data: bytes, random_: random.Random, tokens: tuple[bytes, ...] = ()) -> bytes:
    """Returns `data` after none to six edits: flipped, dropped, doubled bytes, spliced tokens, cuts."""
    mutated = bytearray(data)
    for _ in range(random_.choice((0, 1, 1, 1, 2, 3, 6))):
        at, kind = random_.randrange(len(mutated) + 1), random_.randrange(6)
        if kind == 0 and at < len(mutated):
            mutated[at] = random_.randrange(256)
        elif kind == 1:
            del mutated[at : at + random_.choice((1, 2, 4, 30))]
        elif kind == 2 and tokens:
            mutated[at:at] = random_.choice(tokens)
        elif kind == 3 and tokens:
            token = random_.choice(tokens)
            mutated[at : at + len(token)] = token
        elif kind == 4:
            mutated[at:at] = mutated[at : at + random_.choice((8, 60, 400))] * random_.choice((1, 2, 50))
        elif random_.random() < 0.3:
            del mutated[at:]
    return bytes(mutated)


def main(readers: dict[str, tuple[int, Callable[[int, int], Tally]]]) -> int:
    """Runs `name: (cases, run(cases, seed))` as a command with --cases, --seed and --only; returns 1 on any fault."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, help="inputs per reader, in place of each reader's own number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(readers))
    options = parser.parse_args()
    faults = 0
    for name, (cases, run) in readers.items():
        if options.only in (None, name):
            tally = run(options.cases or cases, options.seed)
            print(tally, flush=True)
            print("\n".join(tally.faults[:5]), file=sys.stderr)
            faults += len(tally.faults)
    return 1 if faults else 0


@contextmanager
def _processor_time(seconds: float) -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        raise TookTooLong(f"over {seconds} s of processor time")

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
