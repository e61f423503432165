"""How near pictures are: PSNR and SSIM of pairs, and the Fréchet distance and spread of sets of features."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, DEVIATION = 11, 1.5  # of SSIM's Gaussian, as in the paper
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (BT.601)


def psnr(picture: np.ndarray, reference: np.ndarray) -> float:
    """Returns 10 log10(255² / MSE) in dB of two uint8 pictures (H, W, 3); infinite where they are equal.

    Raises ValueError for pictures of two sizes.
    """
    _check_same_size(picture, reference)
    error = float(np.square(picture.astype(np.float64) - reference.astype(np.float64)).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def ssim(picture: np.ndarray, reference: np.ndarray) -> float:
    """Returns the mean structural similarity (Wang et al. 2004) of the luma of two uint8 pictures (H, W, 3), at most 1.

    The window is the paper's Gaussian of 11 pixels, inside of the picture only. Raises ValueError for pictures of two sizes.
    """
    _check_same_size(picture, reference)
    x, y = (torch.from_numpy(image @ np.asarray(LUMA))[None, None] for image in (picture, reference))
    mx, my = _smoothed(x), _smoothed(y)
    vx, vy = _smoothed(x * x) - mx * mx, _smoothed(y * y) - my * my
    covariance = _smoothed(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    numerator = (2 * mx * my + c1) * (2 * covariance + c2)
    return float((numerator / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())


def frechet_distance(features: np.ndarray, reference: np.ndarray) -> float:
    """Returns the Fréchet distance (Dowson & Landau 1982) of Gaussians fitted to two sets of features (n, d).

    |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½). Raises ValueError for fewer than two pictures in a set.
    """
    if min(len(features), len(reference)) < 2:
        raise ValueError("A Fréchet distance needs two pictures in each set.")
    means = [x.mean(0, dtype=np.float64) for x in (features, reference)]
    first, second = (np.cov(x.astype(np.float64), rowvar=False, ddof=1) for x in (features, reference))
    root = _square_root(first)
    values = np.linalg.eigvalsh(root @ second @ root)  # those of C1 C2, which is not symmetric itself
    traces = np.trace(first) + np.trace(second) - 2 * np.sqrt(values.clip(0)).sum()
    return max(0.0, float(np.square(means[0] - means[1]).sum() + traces))


def spread(groups: list[np.ndarray]) -> float | None:
    """Returns the mean Euclidean distance of two different rows of a group, over groups of features (n, d).

    None where no group has two.
    """
    distances = []
    for group in groups:
        if len(group) > 1:
            x = torch.from_numpy(group).double()
            distances.append(float(torch.pdist(x).mean()))
    return float(np.mean(distances)) if distances else None


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _smoothed(x: Tensor) -> Tensor:
    axis = torch.arange(WINDOW, dtype=x.dtype) - WINDOW // 2
    weights = torch.exp(-axis.square() / (2 * DEVIATION**2))
    weights = weights / weights.sum()
    return F.conv2d(F.conv2d(x, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))


def _check_same_size(picture: np.ndarray, reference: np.ndarray) -> None:
    if picture.shape != reference.shape:
        raise ValueError(f"Pictures of the shapes {picture.shape} and {reference.shape} cannot be compared.")
