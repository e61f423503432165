"""Hints by networks of the user's: found where they were added, run once, and refused by name where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from sdedge.cli import cli
from sdedge.controls import Control
from sdedge.errors import ModelError
from sdedge.generation import network_hints
from sdedge.generation.hints import read_hint
from sdedge.generation.pose import bodies_in, enlarged, key_points, pose, window_of
from sdedge.images.pose import skeletons
from sdedge.library.by_name import installed
from sdedge.library.control_models import installed_controls
from sdedge.weights.hint_network import HintNetwork, hint_network_kind


@pytest.fixture(scope="module")
def vitpose(made_once) -> Path:
    """A random ViTPose, narrow, that sees every point somewhere."""

    def make(folder: Path) -> None:
        from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

        torch.manual_seed(1)
        backbone = VitPoseBackboneConfig(
            image_size=(64, 48), patch_size=(16, 16), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, mlp_ratio=2,
            out_indices=[1],
        )  # fmt: skip
        config = VitPoseConfig(
            backbone_config=backbone, num_labels=17, use_simple_decoder=True, architectures=["VitPoseForPoseEstimation"]
        )
        network = VitPoseForPoseEstimation(config).eval()
        with torch.no_grad():
            network.head.conv.weight.normal_(std=0.5)
            network.head.conv.bias.fill_(0.5)
        network.save_pretrained(folder)

    return made_once("vitpose", make)


@pytest.fixture
def photo(tmp_path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((40, 60), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def _run(*arguments: object) -> object:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_key_points_are_where_the_heatmaps_say():
    heatmaps = torch.zeros(3, 16, 12)
    heatmaps[0, 4, 6], heatmaps[0, 4, 7] = 0.9, 0.5  # leans to the right
    heatmaps[1, 15, 11] = 0.8
    heatmaps[2, 3, 3] = 0.2  # not seen
    points = key_points(heatmaps, (10.0, 20.0, 10.0 + 11 * 4, 20.0 + 15 * 4))
    assert points == {0: (pytest.approx(10 + 6.25 * 4), pytest.approx(20 + 4 * 4)), 1: (54.0, 80.0)}


def test_a_window_is_the_box_with_a_margin_and_black_beyond_the_picture():
    assert enlarged((0.0, 0.0, 30.0, 40.0), 0.75) == (-3.75, -5.0, 33.75, 45.0)
    assert enlarged((0.0, 0.0, 40.0, 40.0), 0.75) == pytest.approx(
        (-5.0, 20 - 40 / 0.75 / 2 * 1.25, 45.0, 20 + 40 / 0.75 / 2 * 1.25)
    )
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    same = window_of(pixels, (0.0, 0.0, 3.0, 4.0), (5, 4))[0]  # from the middle of the first pixel to that of the last
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    assert torch.allclose(same.permute(1, 2, 0) * deviation + mean, torch.from_numpy(pixels) / 255, atol=1e-6)
    beyond = window_of(pixels, (-100.0, -100.0, -50.0, -50.0), (5, 4))[0].permute(1, 2, 0) * deviation + mean
    assert beyond.abs().max() < 1e-6


@pytest.mark.slow
def test_a_pose_is_the_skeleton_that_the_network_sees(vitpose, photo):
    from transformers import VitPoseForPoseEstimation

    pixels = np.array(Image.open(photo))
    drawn = pose(pixels, vitpose)
    window = enlarged((0.0, 0.0, 40.0, 60.0), 0.75)
    network = VitPoseForPoseEstimation.from_pretrained(vitpose).eval()
    with torch.no_grad():
        heatmaps = network(window_of(pixels, window, (64, 48))).heatmaps[0]
    (body,) = bodies_in(pixels, [(0.0, 0.0, 40.0, 60.0)], vitpose)
    assert len(key_points(heatmaps, window)) > 5 and len(body) > 5
    assert np.array_equal(drawn, skeletons([body], 60, 40)) and drawn.any()


@pytest.mark.slow
def test_a_control_s_hint_is_made_once_by_the_network_that_was_added(vitpose, photo, monkeypatch):
    """Read when it is checked and when it is drawn, at the size of the picture; its folder is no control model."""
    control = Control("some.safetensors", str(photo), preprocess="pose")
    with pytest.raises(
        ModelError, match=r"no pose network here; get one .* such as usyd-community/vitpose-base-simple"
    ):
        read_hint(control, "openpose", "openpose", (40, 60), None)
    assert hint_network_kind(vitpose) is HintNetwork.POSE
    added = _run("models", "add", vitpose)
    assert added.exit_code == 0, added.output
    assert [model.kind for model in installed("control")] == ["pose-network"] and installed_controls() == []
    runs: list[object] = []
    monkeypatch.setattr(network_hints, "pose", lambda *inputs: (runs.append(inputs), pose(*inputs))[1])
    hints = [read_hint(control, "openpose", "openpose", (40, 60), None).pixels for _ in range(3)]
    assert len(runs) == 1 and all(np.array_equal(hint, pose(np.array(Image.open(photo)), vitpose)) for hint in hints)


@pytest.mark.slow
def test_the_command_makes_poses_by_a_folder_or_the_installed_one(vitpose, photo, tmp_path):
    out = tmp_path / "pose.png"
    assert _run("hint", "pose", photo, out, "--model", vitpose).exit_code == 0
    assert np.array_equal(np.array(Image.open(out)), pose(np.array(Image.open(photo)), vitpose))
    for name, wrong in (("pose", tmp_path), ("depth", vitpose)):
        refused = _run("hint", name, photo, tmp_path / "no.png", "--model", wrong)
        assert isinstance(refused.exception, ModelError) and f"no {name} network at" in str(refused.exception)
        missing = _run("hint", name, photo, tmp_path / "no.png")
        assert isinstance(missing.exception, ModelError) and f"There is no {name} network here" in str(
            missing.exception
        )
    assert not (tmp_path / "no.png").exists()


def test_a_hint_that_was_made_is_remembered_and_another_picture_is_another_hint(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    runs: list[object] = []
    monkeypatch.setattr(network_hints, "depth", lambda pixels, folder: (runs.append(folder), 255 - pixels)[1])
    first, second = (np.full((4, 4, 3), value, np.uint8) for value in (1, 2))
    for pixels in (first, second, first):
        assert np.array_equal(network_hints.network_hint(pixels, "depth", tmp_path), 255 - pixels)
    assert runs == [tmp_path] * 2


@pytest.mark.parametrize("name", ["depth", "pose"])
def test_without_a_network_what_to_get_is_said(name, photo):
    control = Control("some.safetensors", str(photo), preprocess=name)
    with pytest.raises(
        ModelError, match=f"There is no {name} network here; get one that transformers knows, such as "
    ) as refusal:
        read_hint(control, "some", "", (40, 60), None)
    assert refusal.value.field == "controls"


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"architectures": ["DepthAnythingForDepthEstimation"]}, HintNetwork.DEPTH), ({"architectures": "x"}, None),
        ({"architectures": ["RTDetrForObjectDetection"]}, HintNetwork.PERSONS), ({"architectures": [1, None]}, None),
        ({"architectures": ["CLIPVisionModelWithProjection"]}, None), ({}, None),
    ],
)  # fmt: skip
def test_what_a_folder_s_network_finds_is_told_from_its_configuration(config, kind, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert hint_network_kind(tmp_path) is kind
    assert hint_network_kind(tmp_path / "nowhere") is None
