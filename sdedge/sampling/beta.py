"""Quantiles of the beta distribution: the inverse of the regularised incomplete beta function."""

from __future__ import annotations

import math

TINY = 1e-300
ROUNDS = 200  # of halving and Newton steps, of which some ten are needed


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Returns x in 0 … 1 with I_x(a, b) = share, for a, b > 0; to about the last digit.

    Newton's steps on the distribution, kept inside what is known to hold the root and halved where they leave it. The upper half
    is solved from its own end, where x would lose digits.
    """
    if not 0 < probability < 1:
        return min(max(probability, 0.0), 1.0)
    middle = a / (a + b)
    if probability > incomplete_beta(middle, a, b):
        return 1 - _lower_quantile(1 - probability, b, a)
    return _lower_quantile(probability, a, b)


def _lower_quantile(probability: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    x = min(
        math.exp((math.log(probability) + math.log(a) - scale) / a), a / (a + b)
    )  # of the density's first term alone
    for _ in range(ROUNDS):
        excess = incomplete_beta(x, a, b) - probability
        low, high = (low, x) if excess > 0 else (x, high)
        density = math.exp(scale + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
        step = x - excess / density
        nearer = step if low < step < high else (low + high) / 2
        if abs(nearer - x) <= 1e-16 * x:
            return nearer
        x = nearer
    return x


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Returns I_x(a, b) for x in 0 … 1, by its continued fraction (DLMF 8.17.22) on the side where that converges fast."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front / (a * _fraction(x, a, b))
    return 1 - front / (b * _fraction(1 - x, b, a))


def _fraction(x: float, a: float, b: float) -> float:
    """Returns 1 + d1/(1 + d2/(1 + …)) by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for i in range(1, 500):
        m = i // 2
        if i % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + term * d or TINY)
        c = 1 + term / c or TINY
        value *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return value
