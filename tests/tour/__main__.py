"""Takes the tour, or some steps of it, and prints which failed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import tests.tour
from tests.tour.driver import display, missing, take
from tests.tour.steps import STEPS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=tests.tour.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="*", help="names of steps, or parts of them; all of them by default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "sdedge-tour")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--scale", default="1")
    chosen = parser.parse_args()
    if reason := missing():
        sys.exit(f"The tour cannot be taken: {reason}")
    width, _, height = chosen.size.partition("x")
    failed = 0
    with display() as name:
        for step in STEPS:
            if chosen.steps and not any(part in step.__name__ for part in chosen.steps):
                continue
            try:
                take(step, name, chosen.out, chosen.theme, (int(width), int(height)), chosen.scale)
                print(f"ok      {step.__name__}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAILED  {step.__name__}: {error}", flush=True)
    print(f"Screenshots are in {chosen.out}.")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
