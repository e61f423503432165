"""Hints by filters: edges are OpenCV's by an independent reference, smoothing is scipy's, and any picture makes a hint."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from sdedge.commands.root import cli
from sdedge.control_syntax import ControlList, format_control, parse_control
from sdedge.controls import Control, HintFit
from sdedge.errors import InvalidRequest, Remedy
from sdedge.generation.hints import read_hint
from sdedge.images import metadata, metadata_a1111
from sdedge.images.hint_colours import color, invert, shuffle, threshold, tile, with_hole
from sdedge.images.hint_edges import canny, lineart, scribble, softedge
from sdedge.images.hint_filters import smoothed
from sdedge.images.preprocess import FILTERS, preprocess
from sdedge.preprocessors import PREPROCESSORS, is_preprocessing, parse_preprocessing
from sdedge.request import Request


def _photo(seed: int, height: int, width: int, sigma: float = 1.5) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.float32)
    picture = ndimage.gaussian_filter(noise, (sigma, sigma, 0)) if sigma else noise
    low, high = picture.min(), picture.max()
    return ((picture - low) / max(high - low, 1) * 255).astype(np.uint8)


def _edges_by_definition(pixels: np.ndarray, low: int, high: int) -> np.ndarray:
    """Canny's edges with scipy's Sobel, pixel by pixel with true angles, and connected components: OpenCV's conventions."""
    values = pixels.astype(int)
    dx = np.stack([ndimage.sobel(values[..., c], axis=1, mode="nearest") for c in range(3)])
    dy = np.stack([ndimage.sobel(values[..., c], axis=0, mode="nearest") for c in range(3)])
    channel = (abs(dx) + abs(dy)).argmax(axis=0)
    dx, dy = (np.take_along_axis(each, channel[None], 0)[0] for each in (dx, dy))
    size = np.pad(abs(dx) + abs(dy), 1)
    H, W = dx.shape
    ridge = np.zeros((H, W), bool)
    for i in range(H):
        for j in range(W):
            angle, m = np.degrees(np.arctan2(abs(dy[i, j]), abs(dx[i, j]))), size[i + 1, j + 1]
            step = 1 if (dx[i, j] < 0) == (dy[i, j] < 0) else -1
            if angle < 22.5:
                ridge[i, j] = m > size[i + 1, j] and m >= size[i + 1, j + 2]
            elif angle > 67.5:
                ridge[i, j] = m > size[i, j + 1] and m >= size[i + 2, j + 1]
            else:
                ridge[i, j] = m > size[i, j + 1 - step] and m > size[i + 2, j + 1 + step]
    within = size[1:-1, 1:-1]
    labels, _ = ndimage.label(ridge & (within > low), np.ones((3, 3)))
    strong = np.unique(labels[ridge & (within > high)])
    return np.isin(labels, strong[strong > 0])


@pytest.mark.parametrize("seed", range(4))
def test_canny_is_what_its_definition_says(seed):
    pixels = _photo(seed, 31, 40, seed / 2)
    low, high = ((100, 200), (40, 90), (10, 400), (300, 300))[seed]
    edges = canny(pixels, low, high)
    assert np.array_equal(edges[..., 0] == 255, _edges_by_definition(pixels, low, high))
    assert 0 < (edges > 0).mean() < 0.5 and edges.dtype == np.uint8 and set(np.unique(edges)) <= {0, 255}
    assert np.array_equal(edges, canny(pixels, high, low)), "the larger one is the upper, as in OpenCV"


def test_canny_follows_a_weak_line_to_its_end():
    pixels = np.full((40, 40, 3), 100, np.uint8)
    pixels[:, 20:] = 130  # weak all along
    pixels[:4, 20:] = 255  # and strong at one end
    assert (canny(pixels, 50, 400)[5:, :, 0] == 255).any(axis=1).all()
    pixels[:4, 20:] = 130
    assert not canny(pixels, 50, 400).any()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_canny_is_that_of_opencv_where_it_is_installed(seed):
    cv2 = pytest.importorskip("cv2")
    pixels = _photo(seed, 97, 130, seed % 3)
    assert np.array_equal(canny(pixels, 50, 150)[..., 0], cv2.Canny(pixels, 50, 150))


@pytest.mark.parametrize("sigma", [0.5, 1.5, 6.0])
def test_smoothing_is_that_of_scipy(sigma):
    pixels = _photo(1, 50, 60, 0)
    theirs = ndimage.gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0), mode="mirror", truncate=4.0)
    assert np.abs(smoothed(pixels, sigma) - theirs).max() < 1e-3


