"""One call of the UNet as data, so that every engine can take it or refuse it: nothing in it is a callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.unet_walk import feature_shapes, residual_shapes


@dataclass(frozen=True)
class Window:
    """A part of the latents: the first of `height` rows and `width` columns, and (h, w) of all of them."""

    top: int
    left: int
    height: int
    width: int
    canvas: tuple[int, int]

    def crop(self, x: Tensor, scale: int = 1) -> Tensor:
        """Returns this part of a map (…, h, w) of all, or of one that is `scale` times as large."""
        top, left = self.top * scale, self.left * scale
        return x[..., top : top + self.height * scale, left : left + self.width * scale]


@dataclass(frozen=True, eq=False)  # or two of a kind with tensors would inherit that they are equal
class Edit:
    """A change of what happens inside the UNet, above all in attention. Each kind is a class of its own."""

    def on(self, rows: range) -> Edit:
        """Returns the edit as it is made in these rows of a batch; one that changes the whole call returns itself."""
        return self

    def cropped(self, window: Window) -> Edit:
        """Returns the edit as it is made in a part of the latents; one that knows no places returns itself."""
        return self

    def of_row(self, row: int, rows: int) -> Edit | None:
        """Returns the edit for a call of one row of a batch of `rows` alone; None where the rows need each other."""
        return None


@dataclass(frozen=True)
class TokenMerging(Edit):
    """Merges `ratio` of the tokens in self attention at the highest resolution (Bolya & Hoffman 2023)."""

    ratio: float

    def of_row(self, row: int, rows: int) -> Edit | None:
        return self


@dataclass(frozen=True)
class IdentityAttention(Edit):
    """Lets every pixel attend to itself alone in the deepest self attention, in some rows of the batch."""

    rows: range = range(0)

    def on(self, rows: range) -> IdentityAttention:
        return IdentityAttention(rows)

    def of_row(self, row: int, rows: int) -> Edit | None:
        return IdentityAttention(range(1)) if row in self.rows else Edit()


@dataclass(frozen=True)
class FreeU(Edit):
    """Raises features by `b1` and `b2` and scales the skips' lowest frequencies by `s1` and `s2` in up blocks 0 and 1."""

    b1: float
    b2: float
    s1: float
    s2: float

    def of_row(self, row: int, rows: int) -> Edit | None:
        return self


