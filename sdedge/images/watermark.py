"""The invisible watermark of the CompVis scripts: written and read, bit-equal to `invisible-watermark` 0.2's "dwtDct".

Despite its name the method takes no DCT. Of the picture's U plane (BT.601 in OpenCV's fixed point) it takes one level
of the Haar wavelet, cuts the approximation into blocks of 4x4 (8x8 pixels), and moves the largest coefficient of each,
the first one aside, to a quarter (0) or three quarters (1) of a multiple of 36. The bits repeat over the blocks in
reading order. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdedge.errors import InvalidRequest

TEXT = "StableDiffusionV1"
"""What CompVis's txt2img.py writes: 17 bytes, 136 bits, the highest bit of each byte first."""
SCALE = 36
BLOCK = 4
MIN_PIXELS = 256 * 256
PRESENT = 6.0
"""Standard deviations above chance that count as the watermark: one unmarked picture in a billion, if votes are normal."""

_SHIFT = 14  # bits after the point in OpenCV's colour conversion
_HAAR = 0.7071067811865476


@dataclass(frozen=True)
class Reading:
    """What a picture's pixels say about `text`.

    `deviations` is how far above chance the blocks follow it, in standard deviations. `agreeing` is how many of its
    `bits` the majority of their blocks shows: all that the library's decoder looks at, and seldom every one.
    """

    text: str
    deviations: float
    agreeing: int
    bits: int

    @property
    def present(self) -> bool:
        """Whether the picture carries the text."""
        return self.deviations >= PRESENT


def check_size(width: int, height: int) -> None:
    """Raises InvalidRequest for a size in pixels at which the readers in use refuse to look for a watermark."""
    if width * height < MIN_PIXELS:
        raise InvalidRequest(
            f"A picture of {width}x{height} is too small for the watermark, which needs {MIN_PIXELS} pixels; "
            "draw it larger, such as 256x256, or without the watermark."
        )


