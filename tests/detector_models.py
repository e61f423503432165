"""YOLOv8 written out after ultralytics, with its batch norms and its decoding, and files as that package saves them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

PACKAGE = "ultralytics.nn.modules"
WIDTHS, DEPTHS = (4, 8, 16, 32, 32), (1, 1, 1, 1, 1, 1, 1, 1)


class Conv(nn.Module):
    def __init__(self, c1, c2, k=1, s=1):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
        self.bn = nn.BatchNorm2d(c2, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, c, shortcut):
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c, c, 3), Conv(c, c, 3), shortcut

    def forward(self, x):
        return x + self.cv2(self.cv1(x)) if self.add else self.cv2(self.cv1(x))


class C2f(nn.Module):
    def __init__(self, c1, c2, n, shortcut):
        super().__init__()
        self.c = int(c2 * 0.5)
        self.cv1, self.cv2 = Conv(c1, 2 * self.c), Conv((2 + n) * self.c, c2)
        self.m = nn.ModuleList(Bottleneck(self.c, shortcut) for _ in range(n))

    def forward(self, x):
        y = list(self.cv1(x).split((self.c, self.c), 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class SPPF(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.cv1, self.cv2, self.m = Conv(c, c // 2), Conv(c // 2 * 4, c), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        x = self.cv1(x)
        y1 = self.m(x)
        y2 = self.m(y1)
        return self.cv2(torch.cat((x, y1, y2, self.m(y2)), 1))


class Concat(nn.Module):
    pass


class DFL(nn.Module):
    def __init__(self, c1=16):
        super().__init__()
        self.conv = nn.Conv2d(c1, 1, 1, bias=False)
        self.conv.weight.data[:] = torch.arange(c1, dtype=torch.float).view(1, c1, 1, 1)
        self.c1 = c1

    def forward(self, x):
        b, _, a = x.shape
        return self.conv(x.view(b, 4, self.c1, a).transpose(2, 1).softmax(1)).view(b, 4, a)


class Detect(nn.Module):
    def __init__(self, nc, ch):
        super().__init__()
        self.nc, self.reg_max, self.stride = nc, 16, torch.tensor([8.0, 16.0, 32.0])
        c2, c3 = max((16, ch[0] // 4, 64)), max(ch[0], min(nc, 100))
        self.cv2 = nn.ModuleList(nn.Sequential(Conv(x, c2, 3), Conv(c2, c2, 3), nn.Conv2d(c2, 64, 1)) for x in ch)
        self.cv3 = nn.ModuleList(nn.Sequential(Conv(x, c3, 3), Conv(c3, c3, 3), nn.Conv2d(c3, nc, 1)) for x in ch)
        self.dfl = DFL(16)

    def forward(self, x: list[Tensor]) -> Tensor:
        """(B, 4 + nc, N): boxes as middle and size in pixels, probabilities."""
        x = [torch.cat((self.cv2[i](x[i]), self.cv3[i](x[i])), 1) for i in range(3)]
        points, strides = [], []
        for level, stride in zip(x, self.stride, strict=True):
            _, _, h, w = level.shape
            sy, sx = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
            points.append(torch.stack((sx, sy), -1).view(-1, 2))
            strides.append(torch.full((h * w, 1), float(stride)))
        anchors, strides = torch.cat(points).transpose(0, 1), torch.cat(strides).transpose(0, 1)
        box, cls = torch.cat([xi.view(xi.shape[0], 64 + self.nc, -1) for xi in x], 2).split((64, self.nc), 1)
        lt, rb = self.dfl(box).chunk(2, 1)
        x1y1, x2y2 = anchors - lt, anchors + rb
        boxes = torch.cat(((x1y1 + x2y2) / 2, x2y2 - x1y1), 1) * strides
        return torch.cat((boxes, cls.sigmoid()), 1)


class Segment(Detect):
    def __init__(self, nc, ch):
        super().__init__(nc, ch)
        self.proto = Conv(ch[0], 8, 3)
        self.cv4 = nn.ModuleList(nn.Sequential(Conv(x, 8, 3), nn.Conv2d(8, 8, 1)) for x in ch)
        self.detect = Detect.forward  # which pickle spells getattr(Detect, "forward")


class DetectionModel(nn.Module):
    def __init__(self, nc=2, widths=WIDTHS, n=DEPTHS, head=Detect):
        super().__init__()
        w = widths
        up, cat = nn.Upsample(scale_factor=2, mode="nearest"), Concat
        self.model = nn.Sequential(
            Conv(3, w[0], 3, 2), Conv(w[0], w[1], 3, 2), C2f(w[1], w[1], n[0], True), Conv(w[1], w[2], 3, 2),
            C2f(w[2], w[2], n[1], True), Conv(w[2], w[3], 3, 2), C2f(w[3], w[3], n[2], True), Conv(w[3], w[4], 3, 2),
            C2f(w[4], w[4], n[3], True), SPPF(w[4]), up, cat(), C2f(w[4] + w[3], w[3], n[4], False), up, cat(),
            C2f(w[3] + w[2], w[2], n[5], False), Conv(w[2], w[2], 3, 2), cat(), C2f(w[2] + w[3], w[3], n[6], False),
            Conv(w[3], w[3], 3, 2), cat(), C2f(w[3] + w[4], w[4], n[7], False), head(nc, (w[2], w[3], w[4])),
        )  # fmt: skip
        self.names = {i: f"thing {i}" for i in range(nc)}

    def forward(self, x):
        joins, y = {11: 6, 14: 4, 17: 12, 20: 9}, []
        for i, m in enumerate(self.model):
            if i == 22:
                return Detect.forward(m, [y[15], y[18], y[21]])
            x = torch.cat((x, y[joins[i]]), 1) if i in joins else m(x)
            y.append(x)
        raise AssertionError


PICKLED = (Conv, Bottleneck, C2f, SPPF, Concat, DFL, Detect, Segment, DetectionModel)


def random_detector(seed: int = 0, **config) -> DetectionModel:
    """A detector of random weights, whose batch norms do something."""
    torch.manual_seed(seed)
    network = DetectionModel(**config)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.2)
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@contextmanager
def _as_ultralytics() -> Iterator[None]:
    """Lets the classes above be those of the package, which is not there, while something is pickled."""
    module, homes = types.ModuleType(PACKAGE), [kind.__module__ for kind in PICKLED]
    for kind in PICKLED:
        setattr(module, kind.__name__, kind)
        kind.__module__ = PACKAGE
    packages = ("ultralytics", "ultralytics.nn", PACKAGE)
    sys.modules.update({name: types.ModuleType(name) for name in packages[:2]} | {PACKAGE: module})
    try:
        yield
    finally:
        for name in packages:
            del sys.modules[name]
        for kind, home in zip(PICKLED, homes, strict=True):
            kind.__module__ = home


def save_as_ultralytics(network: nn.Module, path: Path, legacy: bool = False, **more) -> Path:
    """Writes a file as ultralytics does: the whole network in half precision, pickled."""
    import copy

    with _as_ultralytics():
        record = {
            "epoch": -1,
            "ema": None,
            "train_args": {"imgsz": 640},
            "model": copy.deepcopy(network).half(),
            **more,
        }
        torch.save(record, path, _use_new_zipfile_serialization=not legacy)
    return path