def test_lines_are_those_of_the_web_ui():
    """By its formulas, with scipy's Gaussian."""
    pixels = _photo(2, 60, 80, 1)
    blurred = {s: ndimage.gaussian_filter(pixels.astype(np.float64), (s, s, 0), mode="mirror") for s in (0.5, 5.0, 6.0)}
    dark = (blurred[6.0] - pixels).min(axis=2).clip(0, 255)
    theirs = (dark / max(16, np.median(dark[dark > 8])) * 127).clip(0, 255)
    assert np.abs(lineart(pixels)[..., 0] - theirs).max() < 1.01
    difference = (255 - (blurred[5.0] - blurred[0.5]).min(axis=2)).clip(0, 255).astype(np.uint8).astype(int)
    strokes = scribble(pixels)[..., 0] == 255
    assert (strokes != (2 * (255 - difference) > 32)).mean() < 1e-3 and 0.02 < strokes.mean() < 0.9


def test_soft_edges_are_brightest_where_the_picture_changes_most():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 20:], pixels[:, 40:] = 60, 255
    edges = softedge(pixels)[20, :, 0].astype(int)
    assert edges[40] > edges[20] > edges[30] and edges[40] > 250
    assert not softedge(np.full((9, 9, 3), 77, np.uint8)).any()


def test_threshold_invert_tile_color_and_shuffle():
    pixels = _photo(3, 64, 96)
    assert np.array_equal(threshold(pixels, 100)[..., 0] == 255, (pixels > 100).all(axis=2))
    assert np.array_equal(invert(invert(pixels)), pixels) and np.array_equal(tile(pixels), pixels)
    assert np.abs(tile(pixels, 4).astype(int).mean() - pixels.mean()) < 1 and tile(pixels, 4).std() < pixels.std()
    cells = color(pixels, 32)
    assert all(
        len(np.unique(cells[y : y + 32, x : x + 32].reshape(-1, 3), axis=0)) == 1 for y in (0, 32) for x in (0, 32)
    )
    assert np.abs(cells[:32, :32].mean((0, 1)) - pixels[:32, :32].mean((0, 1))).max() < 1
    assert np.array_equal(shuffle(pixels, 1), shuffle(pixels, 1)) and not np.array_equal(
        shuffle(pixels, 1), shuffle(pixels, 2)
    )
    assert shuffle(pixels).min() >= pixels.min() and shuffle(pixels).max() <= pixels.max()
    assert with_hole(pixels, np.full((64, 96), 255)).max(axis=(0, 1))[3] == 0


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(FILTERS)), height=st.integers(1, 20), width=st.integers(1, 20), data=st.data(),
    flat=st.booleans(),
)  # fmt: skip
def test_any_picture_makes_a_hint_of_its_size(name, height, width, data, flat):
    pixels = np.full((height, width, 3), 90, np.uint8) if flat else _photo(height, height, width, 0)
    before = pixels.copy()
    row = PREPROCESSORS[name]
    drawn = {s.name: data.draw(st.integers(int(np.ceil(s.low)), min(int(s.high), 300))) for s in row.settings}
    text = " ".join((name, *(f"{key}={value}" for key, value in drawn.items())))
    hint = preprocess(pixels, parse_preprocessing(text))
    assert hint.shape == pixels.shape and hint.dtype == np.uint8 and np.array_equal(pixels, before)
    assert np.array_equal(hint, preprocess(pixels, parse_preprocessing(text))), "the same each time"
    assert parse_preprocessing(parse_preprocessing(text).text).text == parse_preprocessing(text).text


def test_each_row_of_the_table_has_its_filter():
    assert set(FILTERS) == {row.name for row in PREPROCESSORS.values() if not row.by_network}
    for row in PREPROCESSORS.values():
        assert row.by_network or preprocess(_photo(0, 9, 9), parse_preprocessing(row.name)).shape == (9, 9, 3)
        assert not row.a1111 or parse_preprocessing(row.a1111).preprocessor is row


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_the_command_reads_pictures_of_every_mode(tmp_path, mode):
    samples = np.zeros((12, 16), np.float32)
    samples[:, 8:] = 65535 if mode == "I;16" else 1
    wide = Image.fromarray(samples.astype(np.uint16) if mode == "I;16" else samples)
    picture = wide if mode in ("I;16", "F") else Image.fromarray((samples * 255).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / "in.tiff")
    result = CliRunner().invoke(cli, ["hint", "canny", str(tmp_path / "in.tiff"), str(tmp_path / "out.png")])
    assert result.exit_code == 0, result.output
    edges = np.array(Image.open(tmp_path / "out.png"))
    assert edges.shape == (12, 16, 3) and (edges[:, 7:9].max(axis=(1, 2)) == 255).all() and not edges[:, :6].any()


