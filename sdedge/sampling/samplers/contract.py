"""What every sampler takes and gives, and the pieces of a step that several of them share.

A sampler is a generator function `name(denoise, x, sigmas, noise, **options) -> Iterator[(x, x0)]`. It yields once per
step: the latent at the next level, and the image the model predicted on the way. Whoever iterates owns progress,
preview and cancelling. All arithmetic is elementwise on x, so an image comes out the same alone or in a batch;
the coefficients are Python floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]  # (x (B, C, h, w), sigma) -> x0, same shape
StepNoise = Callable[[float, float], Tensor]  # (sigma, sigma_next) -> (B, C, h, w), unit variance
Steps = Iterator[tuple[Tensor, Tensor]]
Sampler = Callable[..., Steps]


def floats(sigmas: Iterable[float]) -> list[float]:
    return [float(sigma) for sigma in sigmas]


def ancestral(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """Returns (sigma_down, sigma_up): step down to the first, then add noise of the second to arrive at sigma_next.

    With eta = 1 the process is that of DDPM; the same split is DDIM's eq. 16 written in sigma.
    """
    up = min(sigma_next, eta * (sigma_next**2 * max(sigma**2 - sigma_next**2, 0.0) / sigma**2) ** 0.5)
    return (sigma_next**2 - up**2) ** 0.5, up


def log_mean(a: float, b: float) -> float:
    return math.exp((math.log(a) + math.log(b)) / 2)


def lagrange(nodes: Sequence[float], j: int) -> np.ndarray:
    """Returns the coefficients, constant first, of the polynomial that is 1 at nodes[j] and 0 at the others."""
    polynomial = np.array([1.0])
    for k, node in enumerate(nodes):
        if k != j:
            polynomial = np.convolve(polynomial, [-node, 1.0]) / (nodes[j] - node)
    return polynomial


def weighted(weights: Iterable[float], tensors: Iterable[Tensor]) -> Tensor:
    """Returns sum_i weights[i] tensors[i], added in order."""
    terms = [weight * tensor for weight, tensor in zip(weights, tensors)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
