"""Crop and stitch: what is cut comes back in its place, the seam has one colour, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from sdedge.images import mask as masks
from sdedge.images.source import fit
from sdedge.images.stitch import Crop, crop_around, match_colours


def _photo(height: int = 90, width: int = 120) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1).astype(np.uint8)


def _mask(height: int = 90, width: int = 120) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[30:50, 40:72] = True
    return mask


@pytest.mark.parametrize(("padding", "size"), [(0, (64, 64)), (9, (96, 64)), (500, (64, 128))])
def test_a_crop_holds_the_mask_with_its_context_and_comes_back_in_its_place(padding, size):
    photo, mask = _photo(), _mask()
    crop = crop_around(mask, size, padding)
    left, top, right, bottom = crop.box
    assert 0 <= left <= max(40 - padding, 0) and min(72 + padding, 120) <= right <= 120
    assert 0 <= top <= max(30 - padding, 0) and min(50 + padding, 90) <= bottom <= 90
    assert crop.cut(photo).shape == (size[1], size[0], 3) and crop.cut_mask(mask).shape == (size[1], size[0])
    drawn = np.full((size[1], size[0], 3), 7, np.uint8)
    stitched = crop.stitch(photo, drawn, mask.astype(np.float32))
    assert np.array_equal(stitched[~mask], photo[~mask]) and (stitched[mask] == 7).all()


def test_all_of_the_picture_is_context_where_the_proportions_allow_it():
    assert crop_around(_mask(), (128, 96), 0, largest=True) == Crop((0, 0, 120, 90), (128, 96))


def test_a_shift_of_colour_is_undone_at_the_seam_and_grain_is_left_alone():
    """The drawing is the picture, darker and redder, with another grain: matched it is the picture again."""
    photo, mask = _photo() // 2 + 60, _mask()
    grain = np.random.default_rng(0).integers(-3, 4, photo.shape)
    drawn = (photo + np.array([25, -12, -20]) + grain).astype(np.uint8)
    matched = match_colours(drawn, photo, mask).astype(int)
    assert np.abs((matched - photo)[mask].mean(0)).max() < 1
    assert np.abs(matched - photo - grain)[mask].max() <= 3
    assert not np.array_equal(masks.paste(photo, drawn, (0, 0, 120, 90), mask.astype(np.float32)), photo)


def test_a_shift_that_changes_along_the_seam_is_followed():
    photo, mask = np.full((90, 120, 3), 120, np.uint8), _mask()
    slope = np.linspace(-60, 60, 120).round()[None, :, None]
    matched = match_colours((photo + slope).astype(np.uint8), photo, mask).astype(int)
    shifts = np.abs(np.broadcast_to(slope, photo.shape))[mask].mean(), np.abs(matched - 120)[mask].mean()
    assert shifts[0] > 8 and shifts[1] < shifts[0] / 3, shifts


def test_colours_stay_where_nothing_is_left_to_compare_them_with():
    photo, drawn = _photo(), np.full((90, 120, 3), 9, np.uint8)
    for mask in (np.ones((90, 120), bool), np.zeros((90, 120), bool)):
        assert match_colours(drawn, photo, mask) is drawn
    crop = Crop((10, 20, 74, 84), (64, 64))
    part = fit(photo[20:84, 10:74], (64, 64))
    everywhere = np.ones((90, 120), np.float32)
    assert np.array_equal(crop.stitch(photo, part, everywhere, match=True), photo)
