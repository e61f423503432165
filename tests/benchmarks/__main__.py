"""`make bench`, or `python -m tests.benchmarks NAME …` for some of them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    every = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    for name in list(sys.argv[1:]) or every:
        print(f"\n## {name}\n", flush=True)
        sys.argv = [name]
        importlib.import_module(f"tests.benchmarks.{name}").main()
