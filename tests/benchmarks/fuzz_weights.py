"""Fuzz the weight readers: `python -m tests.benchmarks.fuzz_weights --cases 100000`. Exits with 1 on any fault."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.weights.fuzz import Limits, fuzz


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu-seconds", type=float, default=1.0, help="limit for one case, 0 for none")
    options = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tally = fuzz(Path(folder), options.cases, options.seed, Limits(options.cpu_seconds or None))
    print(f"{tally.cases} cases in {time.perf_counter() - start:.0f} s: {tally.accepted} read, {tally.refused} refused,")
    print(f"slowest {tally.slowest:.3f} s, largest {tally.largest / 1e6:.2f} MB, {len(tally.faults)} faults")
    for fault in tally.faults[:10]:
        print(fault)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
