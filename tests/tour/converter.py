"""`sdedge convert …` of the tour: it says how far it is, waits halfway while there is a file `gate-converting`, or
`gate-comparing`, in the data folder, and leaves what a conversion leaves, without torch."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdedge.library.manifest import BundleComponent, Manifest, Port
from sdedge.places import data_folder

CONVERTING, COMPARING = "gate-converting", "gate-comparing"
FACTS = {
    "name": "pocket", "width": 192, "height": 192, "guidance": 5.0, "in_channels": 4, "downscale": 8, "has_safety_checker": False,
}  # fmt: skip


def say(event: str, **more: Any) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


def work(phase: str, gate: str) -> None:
    """Half of it, and the other half when there is no gate."""
    say("Progress", phase=phase, done=1, total=2)
    while (data_folder() / gate).exists():
        time.sleep(0.02)
    say("Progress", phase=phase, done=2, total=2)


def convert(folder: Path) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more, and the result is written all the same
        work("Converting the UNet", CONVERTING)
    folder.mkdir(parents=True)
    package = folder / "unet.mlpackage"
    package.mkdir()
    (package / "weights.bin").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    unet = BundleComponent(package.name, {"x": Port((1, 4, 24, 24), "float16")}, {}, 7, digest)
    Manifest(
        "coreml", folder.name, {"unet": unet}, ((192, 192),), {"attention": "original"}, {"name": "pocket"}, FACTS
    ).write(folder)


def verify(folder: Path) -> None:
    work("Comparing the networks", COMPARING)
    psnr = {"unet": {"float16": 71.0, "float32": 102.0}, "vae_decoder": {"float16": 68.0, "float32": None}}
    replace(Manifest.read(folder), figures={"outcome": "passed", "psnr": psnr}).write(folder)


if __name__ == "__main__":
    convert(Path(sys.argv[sys.argv.index("--out") + 1])) if sys.argv[2] != "verify" else verify(Path(sys.argv[3]))