def test_the_command_has_the_settings_as_options(tmp_path):
    photo, out = str(tmp_path / "photo.png"), tmp_path / "out.webp"
    Image.fromarray(_photo(5, 30, 40)).save(photo)
    run = CliRunner().invoke
    assert run(cli, ["hint", "canny", "--low", "5", "--high", "9", "--size", "64x32", photo, str(out)]).exit_code == 0
    assert Image.open(out).size == (64, 32)
    text = run(cli, ["hint", "canny", "--help"]).output
    assert "Edges weaker" in text and "[default: 100" in text and "IMAGE OUT" in text
    assert all(name in run(cli, ["hint", "--help"]).output for name in PREPROCESSORS)
    run(cli, ["hint", "inpaint", photo, photo, str(tmp_path / "hole.png")])
    assert Image.open(tmp_path / "hole.png").mode == "RGBA"
    for wrong in ([photo, "x.jpg"], ["--low", "nan", photo, "x.png"], ["--size", "9999999", photo, "x.png"]):
        assert isinstance(run(cli, ["hint", "canny", *wrong]).exception, InvalidRequest)


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("canny:photo.png:canny", Control("canny", "photo.png", preprocess="canny")),
        ("canny::canny:0.5", Control("canny", None, 0.5, preprocess="canny")),
        ("a:b.png:lineart_standard:0.8:0-0.5", Control("a", "b.png", 0.8, (0.0, 0.5), preprocess="lineart")),
        ("canny:photo.png:canny low=50 high=200", Control("canny", "photo.png", preprocess="canny low=50")),
        ("model=x,hint=p.png,preprocess=softedge sigma=3,weight=0.5",
         Control("x", "p.png", 0.5, preprocess="softedge sigma=3")),
        ("canny:edges.png", Control("canny", "edges.png")),
        ("canny:canny", Control("canny", "canny")),
    ],
)  # fmt: skip
def test_a_control_says_that_its_hint_is_to_be_made(text, control):
    (read,) = Request("a house", controls=(parse_control(text),)).controls
    assert read == Request("a house", controls=(control,)).controls[0]
    assert parse_control(format_control(read)) == read
    assert ControlList().from_json(ControlList().to_json([read])) == (read,)


@pytest.mark.parametrize(
    "text", ["hed", "canny low", "canny sigma=3", "canny low=1e9", "canny low=nan", "color cell=1.5", 3, ""]
)
def test_what_is_no_preprocessor_is_refused_by_name(text):
    with pytest.raises(InvalidRequest, match=r"preprocess|canny|cell") as refused:
        Request("a house", controls=(Control("canny", "a.png", preprocess=text),))
    assert refused.value.field == "controls"
    assert not isinstance(text, str) or text in ("canny sigma=3", "canny low=1e9", "canny low=nan", "color cell=1.5") or (
        not is_preprocessing(text)
    )  # fmt: skip


def test_a_photo_is_made_a_hint_at_the_size_of_the_picture(tmp_path):
    pixels = _photo(7, 40, 40)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    control = Control("canny", str(tmp_path / "photo.png"), preprocess="canny low=20 high=40")
    hint = read_hint(control, "canny", "", (40, 40), None)
    assert np.array_equal(hint.pixels, canny(pixels, 20, 40)) and hint.pixels.any()
    assert set(np.unique(read_hint(control, "canny", "", (24, 16), None).pixels)) == {0, 255}, "resized first"


def test_the_web_uis_text_holds_its_name_of_the_preprocessor():
    controls = tuple(
        Control("net", "a.png", preprocess=text)
        for text in ("canny low=50 high=150", "lineart", "tile factor=2", "softedge")
    )
    text = metadata_a1111.write(Request("a house", controls=controls), {})
    assert "Module: canny," in text and "Threshold A: 50, Threshold B: 150" in text and "Module: tile_resample" in text
    read = metadata.parse_parameters(text).fields["controls"]
    assert [control.preprocess for control in read] == ["canny low=50 high=150", "lineart", "tile factor=2", None]


@pytest.mark.parametrize(
    ("own", "size", "resize", "said"),
    [
        ((1, 1), (64, 64), "crop", "has 1x1 pixels and the picture 64x64: it is enlarged"),
        ((64, 31), (64, 64), "stretch", "it is enlarged"), ((32, 32), (64, 64), "crop", None), ((90, 64), (64, 64), "crop", None),
        ((100, 64), (64, 64), "crop", "36% of it is cut off; write resize=pad or resize=stretch"),
        ((64, 100), (64, 64), "crop", "36% of it is cut off"), ((100, 64), (64, 64), "pad", None),
        ((200, 200), (64, 64), "crop", None),
    ],
)  # fmt: skip
def test_a_hint_that_does_not_suit_the_picture_is_noted_once(tmp_path, own, size, resize, said):
    Image.new("RGB", own).save(tmp_path / "h.png")
    notices = read_hint(
        Control("canny", str(tmp_path / "h.png"), resize=HintFit(resize)), "net", "", size, None
    ).notices
    assert len(notices) == (said is not None) and all(said in notice and " net " in notice for notice in notices)


@pytest.mark.parametrize(("made", "example"), [(None, "C:hint.png"), ("canny low=5", "C:photo.png:canny low=5")])
def test_a_control_without_any_picture_keeps_the_name_that_was_typed(made, example):
    with pytest.raises(InvalidRequest) as refused:
        read_hint(Control("C", preprocess=made), "control_v11p_sd15_canny", "", (8, 8), None)
    assert f"The control 'C' has no hint picture; write one behind it, as in {example}, or give the picture" in str(
        refused.value
    )
    assert refused.value.remedy is Remedy.GIVE_IMAGE and "with --image" in str(refused.value)
