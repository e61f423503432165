"""No hostile control model, IP-Adapter, upscaler or detector runs, or takes memory that its size does not justify."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.weights.detector import load_detector, open_detector
from tests.benchmarks import fuzz_added
from tests.detector_models import random_detector


@pytest.mark.slow
@pytest.mark.parametrize("reader", sorted(fuzz_added.READERS))
def test_fuzzed_readers(reader):
    """A short run of `python -m tests.benchmarks.fuzz_added`, which reads 70,000 inputs."""
    tally = fuzz_added.READERS[reader][1](60, 1)
    assert tally.cases == 60 and tally.faults == []
    assert tally.accepted + tally.refused == 60 and tally.accepted and tally.refused


def test_a_detector_of_countless_classes_is_refused_before_they_are_named(tmp_path):
    """A number of one byte each in the file would be a text each in memory."""
    names = ("model.22.cv2.0.2.weight", "model.22.cv3.0.2.weight")
    save_file({names[0]: torch.zeros(64, 1, 1, 1), names[1]: torch.zeros(20_000, 1, 1, 1)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="20000 classes"):
        open_detector(tmp_path / "x.safetensors")


@pytest.mark.parametrize("changed", [None, torch.ones(3)])
def test_a_batch_norm_that_lacks_a_part_or_has_it_in_another_shape_is_said(tmp_path, changed):
    state = {name: tensor.clone() for name, tensor in random_detector().state_dict().items()}
    state["model.1.bn.running_var"] = changed
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match=r"batch norm model\.1\.bn lacks a part"):
        load_detector(open_detector(tmp_path / "x.safetensors"))
