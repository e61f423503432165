"""Hint pictures of controls: opened, fitted to the picture, and made what each kind of control model reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sdedge.controls import Control, HintFit
from sdedge.errors import InvalidRequest, Remedy
from sdedge.generation.img2img import SourceImage
from sdedge.generation.network_hints import network_hint
from sdedge.generation.pose import shows_nobody
from sdedge.images.preprocess import preprocess
from sdedge.images.source import Colour, Size, fit, flatten, load
from sdedge.library.hints import hint_path
from sdedge.models.unet_inputs import Window
from sdedge.preprocessors import parse_preprocessing
from sdedge.text.clean import shown
from sdedge.weights.control_purpose import PHOTOS

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
HOLE = -1.0
"""What an inpainting ControlNet reads where the picture is to be drawn anew."""


@dataclass(frozen=True, eq=False)
class HintPicture:
    """A hint at the size that it is read at.

    pixels   uint8 (H, W, 3)
    hole     bool (H, W), True where it says nothing: transparent, or drawn anew by the request's own mask; None without
    notices  sentences for the user
    """

    pixels: np.ndarray
    hole: np.ndarray | None = None
    notices: tuple[str, ...] = ()

    def cropped(self, window: Window, downscale: int) -> HintPicture:
        """Returns the hint of a window of the latents, each of which is `downscale` pixels wide."""
        top, left = window.top * downscale, window.left * downscale
        rows = slice(top, top + window.height * downscale)
        columns = slice(left, left + window.width * downscale)
        return HintPicture(self.pixels[rows, columns], None if self.hole is None else self.hole[rows, columns])


def read_hint(control: Control, name: str, purpose: str, size: Size, source: SourceImage | None) -> HintPicture:
    """Returns the hint of a control, whose model people call `name`, at a size (width, height).

    A hint of its own is of the whole picture: where a part of that is cut out and drawn anew, the same part of the hint is read.
    Raises InvalidRequest where there is none, or its file is no picture.
    """
    if control.hint is None:
        if source is None:
            made = "hint.png" if control.preprocess is None else f"photo.png:{control.preprocess}"
            raise InvalidRequest(
                f"The control {shown(control.model)} has no hint picture; write one behind it, as in {control.model}:{made}, or "
                f"{Remedy.GIVE_IMAGE}.",
                field="controls",
                remedy=Remedy.GIVE_IMAGE,
            )
        pixels = _preprocessed(fit(source.pixels, size, "stretch"), control)
        return HintPicture(pixels, source.mask, tuple(_empty(control, name, pixels)))
    opened = load(hint_path(control.hint))
    paper: Colour = WHITE if purpose in PHOTOS or control.preprocess else BLACK
    pixels = _preprocessed(_placed(np.array(flatten(opened.image, paper)), size, control, source), control)
    clear = _transparent(opened.image)
    hole = None if source is None else source.mask
    if clear is not None:
        hole = _placed(np.repeat(clear[..., None], 3, axis=2), size, control, source)[..., 0] >= 128
    unfit = _unfit(control, name, opened.image.size, _canvas_size(size, source))
    return HintPicture(pixels, hole, (*opened.notes, *unfit, *_empty(control, name, pixels)))


def _canvas_size(size: Size, source: SourceImage | None) -> Size:
    """Returns width and height of the picture that hints are of: the one that a part is cut out of, or the drawn one."""
    return size if source is None or source.alpha is None else (source.canvas.shape[1], source.canvas.shape[0])


def _placed(pixels: np.ndarray, size: Size, control: Control, source: SourceImage | None) -> np.ndarray:
    """Returns a control's picture, uint8 (H, W, 3), fitted to the whole picture, and of that what is drawn, at a size."""
    fitted = fit(pixels, _canvas_size(size, source), control.resize)
    if source is None or source.alpha is None:
        return fitted
    return fit(np.ascontiguousarray(fitted[source.crop.inside]), size, "stretch")


def _transparent(image: Image.Image) -> np.ndarray | None:
    """Returns where a picture is transparent, uint8 (H, W) in 0 and 255; None where it is so nowhere."""
    if not image.has_transparency_data:
        return None
    clear = np.array(image.convert("RGBA").getchannel("A")) < 128
    return clear.astype(np.uint8) * 255 if clear.any() else None


def has_own_hole(control: Control) -> bool:
    """Returns whether a control's hint says by transparency where something is to be filled."""
    return control.hint is not None and _transparent(load(hint_path(control.hint)).image) is not None


def _unfit(control: Control, name: str, own: Size, size: Size) -> Iterator[str]:
    """Yields a sentence on a hint that is much smaller than the picture, or of which the crop takes more than a third."""
    W, H = own
    width, height = size
    said = f"The hint of the control {name} has {W}x{H} pixels and the picture {width}x{height}"
    scale = max(width / W, height / H)
    cut = 1 - (width / scale / W) * (height / scale / H) if control.resize is HintFit.CROP else 0
    if min(W / width, H / height) < 0.5:
        yield f"{said}: it is enlarged, so that what it shows is coarse; give a larger one."
    elif cut > 1 / 3:
        yield f"{said}: {cut:.0%} of it is cut off; write resize=pad or resize=stretch into the control to keep all of it."


def _empty(control: Control, name: str, hint: np.ndarray) -> Iterator[str]:
    """Yields a sentence on a hint of poses in which nobody is."""
    if (
        control.preprocess
        and parse_preprocessing(control.preprocess).preprocessor.name == "pose"
        and shows_nobody(hint)
    ):
        yield f"No person was found for the control {name}, so that its hint is black."


def _preprocessed(pixels: np.ndarray, control: Control) -> np.ndarray:
    """Returns what the control's preprocessor makes of a photograph at the size of the picture, where lines are a pixel wide."""
    if control.preprocess is None:
        return pixels
    preprocessing = parse_preprocessing(control.preprocess)
    if preprocessing.preprocessor.by_network:
        return network_hint(pixels, preprocessing.preprocessor.name)
    return preprocess(pixels, preprocessing)


def hint_tensor(hint: HintPicture, name: str, purpose: str, channels: int) -> Tensor:
    """Returns the hint as a network reads it, (1, channels, H, W) in 0 … 1, and -1 in the hole of an inpainting ControlNet.

    Raises InvalidRequest for an inpainting ControlNet whose hint has no hole.
    """
    grey = channels == 1
    pixels = np.array(Image.fromarray(hint.pixels).convert("L"))[..., None] if grey else hint.pixels
    values = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])).float() / 255
    if purpose != "inpaint":
        return values
    if hint.hole is None:
        raise InvalidRequest(
            f"The control {shown(name)} fills a hole and its hint has none; give a mask with the picture to start from, or a "
            "hint that is transparent there.",
            field="controls",
        )
    hole = torch.from_numpy(hint.hole)
    return torch.where(hole, HOLE, values)


def read_control_mask(control: Control, size: Size, source: SourceImage | None) -> Tensor | None:
    """Returns where a control acts, (1, 1, H, W) in 0 … 1; None is everywhere. Like its hint it is of the whole picture.

    Raises InvalidRequest for one that is black everywhere.
    """
    if control.mask is None:
        return None
    picture = np.array(flatten(load(hint_path(control.mask)).image, BLACK))
    mask = np.array(Image.fromarray(_placed(picture, size, control, source)).convert("L"), np.float32) / 255
    if not picture.any():
        raise InvalidRequest(
            f"The control's mask {shown(control.mask)} is black everywhere; paint white where the control should act.",
            field="controls",
        )
    return torch.from_numpy(mask)[None, None]
