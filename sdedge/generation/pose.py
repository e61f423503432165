"""Pose hints by a network of transformers (ViTPose) out of a folder: run once, and released.

Where a person detector (RT-DETR) is installed too, each person it finds is looked at; else the whole picture is one person's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sdedge.errors import ModelError
from sdedge.images.pose import Body, body_of_coco, skeletons
from sdedge.weights.folders import read_config

SEEN = 0.3
"""Of a key point's score, from 0 to 1, above which it is drawn (mmpose's)."""
IS_PERSON = 0.3
"""Of a detection's score, above which it counts."""
MOST = 20  # persons of a picture
MARGIN = 1.25
"""By which a box is enlarged before it is looked at, as ViTPose was trained."""
SIZE = (256, 192)  # of the network's input, height and width, where its configuration does not say
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DETECTOR_SIDE = 640

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


def pose(pixels: np.ndarray, folder: Path, detector: Path | None = None) -> np.ndarray:
    """Returns the skeletons of the persons in a picture, on black, uint8 (H, W, 3); `shows_nobody` tells of one without any.

    `folder` holds config.json and model.safetensors of a ViTPose, `detector` those of an RT-DETR. Nothing is fetched and no code
    of the folders runs. Raises ModelError.
    """
    H, W, _ = pixels.shape
    boxes = [(0.0, 0.0, float(W), float(H))] if detector is None else persons(pixels, detector)
    return skeletons(bodies_in(pixels, boxes, folder), H, W)


def shows_nobody(hint: np.ndarray) -> bool:
    """Returns whether a hint of poses is black everywhere: no person was found, or too little of any."""
    return not hint.any()


def bodies_in(pixels: np.ndarray, boxes: Sequence[Box], folder: Path) -> list[Body]:
    """Returns the body in each box, by its points that were seen."""
    if not boxes:
        return []
    size = input_size(folder)
    windows = [enlarged(box, size[1] / size[0]) for box in boxes]
    images = torch.cat([window_of(pixels, window, size) for window in windows])
    heatmaps = _heatmaps(folder, images)
    if heatmaps.shape[1] != 17:
        raise ModelError(
            f"The pose network {folder} finds {heatmaps.shape[1]} points where COCO has 17; choose another one."
        )
    return [body_of_coco(key_points(each, window)) for each, window in zip(heatmaps, windows, strict=True)]


def input_size(folder: Path) -> tuple[int, int]:
    """Returns height and width of the windows that a folder's network reads."""
    backbone = read_config(folder / "config.json", folder).get("backbone_config")
    size = backbone.get("image_size", SIZE) if isinstance(backbone, dict) else SIZE
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(type(n) is int and 8 <= n <= 2048 for n in size):
        raise ModelError(f"{folder / 'config.json'} gives no size that a pose network reads; get it again.")
    return size[0], size[1]


def enlarged(box: Box, aspect: float) -> Box:
    """Returns a box of an aspect (width / height) around another one, with a margin on all sides."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    width, height = max(width, aspect * height) * MARGIN, max(height, width / aspect) * MARGIN
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def key_points(heatmaps: Tensor, window: Box) -> dict[int, tuple[float, float]]:
    """Returns where the maxima of heatmaps (K, h, w) above `SEEN` lie in the picture, whose `window` they cover."""
    points = {}
    _, h, w = heatmaps.shape
    left, top, right, bottom = window
    for number, heatmap in enumerate(heatmaps):
        score, place = heatmap.flatten().max(0)
        if score <= SEEN:
            continue
        row, column = divmod(int(place), w)
        x = column + _lean(heatmap[row], column)
        y = row + _lean(heatmap[:, column], row)
        # The outermost values lie on the window's edges, as ViTPose was trained (UDP, Huang et al. 2020).
        points[number] = left + x / (w - 1) * (right - left), top + y / (h - 1) * (bottom - top)
    return points


def _lean(values: Tensor, place: int) -> float:
    """Returns a quarter towards the larger neighbour of a maximum (Newell et al. 2016)."""
    if not 0 < place < len(values) - 1:
        return 0.0
    return 0.25 * float(torch.sign(values[place + 1] - values[place - 1]))


def window_of(pixels: np.ndarray, window: Box, size: tuple[int, int]) -> Tensor:
    """Returns a part of a picture as the network reads it, (1, 3, h, w); black beyond the picture's edges."""
    height, width = size
    left, top, right, bottom = window
    # The middles of the outermost pixels lie on the window's edges; Pillow counts from the pixels' corners.
    scale_x, scale_y = (right - left) / (width - 1), (bottom - top) / (height - 1)
    matrix = scale_x, 0, left + (1 - scale_x) / 2, 0, scale_y, top + (1 - scale_y) / 2
    part = Image.fromarray(pixels).transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    values = (np.array(part, np.float32) / 255 - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))


@torch.inference_mode()
def _heatmaps(folder: Path, images: Tensor) -> Tensor:
    from transformers import VitPoseForPoseEstimation

    network = _loaded(VitPoseForPoseEstimation, folder, "pose network")
    experts = getattr(network.config.backbone_config, "num_experts", 1)
    more = {"dataset_index": torch.zeros(len(images), dtype=torch.long)} if experts > 1 else {}  # COCO's is the first
    heatmaps = network(images, **more).heatmaps.float()
    if not torch.isfinite(heatmaps).all():
        raise ModelError(f"The pose network {folder} gave values that are not numbers; get it again.")
    return heatmaps


@torch.inference_mode()
def persons(pixels: np.ndarray, folder: Path) -> list[Box]:
    """Returns the boxes of the persons in a picture, the surest first."""
    from transformers import AutoModelForObjectDetection

    H, W, _ = pixels.shape
    network = _loaded(AutoModelForObjectDetection, folder, "person detector")
    names = getattr(network.config, "id2label", {})
    person = next((int(number) for number, name in names.items() if str(name).casefold() == "person"), 0)
    resized = Image.fromarray(pixels).resize((DETECTOR_SIDE, DETECTOR_SIDE), Image.Resampling.BILINEAR)
    detected = network(torch.from_numpy(np.array(resized, np.float32).transpose(2, 0, 1)[None] / 255))
    scores = detected.logits[0, :, person].sigmoid()
    surest = [index for index in scores.argsort(descending=True).tolist()[:MOST] if scores[index] > IS_PERSON]
    x, y, width, height = detected.pred_boxes[0].unbind(-1)
    return [
        (float((x - width / 2)[i] * W), float((y - height / 2)[i] * H), float((x + width / 2)[i] * W),
         float((y + height / 2)[i] * H))
        for i in surest
    ]  # fmt: skip


def _loaded(kind: Any, folder: Path, name: str) -> Any:
    """Returns a network of transformers in float32. Raises ModelError for a folder that holds none that can be used."""
    try:
        return kind.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        ).eval()
    except Exception as error:  # transformers raises anything at all for folders of another kind
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{folder} is no {name} that can be used ({reason}); choose another.") from error
