"""What a model's output stands for: x0 = (part of x) + factor * output, for x = x0 + sigma eps."""

from __future__ import annotations

from torch import Tensor


def to_x0(out: Tensor, x: Tensor, sigma: float, prediction_type: str) -> Tensor:
    """Returns the image that a model output stands for; x is in the variance-exploding variable."""
    if prediction_type == "epsilon":
        return x - sigma * out
    if prediction_type == "v_prediction":
        # sqrt(ab) x_ddpm - sqrt(1 - ab) v
        return x / (sigma**2 + 1) - out * (sigma * (sigma**2 + 1) ** -0.5)
    return out


def x0_factor(sigma: float, prediction_type: str) -> float:
    """Returns by how much x0 changes with the model's output."""
    if prediction_type == "epsilon":
        return -sigma
    return -sigma * (sigma**2 + 1) ** -0.5 if prediction_type == "v_prediction" else 1.0
