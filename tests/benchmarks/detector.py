"""A tiny detector of the embedded model's objects, trained on renders whose objects' places are known.

    python -m tests.benchmarks.detector FILE [STEPS]

YOLOv8's layers with a few channels each. The tensors are written as safetensors, 0.5 MB; then it prints how well the boxes of
fresh renders are found. A step takes 0.3 s of one core; 90 steps are too few to learn anything.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from sdedge.generation.detect import SIDE, detect
from sdedge.training.illustrations.render import PARTS, render
from sdedge.training.illustrations.world import KINDS, sample_any
from sdedge.weights.detector import load_detector, open_detector
from tests.detector_models import DetectionModel

STEPS = 600
_CHANGED = 24  # of 255: what an object changes of a picture without it
_LEVEL, _STRIDE = 2, 32  # objects are large: the coarsest of the three levels finds them
_BINS = 16


def example(rng: np.random.Generator, side: int = 128) -> tuple[np.ndarray, tuple[int, int, int, int], int]:
    """Returns a render, uint8 (side, side, 3), the box of its object in pixels, and the object's kind by number."""
    while (scene := sample_any(rng)).count > 1 or scene.relation:
        pass
    picture = render(scene, side)
    changed = np.abs(picture.astype(int) - render(scene, side, PARTS - {"things"})).max(2) > _CHANGED
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    return picture, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), KINDS.index(scene.kind)


def _cropped(rng: np.random.Generator) -> tuple[Tensor, Tensor, int]:
    """Returns a random part of a render around its object, (3, SIDE, SIDE) of 0..1, and the box in its pixels."""
    picture, box, kind = example(rng)
    largest = min(box[0], box[1], 128 - box[2], 128 - box[3])
    edges = rng.integers(0, max(largest, 1), 4) if largest > 0 else np.zeros(4, int)
    left, top = int(edges[0]), int(edges[1])
    size = 128 - max(left + int(edges[2]), top + int(edges[3]))
    part = torch.from_numpy(picture[top : top + size, left : left + size].copy()).permute(2, 0, 1)[None].float() / 255
    scale = SIDE / size
    moved = (torch.tensor(box, dtype=torch.float) - torch.tensor([left, top, left, top])) * scale
    return F.interpolate(part, (SIDE, SIDE), mode="bilinear", align_corners=False)[0], moved.clamp(0, SIDE), kind


def _raw(network: DetectionModel, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Returns the head's outputs at each level, before they are decoded; boxes only at the level that finds objects."""
    outputs: list[Tensor] = []
    x, joins = images, {11: 6, 14: 4, 17: 12, 20: 9}
    for i, layer in enumerate(list(network.model)[:22]):
        x = torch.cat((x, outputs[joins[i]]), 1) if i in joins else layer(x)
        outputs.append(x)
    head = network.model[22]
    maps = (outputs[15], outputs[18], outputs[21])
    return [(head.cv2[i](each) if i == _LEVEL else each, head.cv3[i](each)) for i, each in enumerate(maps)]


def _loss(raw: list[tuple[Tensor, Tensor]], boxes: list[Tensor], kinds: list[int]) -> Tensor:
    """Cells in the middle half of a box are it (class); their distances to its sides are learned as distributions."""
    distances, classes = raw[_LEVEL]
    cells = (torch.arange(SIDE // _STRIDE) + 0.5) * _STRIDE
    wanted, lost = torch.zeros_like(classes), torch.zeros(())
    for i, (box, kind) in enumerate(zip(boxes, kinds, strict=True)):
        quarter = (box[2:] - box[:2]) / 4
        across = (cells > box[0] + quarter[0]) & (cells < box[2] - quarter[0])
        down = (cells > box[1] + quarter[1]) & (cells < box[3] - quarter[1])
        ys, xs = torch.nonzero(down[:, None] & across[None], as_tuple=True)
        wanted[i, kind, ys, xs] = 1
        x, y = cells[xs], cells[ys]
        far = torch.stack([x - box[0], y - box[1], box[2] - x, box[3] - y]).clamp(0, (_BINS - 1.01) * _STRIDE) / _STRIDE
        logits = distances[i, :, ys, xs].view(4, _BINS, -1).log_softmax(1)
        low = far.floor().long()
        near = logits.gather(1, low[:, None])[:, 0] * (1 - far % 1) + logits.gather(1, low[:, None] + 1)[:, 0] * (
            far % 1
        )
        lost = lost - near.mean() if len(xs) else lost
    count = wanted.sum().clamp(min=1)
    classed = F.binary_cross_entropy_with_logits(classes, wanted, reduction="sum") / count
    for _, empty in raw[:_LEVEL]:
        classed = (
            classed + F.binary_cross_entropy_with_logits(empty, torch.zeros_like(empty), reduction="sum") / count / 10
        )
    return classed + lost / len(boxes)


def train(file: Path, steps: int = STEPS, batch: int = 2, seed: int = 0) -> Path:
    """Trains a detector and writes its tensors to a .safetensors file."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = DetectionModel(nc=len(KINDS), widths=(8, 16, 16, 24, 32)).train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1  # their averages settle within so few steps
    for branch in network.model[22].cv3:
        torch.nn.init.constant_(branch[-1].bias, -4.0)  # most cells are nothing
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
    for _ in range(steps):
        images, boxes, kinds = zip(*(_cropped(rng) for _ in range(batch)), strict=True)
        loss = _loss(_raw(network, torch.stack(images)), list(boxes), list(kinds))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}, file)
    return file


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Returns the part of their union that two boxes share."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def measure(file: Path, pictures: int = 40, seed: int = 1) -> tuple[float, float]:
    """Returns the fractions of fresh renders whose object is found, by half of its box at least, and found as what it is."""
    model = open_detector(file)
    network, rng, boxes, kinds = load_detector(model), np.random.default_rng(seed), 0, 0
    for _ in range(pictures):
        picture, box, kind = example(rng)
        best = next(iter(detect(network, model.classes, picture, 0.3)), None)
        if best is not None and overlap(best.box, box) >= 0.5:
            boxes += 1
            kinds += best.name == str(kind)
    return boxes / pictures, kinds / pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=Path("detector.safetensors"))
    parser.add_argument("steps", type=int, nargs="?", default=STEPS)
    options = parser.parse_args()
    file = train(options.file, options.steps)
    boxes, kinds = measure(file)
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB; boxes {boxes:.0%}, of the right kind {kinds:.0%}")


if __name__ == "__main__":
    main()
