"""The least PSNR that a component of a bundle must reach, by the width of its weights and the precision it was run in.

Each floor lies well under what whole bundles reach (docs/coreml-verify.md has their figures) and far over what damaged ones do.
"""

from __future__ import annotations

from collections.abc import Mapping

LOSSY = 8
"""Weights of fewer bits change what is drawn: a bundle that reaches its floors is then lossy, not passed."""
FLOORS: Mapping[int, Mapping[str, float]] = {
    16: {"float16": 60.0, "float32": 60.0},
    8: {"float16": 35.0, "float32": 35.0},
    6: {"float16": 30.0, "float32": 30.0},
    4: {"float16": 18.0, "float32": 18.0},
    2: {"float16": 6.0, "float32": 6.0},
}
SAME_WEIGHTS = 100.0
"""dB in float32 where checkpoint and package hold the same half-precision numbers: only the order of sums differs."""


def floor(bits: int, same_weights: bool = False) -> Mapping[str, float]:
    """Returns dB by precision for weights of `bits` bits (1 to 16), of which the next narrower width known here decides.

    same_weights   the checkpoint's own numbers are halves, so that those of an uncompressed package equal them
    """
    known = max((width for width in FLOORS if width <= bits), default=min(FLOORS))
    if known == 16 and same_weights:
        return {**FLOORS[16], "float32": SAME_WEIGHTS}
    return FLOORS[known]
