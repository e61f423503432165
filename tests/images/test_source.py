"""Pictures of every kind a person may have: read with the right colours, upright, or refused with a reason."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdedge.errors import InvalidRequest
from sdedge.images import metadata
from sdedge.images.carried import read_picture
from sdedge.images.mask import read_grey_mask, read_mask
from sdedge.images.source import FIT_MODES, fit, flatten, load, read_source
from sdedge.library import gallery_files

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def quarters() -> np.ndarray:
    """Red, green over blue, white: every turn and mirror of it is different."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:20, :30], pixels[:20, 30:], pixels[20:, :30], pixels[20:, 30:] = RED, GREEN, BLUE, WHITE
    return pixels


def _corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in pixels[y, x]) for y in (5, -5) for x in (5, -5)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_the_camera_says(tmp_path, quarters, orientation):
    stored = {1: 0, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
              4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
              7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}[orientation]  # fmt: skip
    image = Image.fromarray(quarters)
    image = image.transpose(stored) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(read_source(tmp_path / "photo.png")[0], quarters)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "png"), ("RGBA", "png"), ("RGBA", "webp"), ("P", "gif"), ("P", "png"), ("CMYK", "tiff"), ("YCbCr", "tiff"),
     ("RGB", "bmp"), ("RGB", "ppm")],
)  # fmt: skip
def test_colours_survive_every_mode(tmp_path, quarters, mode, suffix):
    path = tmp_path / f"picture.{suffix}"
    image = Image.fromarray(quarters).convert(mode)
    image.save(path, **({"lossless": True} if suffix == "webp" else {}))
    pixels, notes = read_source(path)
    assert notes == () and pixels.dtype == np.uint8
    difference = np.abs(np.array(_corners(pixels), dtype=int) - np.array([RED, GREEN, BLUE, WHITE]))
    assert difference.max() <= 4


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "I", "F", "LA"])
def test_grey_of_any_depth_keeps_its_brightness(tmp_path, mode):
    ramp = np.tile(np.linspace(0, 255, 64).round(), (8, 1))
    if mode in ("L", "LA"):
        image = Image.fromarray(ramp.astype(np.uint8)).convert(mode)
    elif mode == "1":
        ramp = np.where(ramp > 127, 255.0, 0.0)
        image = Image.fromarray(ramp.astype(np.uint8)).convert("1", dither=Image.Dither.NONE)
    elif mode == "I;16":
        image = Image.fromarray((ramp * 257).astype(np.uint16))
    elif mode == "I":
        image = Image.fromarray((ramp * 257).astype(np.int32))
    else:
        image = Image.fromarray((ramp / 255).astype(np.float32))
    path = tmp_path / ("grey.tiff" if mode in ("F", "I") else "grey.png")
    image.save(path)
    pixels, _ = read_source(path)
    assert np.abs(pixels.astype(int) - ramp[..., None]).max() <= 1


def test_samples_that_are_not_numbers_are_black(tmp_path):
    values = np.full((8, 8), 0.5, dtype=np.float32)
    values[0] = np.nan
    Image.fromarray(values).save(tmp_path / "broken.tiff")
    pixels, _ = read_source(tmp_path / "broken.tiff")
    assert pixels[0, 0, 0] == 0 and pixels[4, 4, 0] == 128


def test_of_16_bits_of_grey_one_value_may_be_transparent(tmp_path):
    samples = np.array([[4660, 0, 30000, 65535]], np.uint16)
    Image.fromarray(samples).save(tmp_path / "grey.png", transparency=0)
    pixels, _ = read_source(tmp_path / "grey.png")
    assert pixels[0, :, 0].tolist() == [18, 255, 117, 255], "over white"
    carried = np.array(read_picture(tmp_path / "grey.png").image)
    assert carried[0, :, 0].tolist() == [18, 0, 117, 255] and carried[0, :, 3].tolist() == [255, 0, 255, 255]
    greys, _ = read_grey_mask(tmp_path / "grey.png", (4, 1))
    assert greys[0].tolist() == [255, 0, 255, 255], "what is opaque is the mask"


def test_transparency_lies_over_white_or_what_is_asked(tmp_path):
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:, 4:] = (10, 20, 30, 255)
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    assert tuple(read_source(tmp_path / "clear.png")[0][0, 0]) == WHITE
    over, _ = read_source(tmp_path / "clear.png", background=(0, 0, 200))
    assert tuple(over[0, 0]) == (0, 0, 200) and tuple(over[0, 7]) == (10, 20, 30)


