"""How near a converted network comes to the one it was made from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def psnr(reference: Any, got: Any) -> float:
    """Returns 20 log10(max |reference| / RMSE) in dB, over arrays or tensors of one shape; infinite where they are equal.

    -inf where `got` holds values that are not numbers. This is the measure of apple/ml-stable-diffusion.
    """
    a, b = np.asarray(reference, np.float64), np.asarray(got, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} and {b.shape} cannot be compared.")
    if not np.isfinite(b).all():
        return -math.inf
    rmse = math.sqrt(float(np.mean((a - b) ** 2)))
    return math.inf if rmse == 0 else 20 * math.log10(max(float(np.abs(a).max()), 1e-30) / rmse)
