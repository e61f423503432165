"""The VAE row by row: the whole decode's result in a third of its memory, or less with a temporary file.

Every layer reads blocks of rows with the neighbours its convolution needs, and its input is freed as it is consumed. Group
norms use the statistics of the whole map, gathered while its blocks are written, so there are no tiles, no seams and no
shift of colour; what differs from the whole decode is rounding. At the widest point of v1 (256 channels at full size) the
residual block's shortcut is written while its first convolution eats the input, which therefore is never there twice. In the
attention of the middle every pixel looks at all: its keys and values are there whole, its queries and results block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.layers import Downsample2D, ResnetBlock2D, Upsample2D
from sdedge.models.rows import BLOCK, Held, Rows, Spill, Spilled
from sdedge.models.vae import VAE, MidBlock, Posterior, SpatialAttention
from sdedge.places import scratch_folder

Activation = Callable[[Tensor], Tensor]


class RowVAE:
    """`VAE.encode` and `VAE.decode` with the VAE's own weights and paddings, block by block.

    hold    feature maps of more bytes are kept in a temporary file; None keeps all in memory
    folder  where that file goes; None is the folder for large temporary files
    layout  how rows lie in memory; None is channels-last on a CPU, where convolutions of few rows are fastest so and
            rows are one piece, and contiguous elsewhere
    """

    def __init__(
        self, vae: VAE, hold: int | None = None, folder: Path | None = None, layout: torch.memory_format | None = None
    ) -> None:
        self.vae = vae
        self.hold = hold
        self.spill = Spill(folder or scratch_folder())
        self.layout = layout

    def encode(self, image: Tensor) -> Posterior:
        """Encodes as `VAE.encode` does. Raises OutputError when the temporary file does not fit."""
        moments = torch.cat([self._encode(picture[None]) for picture in image])
        mean, logvar = self.vae.quant_conv(moments).chunk(2, dim=1)
        return Posterior(mean, logvar.clamp(-30.0, 20.0))

    def decode(self, z: Tensor) -> Tensor:
        """Decodes as `VAE.decode` does. Raises OutputError when the temporary file does not fit."""
        return torch.cat([self._decode(picture[None]) for picture in self.vae.post_quant_conv(z)])

    def _encode(self, image: Tensor) -> Tensor:
        encoder = self.vae.encoder
        source = self._rows(image)
        x = self._new(encoder.conv_in.out_channels, source.height, source.width, image)
        for start, stop in x.blocks():
            _store(x, start, _convolve(encoder.conv_in, source, start, stop))
        for block in encoder.down_blocks:
            x = self._through((*block.resnets, *block.downsamplers), x, image)  # type: ignore[misc]
        return self._out(encoder.conv_norm_out, encoder.conv_out, self._middle(encoder.mid_block, x, image))

    def _decode(self, z: Tensor) -> Tensor:
        decoder = self.vae.decoder
        source = self._rows(z)
        x = self._new(decoder.conv_in.out_channels, source.height, source.width, z)
        for start, stop in x.blocks():
            _store(x, start, _convolve(decoder.conv_in, source, start, stop))
        x = self._middle(decoder.mid_block, x, z)
        for block in decoder.up_blocks:
            x = self._through((*block.resnets, *block.upsamplers), x, z)  # type: ignore[misc]
        return self._out(decoder.conv_norm_out, decoder.conv_out, x)

    def _out(self, norm: nn.GroupNorm, conv: nn.Conv2d, x: Rows) -> Tensor:
        """Returns the last convolution over the activated map, whole; the map goes."""
        activate, made = _activation(norm, x), []
        for start, stop in x.blocks():
            made.append(_convolve(conv, x, start, stop, activate))
            x.free(stop - 1, _wraps(conv))
        return torch.cat(made, dim=2).contiguous()

    def _middle(self, block: MidBlock, x: Rows, like: Tensor) -> Rows:
        before, after = block.resnets
        x = self._resnet(before, x, like)  # type: ignore[arg-type]
        _attend(block.attentions[0], x)  # type: ignore[arg-type]
        return self._resnet(after, x, like)  # type: ignore[arg-type]

    def _through(self, layers: Iterable[nn.Module], x: Rows, like: Tensor) -> Rows:
        for layer in layers:
            if isinstance(layer, ResnetBlock2D):
                x = self._resnet(layer, x, like)
            elif isinstance(layer, Upsample2D):
                x = self._double(layer, x, like)
            else:
                assert isinstance(layer, Downsample2D)
                x = self._halve(layer, x, like)
        return x

    def _resnet(self, block: ResnetBlock2D, x: Rows, like: Tensor) -> Rows:
        channels, shortcut = block.conv1.out_channels, block.conv_shortcut
        h = self._new(channels, x.height, x.width, like, x.step)
        out = x if shortcut is None else self._new(channels, x.height, x.width, like, x.step)
        activate = _activation(block.norm1, x)
        for start, stop in x.blocks():
            _store(h, start, _convolve(block.conv1, x, start, stop, activate))
            if shortcut is not None:
                out.write(start, shortcut(_dense(x.read(start, stop))))
                x.free(stop - 1, _wraps(block.conv1))
        activate = _activation(block.norm2, h)
        out.moments = None
        for start, stop in h.blocks():
            rows = _convolve(block.conv2, h, start, stop, activate)
            _store(out, start, rows.add_(out.read(start, stop)))
            h.free(stop - 1, _wraps(block.conv2))
        return out

    def _double(self, layer: Upsample2D, x: Rows, like: Tensor) -> Rows:
        out = self._new(layer.conv.out_channels, 2 * x.height, 2 * x.width, like)
        wrap = _wraps(layer.conv)
        for start, stop in out.blocks():  # both even
            above, below = start // 2 - 1, stop // 2 + 1
            rows = F.interpolate(x.read(above, below, wrap), scale_factor=2, mode="nearest")
            first = 0 if above < 0 and not wrap else 1
            last = rows.shape[2] - (0 if below > x.height and not wrap else 1)
            rows = _pad(rows[:, :, first:last], above < 0, below > x.height, wrap)
            _store(out, start, _across(layer.conv, rows))
            x.free(below - 2, wrap)
        return out

    def _halve(self, layer: Downsample2D, x: Rows, like: Tensor) -> Rows:
        out = self._new(layer.conv.out_channels, x.height // 2, x.width // 2, like)
        for start, stop in out.blocks():
            rows = x.read(2 * start, 2 * stop + 1)
            rows = F.pad(rows, (0, 1, 0, int(2 * stop + 1 > x.height)))  # below and right only, never wrapped
            _store(out, start, layer.conv(rows))
            x.free(2 * stop)
        return out

    def _new(self, channels: int, height: int, width: int, like: Tensor, step: int | None = None) -> Rows:
        step = step or min(max(BLOCK // (channels * width * 4) // 2 * 2, 2), height)
        if self.hold is not None and channels * width * height * like.element_size() > self.hold:
            return Spilled(channels, height, width, step, like.dtype, like.device, self.spill)
        return Held(channels, height, width, step, like.dtype)

    def _rows(self, x: Tensor) -> Rows:
        """Returns a whole small map as rows."""
        _, C, H, W = x.shape
        usual = torch.channels_last if x.device.type == "cpu" else torch.contiguous_format
        x = x.contiguous(memory_format=self.layout or usual)
        rows = Held(C, H, W, min(max(BLOCK // (C * W * 4), 1), H), x.dtype)
        for start, stop in rows.blocks():
            _store(rows, start, x[:, :, start:stop])
        return rows


def _store(target: Rows, start: int, rows: Tensor) -> None:
    target.measure(rows)
    target.write(start, rows)


def _attend(layer: SpatialAttention, x: Rows) -> None:
    """Lets every row of a map look at all of it; the result is in its place."""
    normalise = _normaliser(layer.group_norm, x)
    keys, values = list[Tensor](), list[Tensor]()
    for start, stop in x.blocks():
        tokens = _tokens(normalise(x.read(start, stop)))
        for parts, part in zip((keys, values), layer.project_context(tokens), strict=True):
            parts.append(part)
    k, v = _taken(keys), _taken(values)
    x.moments = None
    for start, stop in x.blocks():
        rows = x.read(start, stop)
        queries = layer.to_q(_tokens(normalise(rows)))
        attended = layer.project_out(layer.attend(queries, k, v, layer.heads), None)
        _store(x, start, rows + attended.transpose(1, 2).reshape(rows.shape))  # rows first: their memory layout is kept


def _tokens(rows: Tensor) -> Tensor:
    """Returns rows (1, C, R, W) as tokens (1, R W, C)."""
    return rows.flatten(2).transpose(1, 2)


def _taken(parts: list[Tensor]) -> Tensor:
    """Returns tokens joined, and empties the list: they are not there twice."""
    joined = torch.cat(parts, dim=1)
    parts.clear()
    return joined


def _activation(norm: nn.GroupNorm, x: Rows) -> Activation:
    normalise = _normaliser(norm, x)
    return lambda rows: F.silu(normalise(rows), inplace=True)


def _normaliser(norm: nn.GroupNorm, x: Rows) -> Activation:
    assert x.moments is not None
    return x.moments.normaliser(norm)


def _wraps(conv: nn.Conv2d) -> bool:
    return conv.padding_mode == "circular"


def _convolve(conv: nn.Conv2d, x: Rows, start: int, stop: int, activate: Activation | None = None) -> Tensor:
    """Returns rows start … stop - 1 of a 3x3 convolution over the activated map."""
    rows = x.read(start - 1, stop + 1, _wraps(conv))
    if activate is not None:
        rows = activate(rows)
    return _across(conv, _pad(rows, start == 0, stop == x.height, _wraps(conv)))


def _pad(rows: Tensor, top: bool, bottom: bool, wrap: bool) -> Tensor:
    """Returns a row of zeros at the map's own edges, unless they continue on the other side."""
    return F.pad(rows, (0, 0, int(top), int(bottom))) if (top or bottom) and not wrap else rows


def _across(conv: nn.Conv2d, rows: Tensor) -> Tensor:
    """Returns the convolution over rows that have their upper and lower neighbours already: (1, C, R + 2, W) -> (1, C', R,
    W).
    """
    if _wraps(conv):
        return F.conv2d(F.pad(rows, (1, 1, 0, 0), mode="circular"), conv.weight, conv.bias)
    return F.conv2d(_dense(rows), conv.weight, conv.bias, padding=(0, 1))


def _dense(rows: Tensor) -> Tensor:
    """Returns rows out of a block in one piece of memory, which MPS needs; channels-last ones are."""
    return rows if rows.is_contiguous(memory_format=torch.channels_last) else rows.contiguous()
