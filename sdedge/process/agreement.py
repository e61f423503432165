"""How near what an engine computes comes to what it should be. No torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def agreement(reference: Any, result: Any) -> dict[str, float]:
    """Returns how two arrays of one shape agree:

    psnr    20 log10(max |reference| / RMSE) in dB, the measure of apple/ml-stable-diffusion; infinite where they are equal
    cosine  of the angle between them, 1 where they differ in scale alone
    gain    the slope of a regression of the result on the reference, 1 where the scale is right
    finite  how much of the result is numbers, 0 to 1; where that is not all, it is the only figure
    """
    a, b = np.asarray(reference, np.float64).ravel(), np.asarray(result, np.float64).ravel()
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} and {b.shape} cannot be compared.")
    numbers = float(np.isfinite(b).mean()) if b.size else 1.0
    if numbers < 1:
        return {"finite": numbers}
    rmse = math.sqrt(float(np.mean((a - b) ** 2)))
    length = max(float(np.linalg.norm(a)), 1e-30)
    return {
        "psnr": math.inf if rmse == 0 else 20 * math.log10(max(float(np.abs(a).max()), 1e-30) / rmse),
        "cosine": float(a @ b) / (length * max(float(np.linalg.norm(b)), 1e-30)),
        "gain": float(a @ b) / length**2,
    }
