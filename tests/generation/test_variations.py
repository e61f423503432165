"""Variations go from one seed's noise to another's."""

from __future__ import annotations

import numpy as np
import torch

from sdedge.generation.start import slerp
from sdedge.request import Request
from tests.generation.conftest import drawn, from_photo, psnr


def test_slerp_is_the_formula_column_by_column():
    a, b = (torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(seed)).double() for seed in (0, 1))
    ours = slerp(a, b, 0.3)
    for c in range(4):
        for x in range(6):
            low, high = a[c, :, x].numpy(), b[c, :, x].numpy()
            angle = np.arccos(np.dot(low, high) / np.linalg.norm(low) / np.linalg.norm(high))
            expected = (np.sin(0.7 * angle) * low + np.sin(0.3 * angle) * high) / np.sin(angle)
            assert np.allclose(ours[c, :, x].numpy(), expected)
    assert torch.equal(slerp(a, a, 0.4), a)


def test_variations_go_from_one_seed_to_the_other(pipeline, models, files):
    request = from_photo(models[4], files, image=None, steps=3, variation_seed=99)
    zero, half, full = (drawn(pipeline, request.replace(variation_strength=s))[0].pixels for s in (0.0, 0.5, 1.0))
    plain = drawn(pipeline, request.replace(variation_seed=None))[0].pixels
    another_seed = drawn(pipeline, request.replace(variation_seed=None, seed=99))[0].pixels
    assert np.array_equal(zero, plain) and psnr(full, another_seed) > 55
    assert psnr(half, plain) > psnr(plain, another_seed) and not np.array_equal(half, plain)


def test_a_series_of_variations_keeps_the_seed_and_is_recorded(pipeline, models, files):
    request = from_photo(models[4], files, image=None, steps=1, variation_strength=0.2)
    pictures = drawn(pipeline, request, count=2, batch=2)
    assert [(p.request.seed, p.request.variation_seed) for p in pictures] == [(7, 8), (7, 9)]
    (again,) = drawn(pipeline, Request(**vars(pictures[1].request)))
    assert psnr(again.pixels, pictures[1].pixels) > 60