@dataclass(frozen=True, eq=False)  # compared by identity: tensors have no truth value
class ImageTokens(Edit):
    """Attends to the tokens of a picture beside those of the context, in every cross attention (IP-Adapter).

    keys, values  (K, T, C) for each cross attention, in the order of `unet_walk.walk`; each of the K is of N / K rows that
                  follow one another
    weight        of the attention over them, which is added to that over the context
    masks         (1, h w, 1) for each level of the UNet, which it is multiplied by; None where it acts everywhere
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    weight: float = 1.0
    masks: tuple[Tensor, ...] | None = None

    def of_row(self, row: int, rows: int) -> Edit | None:
        keys, values = (
            tuple(each[row * len(each) // rows :][:1] for each in tensors) for tensors in (self.keys, self.values)
        )
        return replace(self, keys=keys, values=values)


@dataclass(frozen=True, eq=False)  # compared by identity: tensors have no truth value
class RegionMasks(Edit):
    """Attends to a context of its own in each of R regions, in every cross attention of some rows (attention couple).

    contexts  (B, T, D) each, of as many rows; the same tensors at every step that reads the same, since engines cache by them
    masks     (R, h, w) in 0 … 1, where each region is among the latents
    weights   (R,) of the regions against one another, where they overlap
    bases     (R,) fractions of the context proper in each region
    rows      (start, stop) of the call
    """

    contexts: tuple[Tensor, ...]
    masks: Tensor
    weights: Tensor
    bases: Tensor
    rows: tuple[int | None, int | None] = (None, None)

    def on(self, rows: range) -> RegionMasks:
        return replace(self, rows=(rows.start, rows.stop))

    def of_row(self, row: int, rows: int) -> Edit | None:
        start, stop, _ = slice(*self.rows).indices(rows)
        if not start <= row < stop:
            return Edit()
        return (
            replace(self, rows=(0, 1)) if stop - start == 1 else None
        )  # a part of a context would be new at every step

    def cropped(self, window: Window) -> RegionMasks:
        return replace(self, masks=window.crop(self.masks))


@dataclass(frozen=True, eq=False)  # compared by identity: tensors have no truth value
class UNetInputs:
    """What the UNet reads in one call for a batch of N latents.

    x          (N, 4, h, w) latents in DDPM's variable
    t          (N,) timesteps, fractional where the preset does not round
    context    (N, T, D) of the prompts; the same tensor at every step that reads the same, since engines cache by it
    channels   (N, 5, h, w) or (N, 4, h, w) appended to x: inpainting, InstructPix2Pix
    embedding  (N, D) of the guidance scale, float32: latent consistency models
    down       features added on the way down, each before its skip is taken (T2I-Adapter): `unet_walk.feature_shapes`
    skips      residuals added to the skips and the middle, weighted and summed (ControlNet): `unet_walk.residual_shapes`
    edits      changes of attention
    branches   names of the K conditions whose rows follow one another, N / K of each; engines read it nowhere
    window     the part of the canvas that x is; None where it is all; engines read it nowhere
    """

    x: Tensor
    t: Tensor
    context: Tensor
    channels: Tensor | None = None
    embedding: Tensor | None = None
    down: tuple[Tensor, ...] | None = None
    skips: tuple[Tensor, ...] | None = None
    edits: tuple[Edit, ...] = ()
    branches: tuple[str, ...] = ()
    window: Window | None = None

    def cropped(self, window: Window) -> UNetInputs:
        """Returns the inputs of a part of the canvas, before any features and residuals are added to them."""
        return replace(
            self,
            x=window.crop(self.x),
            channels=None if self.channels is None else window.crop(self.channels),
            edits=tuple(edit.cropped(window) for edit in self.edits),
            window=window,
        )

    @property
    def sample(self) -> Tensor:
        """x and the channels after it, (N, in_channels, h, w), as the first convolution reads them."""
        return self.x if self.channels is None else torch.cat([self.x, self.channels], dim=1)

    def of_row(self, row: int, context: Tensor) -> UNetInputs | None:
        """Returns the call of one row alone, with its own context (1, T, D); None where the rows need each other."""
        rows = len(self.x)
        edits = [edit.of_row(row, rows) for edit in self.edits]
        if None in edits:
            return None

        def own(tensor: Tensor) -> Tensor:
            return tensor[row : row + 1] if len(tensor) == rows else tensor  # one row stands for all

        def owns(tensors: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
            return None if tensors is None else tuple(map(own, tensors))

        return UNetInputs(
            x=own(self.x),
            t=own(self.t),
            context=context,
            channels=None if self.channels is None else own(self.channels),
            embedding=None if self.embedding is None else own(self.embedding),
            down=owns(self.down),
            skips=owns(self.skips),
            edits=tuple(edit for edit in edits if edit is not None),
            window=self.window,
        )

    @property
    def pictures(self) -> tuple[ImageTokens, ...]:
        """The pictures that cross attention attends to."""
        return tuple(edit for edit in self.edits if isinstance(edit, ImageTokens))

    @property
    def regions(self) -> tuple[RegionMasks, ...]:
        """The regions in which cross attention attends to contexts of their own."""
        return tuple(edit for edit in self.edits if isinstance(edit, RegionMasks))

    @property
    def identity_rows(self) -> tuple[range, ...]:
        """The rows in which the deepest self attention is the identity."""
        return tuple(edit.rows for edit in self.edits if isinstance(edit, IdentityAttention))

    @property
    def freeu(self) -> FreeU | None:
        """How the way up joins features and skips; None for plainly."""
        return next((edit for edit in self.edits if isinstance(edit, FreeU)), None)

    @property
    def merge_ratio(self) -> float:
        """How many of the tokens are merged, 0 for none."""
        return max((edit.ratio for edit in self.edits if isinstance(edit, TokenMerging)), default=0.0)


def check_residuals(inputs: UNetInputs, config: UNetConfig) -> None:
    """Raises ModelError for features or residuals that are not as many, or not of the shapes, that a UNet has places for.

    A dimension of 1 stands for all of its values, above all one row for a whole batch.
    """
    N, _, h, w = inputs.x.shape
    if inputs.down:
        _check_shapes("features on the way down", "an adapter", inputs.down, feature_shapes(config, h, w), N)
    if inputs.skips:
        _check_shapes("residuals", "a control net", inputs.skips, residual_shapes(config, h, w), N)


def _check_shapes(
    what: str, source: str, tensors: Sequence[Tensor], shapes: Sequence[tuple[int, int, int]], rows: int
) -> None:
    if len(tensors) != len(shapes):
        raise ModelError(
            f"The UNet takes {len(shapes)} {what} and gets {len(tensors)}; choose {source} that is made for this model."
        )
    for i, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True)):
        expected = (rows, *shape)
        if tensor.ndim != 4 or any(size not in (1, wanted) for size, wanted in zip(tensor.shape, expected)):
            raise ModelError(
                f"Number {i + 1} of the {what} has the shape {tuple(tensor.shape)} where the UNet takes {expected}; choose "
                f"{source} that is made for this model, and a hint of the picture's size."
            )


Predict = Callable[[UNetInputs], Tensor]
"""Returns the model output (N, 4, h, w): an engine's `predict`, or a function around one."""
