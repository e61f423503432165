"""The golden slices of diffusers' accelerator tests, for people who have the real weights.

Three steps of "a photograph of an astronaut riding a horse" at 512x512, scale 7.5, float32, the latents of
`numpy.random.RandomState(0)`: the last 3x3 values of the blue channel must be the published ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo
from sdedge.errors import ModelError, SdedgeError

if TYPE_CHECKING:
    from torch import Tensor

    from sdedge.engines.protocol import Engine

PROMPT = "a photograph of an astronaut riding a horse"
TOLERANCE = 3e-3  # the largest any of the three tests allows


@dataclass(frozen=True)
class Golden:
    """Nine values of a published picture, 0 … 1, row by row."""

    model: str
    sampler: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class TestOutcome:
    golden: Golden
    difference: float
    """Largest absolute difference of the nine values."""

    @property
    def passed(self) -> bool:
        return self.difference <= TOLERANCE


# huggingface/diffusers, tests/pipelines/stable_diffusion/test_stable_diffusion.py
GOLDEN = (
    Golden("v1-1", "plms", (0.4363, 0.4355, 0.3667, 0.4066, 0.3970, 0.3866, 0.4394, 0.4356, 0.4059)),
    Golden("v1-4", "plms", (0.5740, 0.4784, 0.3162, 0.6358, 0.5831, 0.5505, 0.5082, 0.5631, 0.5575)),
    Golden("v1-4", "ddim", (0.38019, 0.28647, 0.27321, 0.40377, 0.38290, 0.35446, 0.39218, 0.38165, 0.42239)),
)  # fmt: skip


def run(engine: Engine, version: str) -> Iterator[TestOutcome]:
    """Draw every golden picture of a version ('v1-1' or 'v1-4') and compare. Raises ModelError for other versions."""
    chosen = [golden for golden in GOLDEN if golden.model == version]
    if not chosen:
        known = ", ".join(dict.fromkeys(golden.model for golden in GOLDEN))
        raise ModelError(f"There are no golden pictures of {version}; they are published for {known} (say --base).")
    for golden in chosen:
        last = last_values(engine, golden.sampler)
        yield TestOutcome(golden, max(abs(a - b) for a, b in zip(last, golden.values, strict=True)))


def last_values(engine: Engine, sampler: str, side: int = 512) -> list[float]:
    """The last 3x3 values of the blue channel of the test's picture, in 0 … 1."""
    image = draw(engine, sampler, side)  # (3, H, W)
    return ((image[2, -3:, -3:] + 1) / 2).clamp(0, 1).flatten().tolist()


def draw(engine: Engine, sampler: str, side: int = 512) -> Tensor:
    """The test's picture as decoded, (3, H, W) in about [-1, 1], not rounded to bytes as a file would be."""
    from sdedge.catalog import NoiseSource, Preset
    from sdedge.generation.plain_picture import draw_plainly
    from sdedge.request import Resolved

    request = Resolved(PROMPT, sampler=sampler, steps=3, guidance=7.5, preset=Preset.DIFFUSERS, width=side, height=side,
                       noise=NoiseSource.NUMPY, seed=0)  # fmt: skip
    return draw_plainly(engine, request)


def version_of(model: str) -> str:
    """'v1-1' or 'v1-4' by the library's record or by the name. Raises ModelError when neither says."""
    from sdedge.library.imports import guess_base
    from sdedge.library.models import Library

    library = Library()
    try:
        return library.find(model).base
    except ModelError:
        guessed = guess_base(model, "", False)
    finally:
        library.close()
    if guessed == "v1":
        raise ModelError(f"It cannot be told which version {model} is; say it with --base v1-1 or --base v1-4.")
    return guessed


@click.command()
@click.option("-m", "--model", required=True, help="Installed name or path of the real v1-1 or v1-4 weights.")
@click.option("--base", help="Which version it is, v1-1 or v1-4, when its name does not say.")
@click.option("--device", default="cpu", show_default=True)
def selftest(model: str, base: str | None, device: str) -> None:
    """Check this machine and a real v1 model against published pictures (minutes on a CPU)."""
    from sdedge.engines.open import load_engine

    version = base or version_of(model)
    engine = load_engine(device, "float32")(model, None)
    failed = 0
    for outcome in run(engine, version):
        golden = outcome.golden
        word = "pass" if outcome.passed else "FAIL"
        echo(f"{word}  {golden.model} {golden.sampler}  difference {outcome.difference:.1e} (up to {TOLERANCE:.0e})")
        failed += not outcome.passed
    if failed:
        raise SdedgeError(
            f"{failed} of the pictures differ; check that {model} is {version} in full precision, unmodified."
        )