def embed(pixels: np.ndarray, text: str = TEXT) -> np.ndarray:
    """Returns a copy of uint8 RGB pixels (H, W, 3) that carries `text`.

    Raises InvalidRequest below 65,536 pixels. Every pixel may change a little, not only marked ones: the way to YUV
    and back rounds, and it clips saturated reds.
    """
    H, W, _ = pixels.shape
    check_size(W, H)
    yuv = _to_yuv(pixels)
    channel = yuv[: H // 4 * 4, : W // 4 * 4, 1]
    approximation, rows, columns, diagonal = _haar(channel.astype(np.float64))
    blocks = _blocks(approximation)
    bits = np.resize(_bits_of(text), len(blocks))
    each = np.arange(len(blocks))
    largest = _largest(blocks)
    value = blocks[each, largest]
    marked = (np.abs(value) // SCALE + 0.25 + 0.5 * bits) * SCALE
    blocks[each, largest] = np.where(value >= 0, marked, -marked)
    _put_blocks(approximation, blocks)
    # The library hands the two details back the wrong way round, which transposes every 2x2 square of the U plane.
    # Marked pictures have to look like its own, so this does the same. Integers are cut off, not rounded, likewise.
    channel[:] = _inverse_haar(approximation, columns, rows, diagonal).astype(np.uint8)
    return _to_rgb(yuv)


def extract(pixels: np.ndarray, length: int) -> np.ndarray:
    """Returns the `length` bits (bool) that uint8 RGB pixels (H, W, 3) hold, each the majority of its blocks."""
    votes = _votes(pixels)
    place = np.arange(len(votes)) % length
    count = np.maximum(np.bincount(place, minlength=length), 1)
    return np.bincount(place, votes, minlength=length) / count * 255 > 127


def read_watermark(pixels: np.ndarray, text: str = TEXT) -> Reading:
    """Looks for `text` in uint8 RGB pixels (H, W, 3). Raises InvalidRequest below 65,536 pixels.

    The library decodes bit by bit and often gets some wrong, even from an untouched file, because marking a block can
    make another coefficient its largest. Who knows the text can ask all blocks at once, as here: the correlation of
    their votes with the text times the root of their number is a standard normal variable where there is no mark.
    """
    wanted = _bits_of(text)
    votes = _votes(pixels)
    expected = np.resize(wanted, len(votes))
    varied = votes.any() and not votes.all()
    deviations = np.corrcoef(votes, expected)[0, 1] * np.sqrt(len(votes)) if varied else 0.0
    agreeing = int((extract(pixels, len(wanted)) == wanted).sum())
    return Reading(text, float(deviations), agreeing, len(wanted))


def _votes(pixels: np.ndarray) -> np.ndarray:
    """Returns the bit (bool) that each block of uint8 RGB pixels (H, W, 3) shows, in reading order."""
    H, W, _ = pixels.shape
    check_size(W, H)
    U = _to_yuv(pixels)[: H // 4 * 4, : W // 4 * 4, 1]
    blocks = _blocks(_haar(U.astype(np.float64))[0])
    return np.abs(blocks[np.arange(len(blocks)), _largest(blocks)]) % SCALE > 0.5 * SCALE


def _bits_of(text: str) -> np.ndarray:
    return np.unpackbits(np.frombuffer(text.encode(), np.uint8))


def _largest(blocks: np.ndarray) -> np.ndarray:
    """Returns the index of the largest coefficient of each block (N, 16), the first one aside; the earlier of equals."""
    return np.abs(blocks[:, 1:]).argmax(1) + 1


def _blocks(plane: np.ndarray) -> np.ndarray:
    """Cuts (H, W) into copies of its whole blocks in reading order (N, 16)."""
    h, w = (side // BLOCK for side in plane.shape)
    cut = plane[: h * BLOCK, : w * BLOCK].reshape(h, BLOCK, w, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(h * w, BLOCK * BLOCK)


def _put_blocks(plane: np.ndarray, blocks: np.ndarray) -> None:
    """Undoes `_blocks`, in place."""
    h, w = (side // BLOCK for side in plane.shape)
    rows = blocks.reshape(h, w, BLOCK, BLOCK).transpose(0, 2, 1, 3)
    plane[: h * BLOCK, : w * BLOCK] = rows.reshape(h * BLOCK, w * BLOCK)


def _haar(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns one level, sums in PyWavelets' order so that they round alike: approximation, differences of rows, of columns,
    of both; each half as high and wide."""
    low, high = _HAAR * x[1::2] + _HAAR * x[0::2], -_HAAR * x[1::2] + _HAAR * x[0::2]
    (a, columns), (rows, diagonal) = (
        (_HAAR * t[:, 1::2] + _HAAR * t[:, 0::2], -_HAAR * t[:, 1::2] + _HAAR * t[:, 0::2]) for t in (low, high)
    )
    return a, rows, columns, diagonal


def _inverse_haar(a: np.ndarray, rows: np.ndarray, columns: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    return _joined(_joined(a, columns, 1), _joined(rows, diagonal, 1), 0)


def _joined(low: np.ndarray, high: np.ndarray, axis: int) -> np.ndarray:
    """Returns them joined, twice as long along the axis, with even entries from the sums and odd ones from the differences."""
    pairs = np.stack([_HAAR * low + _HAAR * high, _HAAR * low - _HAAR * high], axis + 1)
    h, w = low.shape
    return pairs.reshape((2 * h, w) if axis == 0 else (h, 2 * w))


def _to_yuv(pixels: np.ndarray) -> np.ndarray:
    """Turns uint8 RGB (H, W, 3) into uint8 YUV as OpenCV's COLOR_RGB2YUV."""
    R, G, B = np.moveaxis(pixels.astype(np.int32), -1, 0)
    Y = _unscaled(4899 * R + 9617 * G + 1868 * B)
    return _uint8(Y, _unscaled(8061 * (B - Y)) + 128, _unscaled(14369 * (R - Y)) + 128)


def _to_rgb(yuv: np.ndarray) -> np.ndarray:
    """Undoes `_to_yuv` but for rounding and clipping, as OpenCV's COLOR_YUV2RGB."""
    Y, U, V = np.moveaxis(yuv.astype(np.int32), -1, 0)
    U, V = U - 128, V - 128
    return _uint8(Y + _unscaled(18678 * V), Y + _unscaled(-6472 * U - 9519 * V), Y + _unscaled(33292 * U))


def _unscaled(x: np.ndarray) -> np.ndarray:
    """Rounds fixed point to the nearest integer, halves up."""
    return (x + (1 << (_SHIFT - 1))) >> _SHIFT


def _uint8(*planes: np.ndarray) -> np.ndarray:
    return np.stack(planes, -1).clip(0, 255).astype(np.uint8)
