"""Takes the tour, or some steps of it, and prints which failed."""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import tests.tour
from tests.tour.desktop import display, missing, screen_for
from tests.tour.driver import take
from tests.tour.steps import STEPS

THEMES, SIZES, SCALES = ("light", "dark"), ("1280x800", "960x640"), ("1", "1.5")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=tests.tour.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="*", help="names of steps, or parts of them; all of them by default")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "sdedge-tour")
    parser.add_argument("--theme", choices=THEMES, default="light")
    parser.add_argument("--size", default=SIZES[0])
    parser.add_argument("--scale", default=SCALES[0])
    parser.add_argument("--all", action="store_true", help="every theme, size and scale")
    chosen = parser.parse_args()
    if reason := missing():
        sys.exit(f"The tour cannot be taken: {reason}")
    chosen_look = [(chosen.theme, chosen.size, chosen.scale)]
    failed = 0
    for look in itertools.product(THEMES, SIZES, SCALES) if chosen.all else chosen_look:
        failed += take_all(chosen.steps, chosen.out, *look)
    print(f"Screenshots are in {chosen.out}.")
    sys.exit(failed > 0)


def take_all(names: list[str], out: Path, theme: str, size: str, scale: str) -> int:
    """How many steps failed."""
    width, _, height = size.partition("x")
    pixels, failed, began = (int(width), int(height)), 0, time.monotonic()
    with display(screen_for(pixels, float(scale))) as own:
        for step in STEPS:
            if names and not any(part in step.__name__ for part in names):
                continue
            start = time.monotonic()
            try:
                take(step, own, out, theme, pixels, scale)
                print(f"ok      {time.monotonic() - start:4.1f} s  {step.__name__}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAILED  {time.monotonic() - start:4.1f} s  {step.__name__}: {error}", flush=True)
    print(f"{theme}, {size}, {scale}: {failed} failed in {time.monotonic() - began:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    main()
