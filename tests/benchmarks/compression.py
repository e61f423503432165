"""What each way to compress weights costs the embedded model: size, PSNR against torch, and facts lost from its pictures.

    python -m tests.benchmarks.compression [--pictures N] [--scheme NAME …]

Pictures are of held-out prompts, one seed each, drawn by the portable runner with every half-precision result rounded.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from converters.compress import SCHEMES
from converters.coreml import convert, native_size
from converters.inspect import inspect
from converters.recipe import Recipe
from converters.verify import Verdict, obeyed, verify
from sdedge.backends.mil.package import Package
from sdedge.backends.torch import TorchEngine
from sdedge.engines import EMBEDDED, locate

NEWER = ("4bit-grouped", "int4")
"""Schemes that only the latest target knows."""


def measure(scheme: str, work: Path, reference: TorchEngine, pictures: int) -> str:
    """A row: the UNet's weights in MB, worst PSNR of text encoder and UNet, PSNR of a picture, share of facts obeyed."""
    target = "macOS15" if scheme in NEWER else "macOS13"
    out, recipe = work / scheme, Recipe((native_size(EMBEDDED),), target=target, compress=scheme)
    for _ in convert(EMBEDDED, out, recipe):
        pass
    megabytes = sum(inspect(Package.open(out / "Unet.mlpackage")).weights.values()) / 1e6
    *_, verdict = verify(out, reference, pictures=pictures)
    assert isinstance(verdict, Verdict)
    psnr, facts = verdict.figures["psnr"], verdict.figures["obeyed"]
    figures = [f"{psnr[name]['float16']:.1f}" for name in ("text_encoder", "unet", "picture")]
    return f"| {scheme} | {megabytes:.1f} | {' | '.join(figures)} | {100 * facts['mean']:.1f} | {verdict.outcome} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--scheme", nargs="*", default=["none", *(name for name in SCHEMES if name != "none")])
    options = parser.parse_args()
    reference = TorchEngine.load(locate(EMBEDDED), "cpu", "float32")
    shares = obeyed(reference, options.pictures)
    print("| weights | UNet MB | text dB | UNet dB | picture dB | facts obeyed % | verdict |")
    print("|---|---:|---:|---:|---:|---:|---|")
    print(f"| torch, float32 | | | | | {100 * shares['mean']:.1f} | |", flush=True)
    with tempfile.TemporaryDirectory() as work:
        for scheme in options.scheme:
            print(measure(scheme, Path(work), reference, options.pictures), flush=True)


if __name__ == "__main__":
    main()
