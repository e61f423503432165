"""Detectors read out of pickles of whole networks with nothing executed, and what is none."""

from __future__ import annotations

import os
import sys

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.models.yolo import decode
from sdedge.weights.detector import holds_detector, load_detector, open_detector
from sdedge.weights.files import open_tensors
from tests.detector_models import PACKAGE, Segment, random_detector, save_as_ultralytics


def _middle_and_size(boxes):
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], -1)


@pytest.mark.slow
@pytest.mark.parametrize("config", [{}, {"n": (1, 2, 2, 1, 1, 1, 1, 1), "nc": 1}, {"head": Segment}])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickled_network_finds_what_ultralytics_finds(tmp_path, config, legacy):
    network = random_detector(1, **config)
    model = open_detector(save_as_ultralytics(network, tmp_path / "face_yolov8n.pt", legacy))
    assert PACKAGE not in sys.modules and model.has_masks == ("head" in config)
    assert model.classes == tuple(f"thing {i}" for i in range(config.get("nc", 2)))
    network = network.half().float()  # as the file has it
    image = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        expected = network(image).transpose(1, 2)
        boxes, scores = decode(load_detector(model)(image))
    assert boxes.shape[1] == 8 * 12 + 4 * 6 + 2 * 3
    assert torch.allclose(_middle_and_size(boxes), expected[..., :4], atol=1e-3)
    assert torch.allclose(scores, expected[..., 4:], atol=1e-4)


def test_tensors_alone_are_a_detector_too(tmp_path):
    network = random_detector(2)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, tmp_path / "hand.safetensors")
    torch.save({"model": state}, tmp_path / "nested.pt")
    assert open_detector(tmp_path / "hand.safetensors").classes == ("class 0", "class 1")
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        expected = network(image).transpose(1, 2)[..., 4:]
        assert torch.allclose(
            decode(load_detector(open_detector(tmp_path / "hand.safetensors"))(image))[1], expected, atol=1e-4
        )


class Hostile:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call",
    [(os.system, "touch {}"), (eval, "open('{}', 'w')"), (getattr, os, "system"), (getattr, "text", "__class__"),
     (__import__, "os")],
)  # fmt: skip
def test_nothing_in_a_detector_is_executed(tmp_path, call):
    function, *arguments = call
    arguments = [each.format(tmp_path / "run") if isinstance(each, str) else each for each in arguments]
    if arguments[0] is os:
        arguments[0] = torch.nn.Conv2d
        arguments[1] = "__init__"
    save_as_ultralytics(random_detector(), tmp_path / "bad.pt", train_args=Hostile(function, *arguments))
    with pytest.raises(ModelError, match="asks to run"):
        open_detector(tmp_path / "bad.pt")
    assert not (tmp_path / "run").exists()


def test_the_rule_for_whole_networks_is_for_detectors_alone(tmp_path):
    path = save_as_ultralytics(random_detector(head=Segment), tmp_path / "person_yolov8n-seg.pt")
    with pytest.raises(ModelError, match="asks to run"):
        open_tensors(path)
    assert holds_detector(path)


def _refusal(path):
    with pytest.raises(ModelError) as error:
        load_detector(open_detector(path))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_other_networks_are_refused_by_name(tmp_path):
    lora = {"lora_unet_x.lora_down.weight": torch.zeros(2, 2)}
    save_file(lora, tmp_path / "lora.safetensors")
    assert "is a LoRA, not a detector" in _refusal(tmp_path / "lora.safetensors")
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "any.safetensors")
    assert "is no detector" in _refusal(tmp_path / "any.safetensors")
    state = {name: tensor.contiguous() for name, tensor in random_detector().state_dict().items()}
    eleven = {name.replace("model.22.", "model.23."): tensor for name, tensor in state.items()}
    save_file(eleven, tmp_path / "eleven.safetensors")
    assert "is a YOLO11 detector" in _refusal(tmp_path / "eleven.safetensors")
    assert holds_detector(tmp_path / "eleven.safetensors") and not holds_detector(tmp_path / "lora.safetensors")
    state.pop("model.4.cv1.conv.weight")
    save_file(state, tmp_path / "short.safetensors")
    assert "missing" in _refusal(tmp_path / "short.safetensors")
    broken = {**random_detector().state_dict()}
    broken["model.0.bn.weight"][0] = torch.nan
    torch.save(broken, tmp_path / "nan.pt")
    assert "damaged" in _refusal(tmp_path / "nan.pt")