def test_a_palette_with_a_transparent_colour_is_laid_over_the_background(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([1, 2, 3, 200, 100, 50])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "p.gif", transparency=0)
    pixels, _ = read_source(tmp_path / "p.gif")
    assert tuple(pixels[0, 0]) == WHITE and tuple(pixels[5, 5]) == (200, 100, 50)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_an_animation_the_first_frame_is_used_and_said_so(tmp_path, suffix):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    path = tmp_path / f"moving.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
    pixels, notes = read_source(path)
    assert np.abs(pixels[8, 8].astype(int) - RED).max() <= 4
    assert len(notes) == 1 and "first" in notes[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
@pytest.mark.parametrize("fraction", [0.1, 0.6])
def test_half_a_file_is_refused(tmp_path, suffix, fraction):
    intact = tmp_path / f"whole.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(intact)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(intact.read_bytes()[: int(intact.stat().st_size * fraction)])
    with pytest.raises(InvalidRequest, match=r"cut\."):
        load(cut)


@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\0" * 400])
def test_what_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "file.png").write_bytes(content)
    with pytest.raises(InvalidRequest, match="not a picture"):
        load(tmp_path / "file.png")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(InvalidRequest, match="no picture"):
            load(path)


def _bomb(side: int) -> bytes:
    """A PNG that promises side x side pixels in a few hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    "side, has",
    [(8001, "8001x8001 pixels, 64.02 megapixels"), (12_000, "12000x12000 pixels, 144 megapixels"),
     (100_000, "10000 megapixels")],
)  # fmt: skip
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, side, has):
    """How large it is, how large it may be and what helps are said, beyond Pillow's own limit too."""
    (tmp_path / "bomb.png").write_bytes(_bomb(side))
    Image.init()  # plugins load pictures of their own when they are imported
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("unpacked"))
    with pytest.raises(InvalidRequest) as refused:
        load(tmp_path / "bomb.png")
    said = str(refused.value)
    assert f"it has {has}, and 64 are the most" in said and "make it smaller" in said and "None" not in said


@pytest.mark.parametrize("mode", FIT_MODES)
@pytest.mark.parametrize("size", [(60, 40), (32, 32), (64, 24), (200, 80)])
def test_every_mode_gives_the_size_and_leaves_a_fitting_picture_alone(quarters, mode, size):
    fitted = fit(quarters, size, mode)
    assert fitted.shape == (size[1], size[0], 3)
    assert (size != (60, 40)) or fitted is quarters
    assert tuple(fitted[1, 1]) == RED and tuple(fitted[-2, -2]) == WHITE


def test_crop_keeps_proportions_and_pad_keeps_everything(quarters):
    circle = np.zeros((100, 200, 3), dtype=np.uint8)
    y, x = np.ogrid[:100, :200]
    circle[(y - 50) ** 2 + (x - 100) ** 2 < 30**2] = 255

    def extent(pixels: np.ndarray) -> tuple[int, int]:
        bright = pixels[..., 0] > 127
        return int(bright.any(0).sum()), int(bright.any(1).sum())

    assert abs(extent(fit(circle, (64, 64), "crop"))[0] - extent(fit(circle, (64, 64), "crop"))[1]) <= 1
    assert abs(extent(fit(circle, (64, 64), "pad"))[0] - extent(fit(circle, (64, 64), "pad"))[1]) <= 1
    wide, tall = extent(fit(circle, (64, 64), "stretch"))
    assert abs(2 * wide - tall) <= 2
    with pytest.raises(InvalidRequest, match="crop, stretch, pad"):
        fit(quarters, (8, 8), "zoom")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_fifos_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(fifo := tmp_path / "fifo.png")
    for path in (fifo, Path("/dev/zero")):
        for reader in (load, metadata.read, lambda path: read_mask(path, (8, 8))):
            with pytest.raises(InvalidRequest, match="not a file"):
                reader(path)


def test_a_picture_that_needs_another_program_is_not_decoded(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    for reader in (load, metadata.read, gallery_files.measure):
        with pytest.raises(InvalidRequest, match="not a picture"):
            reader(tmp_path / "a.png")


def test_wide_samples_are_converted_rows_at_a_time():
    wide = np.arange(200 * 3, dtype=np.float32).reshape(200, 3) * 100
    wide[0, 0] = np.nan
    grey = np.asarray(flatten(Image.fromarray(wide)))[..., 0]
    assert np.array_equal(
        grey, (np.nan_to_num(wide.astype(np.float64)) / 65535 * 255).clip(0, 255).round().astype(np.uint8)
    )
