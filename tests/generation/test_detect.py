"""What a detector finds: boxes brought back to the picture, none twice, in bounded time."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.errors import InvalidRequest, ModelError
from sdedge.generation.detect import detect, letterboxed, suppressed
from tests.detector_models import random_detector, save_as_ultralytics
from tests.library.conftest import run


class Boxes(torch.nn.Module):
    """Answers with boxes in the pixels that it sees, as (left, top, right, bottom, score, class)."""

    def __init__(self, *boxes):
        super().__init__()
        self.boxes, self.seen = boxes, None

    def forward(self, image):
        self.seen = image
        _, _, H, W = image.shape
        outputs = []
        for stride in (8, 16, 32):
            h, w = H // stride, W // stride
            outputs.append((torch.full((1, 64, h, w), -30.0), torch.full((1, 2, h, w), -20.0)))
        distances, classes = outputs[0]
        for left, top, right, bottom, score, kind in self.boxes:
            x, y = int((left + right) / 16), int((top + bottom) / 16)
            lengths = ((x + 0.5) * 8 - left, (y + 0.5) * 8 - top, right - (x + 0.5) * 8, bottom - (y + 0.5) * 8)
            for side, distance in enumerate(lengths):
                low, part = int(distance / 8), distance / 8 % 1
                distances[0, 16 * side + low, y, x] = float(np.log(1 - part + 1e-12))
                distances[0, 16 * side + low + 1, y, x] = float(np.log(part + 1e-12))
            classes[0, kind, y, x] = float(np.log(score / (1 - score)))
        return outputs


def _pixels(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_boxes_come_back_to_the_picture_s_own_pixels():
    network = Boxes((20, 30, 100, 90, 0.9, 1), (300, 40, 340, 80, 0.2, 0))
    (detection,) = detect(network, ("face", "hand"), _pixels(200, 640), confidence=0.3)
    assert network.seen.shape == (1, 3, 224, 640)  # 12 grey rows on each side
    assert detection.name == "hand" and detection.score == pytest.approx(0.9, abs=1e-4)
    assert detection.box == pytest.approx((20, 18, 100, 78), abs=1e-2)
    (large,) = detect(network, ("face", "hand"), _pixels(400, 1280), confidence=0.3)
    assert large.box == pytest.approx((40, 36, 200, 156), abs=1e-2)
    assert len(detect(network, ("face", "hand"), _pixels(200, 640), confidence=0.1)) == 2


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (64, 64), (37, 5001)])
def test_what_a_detector_sees_is_bounded(size):
    image, scale, _ = letterboxed(_pixels(*size))
    assert max(image.shape[2:]) <= 640 and all(side % 32 == 0 for side in image.shape[2:])
    assert scale == 640 / max(size)


@pytest.mark.parametrize("size", [(64, 48), (700, 1280), (1283, 11), (640, 640)])
def test_a_detector_sees_the_picture_as_torch_resizes_it(size):
    pixels = _pixels(*size)
    height, width = (round(side * 640 / max(size)) for side in size)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    expected = torch.nn.functional.interpolate(picture, (height, width), mode="bilinear", align_corners=False)
    image, _, (left, top) = letterboxed(pixels)
    seen = image[:, :, top : top + height, left : left + width]
    assert torch.allclose(seen, expected, atol=2e-4), "torch has places in float32"


def test_a_box_that_a_surer_one_of_its_class_covers_is_dropped():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 10, 10], [1, 0, 10, 10], [20, 20, 30, 30], [0, 0, 10, 6.9]])
    kinds = torch.tensor([0, 0, 1, 0, 0])
    assert suppressed(boxes, kinds) == [0, 2, 3, 4]
    assert suppressed(torch.zeros(2000, 4), torch.arange(2000)) == [*range(300)]


@pytest.mark.slow
def test_the_command_prints_draws_and_refuses(tmp_path):
    model = save_as_ultralytics(random_detector(3), tmp_path / "face_yolov8n.pt")
    Image.fromarray(_pixels(48, 64)).save(tmp_path / "in.png")
    lines = run("detect", model, tmp_path / "in.png", "--confidence", 0.1, "--draw", tmp_path / "out.png", "--json")
    record = json.loads(lines.splitlines()[0])
    assert set(record) == {"box", "score", "name"} and Image.open(tmp_path / "out.png").size == (64, 48)
    with pytest.raises(InvalidRequest, match="already"):
        run("detect", model, tmp_path / "in.png", "--draw", tmp_path / "out.png")
    with pytest.raises(InvalidRequest, match="out of range"):
        run("detect", model, tmp_path / "in.png", "--confidence", 3)
    assert "Nothing was found" in run("detect", model, tmp_path / "in.png", "--confidence", 1)
    with pytest.raises(ModelError, match="There is no detector 'hand'"):
        run("detect", "hand", tmp_path / "in.png")


@pytest.mark.slow
def test_a_detector_is_installed_and_found_by_its_name(tmp_path):
    model = save_as_ultralytics(random_detector(3), tmp_path / "face_yolov8n.pt")
    Image.fromarray(_pixels(48, 64)).save(tmp_path / "in.png")
    assert "YOLOv8" in run("models", "add", model)
    assert "detector" in run("models", "list") and "thing 0, thing 1" in run("models", "info", "face_yolov8n")
    assert "as it was added" in run("models", "verify", "--weights")
    assert "0." in run("detect", "face_yolov8n.pt", tmp_path / "in.png", "--confidence", 0.01)
    run("models", "remove", "face_yolov8n")
