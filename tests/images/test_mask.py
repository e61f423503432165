"""Masks: what is outside them comes back bit for bit, whatever their shape, size, mode and softness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdedge.errors import InvalidRequest
from sdedge.images import mask as masks

BOXES = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 40), st.integers(1, 30))


def _square(side: int = 64, inner: int = 24) -> np.ndarray:
    mask = np.zeros((side, side), dtype=bool)
    low = (side - inner) // 2
    mask[low : low + inner, low : low + inner] = True
    return mask


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P", "CMYK", "I;16", "F", "LA"])
@pytest.mark.parametrize("side", [64, 32, 128])
def test_any_mode_and_size_gives_the_same_mask(tmp_path, mode, side):
    grey = Image.fromarray(_square(side, side // 4 * 2).astype(np.uint8) * 255)
    image = {
        "I;16": lambda: Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
        "F": lambda: Image.fromarray(np.asarray(grey).astype(np.float32) / 255),
    }.get(mode, lambda: grey.convert(mode))()
    path = tmp_path / ("mask.tiff" if mode in ("CMYK", "F") else "mask.png")
    image.save(path)
    mask, notes = masks.read_mask(path, (64, 64))
    assert notes == () and np.array_equal(mask, _square(64, 32))


def test_opaque_strokes_on_a_clear_layer_are_the_mask_whatever_their_colour(tmp_path):
    layer = np.zeros((64, 64, 4), dtype=np.uint8)
    layer[_square()] = (0, 0, 0, 255)
    Image.fromarray(layer).save(tmp_path / "layer.png")
    assert np.array_equal(masks.read_mask(tmp_path / "layer.png", (64, 64))[0], _square())


def test_grey_is_cut_at_half(tmp_path):
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (4, 1))).save(tmp_path / "ramp.png")
    mask, _ = masks.read_mask(tmp_path / "ramp.png", (256, 4))
    assert np.array_equal(mask[0], np.arange(256) >= 128)


def test_masks_that_mean_nothing_are_refused(tmp_path):
    Image.new("L", (64, 64), 0).save(tmp_path / "black.png")
    with pytest.raises(InvalidRequest, match="black everywhere"):
        masks.read_mask(tmp_path / "black.png", (64, 64))
    Image.new("L", (64, 32), 255).save(tmp_path / "wide.png")
    with pytest.raises(InvalidRequest, match="64x32 but its picture 64x64"):
        masks.read_mask(tmp_path / "wide.png", (64, 64))


@settings(max_examples=40, deadline=None)
@given(box=BOXES, blur=st.sampled_from([0.0, 0.4, 3.0, 20.0]), seed=st.integers(0, 9))
def test_outside_the_mask_every_pixel_is_bit_equal(box, blur, seed):
    rng = np.random.default_rng(seed)
    canvas, drawn = rng.integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    mask = np.zeros((48, 64), dtype=bool)
    left, top, w, h = box
    mask[top : top + h, left : left + w] = True
    mask ^= rng.random((48, 64)) < 0.02  # holes and specks
    if not mask.any():
        mask[0, 0] = True
    alpha = masks.feather(mask, blur)
    result = masks.paste(canvas, drawn, (0, 0, 64, 48), alpha)
    assert np.array_equal(result[~mask], canvas[~mask])
    assert np.array_equal(result[alpha == 1], drawn[alpha == 1])
    assert alpha.max() > 0.99, "something must be drawn"


def test_softness_rises_inwards_and_reaches_the_whole_drawing():
    alpha = masks.feather(_square(96, 60), 4.0)
    row = alpha[48, 18:48]
    assert np.all(np.diff(row) >= -1e-6) and row[0] < 0.15 and row[12] > 0.99
    assert np.all(masks.feather(np.ones((16, 16), dtype=bool), 4.0) == 1)
    assert np.array_equal(masks.feather(_square(), 0.0), _square().astype(np.float32))


@pytest.mark.parametrize("sigma", [0.3, 2.0, 3.1])
def test_the_blur_is_a_normal_curve_that_ends_at_two_and_a_half_deviations(sigma):
    image = torch.zeros(1, 1, 41, 41)
    image[0, 0, 20, 20] = 1
    reach = max(1, int(2.5 * sigma + 0.5))
    curve = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    expected = np.zeros(41)
    expected[20 - reach : 21 + reach] = curve / curve.sum()
    assert np.allclose(masks.gaussian_blur(image, sigma)[0, 0], np.outer(expected, expected), atol=1e-7)


@pytest.mark.parametrize("thickness", [1, 2, 3, 5])
def test_strokes_thinner_than_the_blur_do_not_vanish(thickness):
    mask = _square(96, 50)
    mask[:20] = False
    mask[5 : 5 + thickness, 10:90] = True  # a stroke beside a large area
    alpha = masks.feather(mask, 4.0)
    assert alpha[5 : 5 + thickness, 50].max() > 0.9


def test_softness_does_not_depend_on_how_much_surrounds_the_mask():
    small, large = _square(96, 20), np.zeros((300, 400), dtype=bool)
    large[100:196, 200:296] = small
    assert np.allclose(masks.feather(large, 3.0)[100:196, 200:296], masks.feather(small, 3.0), atol=1e-6)


def test_a_mask_at_the_picture_s_edge_is_not_faded_there():
    mask = np.zeros((64, 64), dtype=bool)
    mask[:, :32] = True
    alpha = masks.feather(mask, 4.0)
    assert alpha[32, 0] > 0.99 and alpha[0, 0] > 0.99 and alpha[32, 31] < 0.2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(64, 400), st.integers(64, 400), st.data(), st.sampled_from([(64, 64), (128, 64), (64, 96)]),
    st.integers(0, 64),
)  # fmt: skip
def test_regions_hold_the_mask_stay_inside_and_have_the_proportions_where_they_can(W, H, data, size, padding):
    left, top = data.draw(st.integers(0, W - 1)), data.draw(st.integers(0, H - 1))
    right, bottom = data.draw(st.integers(left + 1, W)), data.draw(st.integers(top + 1, H))
    box, aspect = (left, top, right, bottom), size[0] / size[1]
    for region in (masks.region_around(box, padding, (W, H), size), masks.largest_region(box, (W, H), size)):
        assert 0 <= region[0] <= left and 0 <= region[1] <= top and right <= region[2] <= W and bottom <= region[3] <= H
        w, h = region[2] - region[0], region[3] - region[1]
        if w < W and h < H:
            assert abs(w - h * aspect) <= max(aspect, 1)


def test_the_whole_picture_is_drawn_where_sizes_differ_by_rounding():
    assert masks.largest_region((10, 10, 20, 20), (500, 333), (504, 336)) == (0, 0, 500, 333)
    assert masks.largest_region((450, 10, 470, 20), (600, 300), (64, 64)) == (300, 0, 600, 300)
    assert masks.largest_region((0, 10, 600, 20), (600, 300), (64, 64)) == (0, 0, 600, 300)


def test_outpainting_keeps_the_picture_continues_its_edges_and_masks_the_rest():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    inner = np.zeros((20, 30), dtype=bool)
    inner[5, 5] = True
    canvas, mask = masks.outpaint(picture, inner, (3, 4, 5, 6))
    assert canvas.shape == (30, 38, 3) and np.array_equal(canvas[4:24, 3:33], picture)
    assert np.array_equal(canvas[0, 0], picture[0, 0]) and np.array_equal(canvas[-1, -1], picture[-1, -1])
    assert mask[:4].all() and mask[:, :3].all() and mask[24:].all() and mask[:, 33:].all()
    assert np.array_equal(mask[4:24, 3:33], inner)


def test_latent_cells_cover_every_masked_pixel_or_ask_the_first_as_diffusers():
    mask = np.zeros((64, 64), dtype=bool)
    mask[9, 9] = mask[32, 16] = True
    covered, nearest = masks.latent_mask(mask, 8), masks.latent_mask(mask, 8, nearest=True)
    assert {tuple(index) for index in covered[0, 0].nonzero().tolist()} == {(1, 1), (4, 2)}
    expected = torch.nn.functional.interpolate(torch.from_numpy(mask)[None, None].float(), size=(8, 8))
    assert torch.equal(nearest, expected) and nearest.sum() == 1


def test_no_masked_pixel_is_lost_when_a_region_is_drawn_smaller():
    mask = np.zeros((300, 400), dtype=bool)
    mask[150, 200] = True
    assert masks.scaled(mask, (0, 0, 400, 300), (64, 48)).sum() >= 1
    assert masks.scaled(mask, (200, 150, 264, 198), (64, 48))[0, 0]


@pytest.mark.parametrize("shape", [(32, 48), (1, 7), (33, 65)])
def test_fill_uses_the_colours_around_and_nothing_else(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = np.zeros(shape, dtype=bool)
    mask[:, 2:-2] = True
    hidden = picture.copy()
    hidden[mask] = 0
    filled = masks.fill_hidden(picture, mask)
    assert np.array_equal(filled[~mask], picture[~mask])
    assert np.array_equal(filled, masks.fill_hidden(hidden, mask)), "what is under the mask must not show"
    flat = masks.fill_hidden(np.where(mask[..., None], 0, np.uint8(77)).astype(np.uint8).repeat(3, -1)[..., :3], mask)
    assert np.abs(flat.astype(int) - 77).max() <= 1
    assert np.all(masks.fill_hidden(picture, np.ones(shape, dtype=bool)) == masks.GREY)


def test_a_picture_with_a_hole_is_told_from_strokes(tmp_path):
    pixels = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3).astype(np.uint8)
    hole = np.dstack((pixels, np.full((64, 64), 255, np.uint8)))
    hole[16:48, 16:48] = 0
    Image.fromarray(hole).save(tmp_path / "hole.png")
    mask, notes = masks.read_mask(tmp_path / "hole.png", (64, 64), pixels)
    assert mask[20, 20] and not mask[0, 0] and mask.sum() == 32 * 32 and "the hole is drawn anew" in notes[0]
    mask, notes = masks.read_mask(
        tmp_path / "hole.png", (64, 64), 255 - pixels
    )  # the same file beside another picture: strokes
    assert mask[0, 0] and not mask[20, 20] and "opaque part is drawn anew" in notes[0]


@pytest.mark.parametrize("transparency", [1, 128, 254])
def test_one_transparency_for_all_says_nothing_of_where(tmp_path, transparency):
    white = _square().astype(np.uint8) * 255
    Image.fromarray(np.dstack([white] * 3 + [np.full_like(white, transparency)])).save(tmp_path / "even.png")
    mask, notes = masks.read_mask(tmp_path / "even.png", (64, 64))
    assert notes == () and np.array_equal(mask, _square())


def test_a_latent_cell_is_as_light_as_its_lightest_pixel():
    strengths = np.zeros((16, 24), np.float32)
    strengths[3, 9], strengths[12:16, 16:] = 0.25, 0.5
    cells = masks.latent_strengths(strengths, 8)
    assert torch.equal(cells, torch.tensor([[[[0, 0.25, 0], [0, 0, 0.5]]]]))
    assert torch.equal((cells > 0).float(), masks.latent_mask(strengths > 0, 8)), "as a hard one holds them"


def test_how_grey_a_mask_is_counts_what_is_not_black():
    greys = np.zeros((10, 10), np.uint8)
    assert masks.grey_fraction(greys) == 0
    greys[0], greys[1] = 255, 100
    assert masks.grey_fraction(greys) == 0.5
