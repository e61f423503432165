"""`make bench`, or `python -m tests.benchmarks NAME …` for some; `--anyway` on a machine that other programs keep busy."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from tests.benchmarks.support.processes import SETTING

if __name__ == "__main__":
    every = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    names = [each for each in sys.argv[1:] if each != "--anyway"]
    if len(names) + 1 < len(sys.argv):
        os.environ[SETTING] = "1"
    if unknown := [name for name in names if name not in every]:
        sys.exit(
            f"{unknown[0]} is no benchmark; choose from {', '.join(every)}. Options are for one of them alone: "
            "`python -m tests.benchmarks.NAME --help`."
        )
    for name in names or every:
        print(f"\n## {name}\n", flush=True)
        sys.argv = [name]
        importlib.import_module(f"tests.benchmarks.{name}").main()
