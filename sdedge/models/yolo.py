"""YOLOv8's detector (Jocher et al. 2023): 23 layers, attributes named by the files' keys, batch norms folded into convolutions.

A segmentation file's head has masks besides, which are not read: its boxes are those of the same layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (8, 16, 32)
"""Pixels a cell of each of the three levels stands for."""
_JOINS = {11: 6, 14: 4, 17: 12, 20: 9}  # layers that join the one before with an earlier one
_HEAD = 22


@dataclass(frozen=True)
class YoloConfig:
    """The shape of a YOLOv8 detector.

    widths   channels after the five convolutions that halve the map
    depths   bottlenecks of the eight C2f blocks, from the top down
    classes  how many kinds of things it tells apart
    bins     of the distribution that says how far away each side of a box is
    """

    widths: tuple[int, int, int, int, int]
    depths: tuple[int, ...]
    classes: int
    bins: int = 16


class Conv(nn.Module):
    """A convolution, whose batch norm is folded into it, and SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.conv(x))


class Bottleneck(nn.Module):
    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels, 3), Conv(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.cv2(self.cv1(x))
        return x + out if self.shortcut else out


class C2f(nn.Module):
    """Bottlenecks one after the other, all of whose results are joined."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        hidden = outputs // 2
        self.cv1, self.cv2 = Conv(inputs, 2 * hidden), Conv((2 + depth) * hidden, outputs)
        self.m = nn.ModuleList(Bottleneck(hidden, shortcut) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        maps = [*self.cv1(x).chunk(2, 1)]
        for block in self.m:
            maps.append(block(maps[-1]))
        return self.cv2(torch.cat(maps, 1))


class SPPF(nn.Module):
    """Maxima over ever larger neighbourhoods, joined."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels // 2), Conv(channels // 2 * 4, channels)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.cv1(x)]
        for _ in range(3):
            maps.append(F.max_pool2d(maps[-1], 5, 1, 2))
        return self.cv2(torch.cat(maps, 1))


class Detect(nn.Module):
    """For every cell of three levels, how far away the sides of a box are, and how sure it is of each class."""

    def __init__(self, widths: Sequence[int], classes: int, bins: int) -> None:
        super().__init__()
        box, kind = max(16, widths[0] // 4, 4 * bins), max(widths[0], min(classes, 100))
        self.bins = bins
        self.cv2 = nn.ModuleList(_branch(width, box, 4 * bins) for width in widths)
        self.cv3 = nn.ModuleList(_branch(width, kind, classes) for width in widths)

    def forward(self, maps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Returns (B, 4 bins, h, w) of boxes and (B, classes, h, w) of classes, as logits, for each level."""
        branches = zip(maps, self.cv2, self.cv3, strict=True)
        return [(boxes(each), classes(each)) for each, boxes, classes in branches]


def _branch(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(Conv(inputs, hidden, 3), Conv(hidden, hidden, 3), nn.Conv2d(hidden, outputs, 1))


class Yolo(nn.Module):
    """The 23 layers, numbered as in the files; those without weights (doubling, joining) are not in the list."""

    def __init__(self, config: YoloConfig) -> None:
        super().__init__()
        self.config = config
        w, n = config.widths, config.depths
        self.model = nn.ModuleDict({
            "0": Conv(3, w[0], 3, 2), "1": Conv(w[0], w[1], 3, 2), "2": C2f(w[1], w[1], n[0], True),
            "3": Conv(w[1], w[2], 3, 2), "4": C2f(w[2], w[2], n[1], True), "5": Conv(w[2], w[3], 3, 2),
            "6": C2f(w[3], w[3], n[2], True), "7": Conv(w[3], w[4], 3, 2), "8": C2f(w[4], w[4], n[3], True), "9": SPPF(w[4]),
            "12": C2f(w[4] + w[3], w[3], n[4], False), "15": C2f(w[3] + w[2], w[2], n[5], False),
            "16": Conv(w[2], w[2], 3, 2), "18": C2f(w[2] + w[3], w[3], n[6], False),
            "19": Conv(w[3], w[3], 3, 2), "21": C2f(w[3] + w[4], w[4], n[7], False),
            "22": Detect(w[2:], config.classes, config.bins),
        })  # fmt: skip

    def forward(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Returns what `Detect` does for an image (B, 3, H, W) of 0..1 whose sides are multiples of 32."""
        maps: list[Tensor] = []
        x = image
        for i in range(_HEAD):
            if i in (10, 13):
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            elif i in _JOINS:
                x = torch.cat([x, maps[_JOINS[i]]], 1)
            else:
                x = self.model[str(i)](x)
            maps.append(x)
        return self.model[str(_HEAD)]([maps[15], maps[18], maps[21]])


def decode(outputs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Returns boxes (B, N, 4) as left, top, right, bottom in pixels, and the probability of every class (B, N, classes).

    The distance of a side from its cell's middle is the mean of a distribution over `bins` (Li et al. 2020, "Generalized Focal
    Loss").
    """
    boxes, scores = [], []
    for stride, (distances, classes) in zip(STRIDES, outputs, strict=True):
        B, C, h, w = distances.shape
        likely = distances.float().view(B, 4, C // 4, h * w).softmax(2)
        distances = (likely * torch.arange(C // 4, device=likely.device).view(-1, 1)).sum(2)  # (B, 4, h w)
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        middle = (torch.stack([x, y]).view(2, h * w) + 0.5).to(distances)
        boxes.append(torch.cat([middle - distances[:, :2], middle + distances[:, 2:]], 1) * stride)
        scores.append(classes.float().sigmoid().flatten(2))
    return torch.cat(boxes, 2).transpose(1, 2), torch.cat(scores, 2).transpose(1, 2)
