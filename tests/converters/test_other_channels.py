"""UNets of more channels are measured and drawn with, as those of four are: with a picture where a model needs one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from converters.sensitivity import PROMPTS, Bench, trajectories
from converters.source import open_source
from converters.verify_pictures import draw


def write_model(model: Path, channels: int, folder: Path) -> Path:
    """Copies a model to a folder, and gives its UNet more channels."""
    shutil.copytree(model, folder)
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "in_channels": channels}))
    weights = next((folder / "unet").glob("*.safetensors"))
    state = load_file(weights)
    kernel = state["conv_in.weight"]
    state["conv_in.weight"] = torch.cat([kernel, kernel.repeat(1, 2, 1, 1)[:, : channels - 4]], 1)
    weights.unlink()
    save_file(state, weights)
    return folder


@pytest.mark.parametrize("channels", [4, 8, 9])
def test_states_of_trajectories_are_what_the_unet_reads(shallow_model, tmp_path, channels):
    folder = write_model(shallow_model, channels, tmp_path / "m") if channels > 4 else shallow_model
    source = open_source(str(folder))
    engine = source.engine()
    states = trajectories(engine)
    assert len(states) == len(PROMPTS) and {state[0].shape[1] for state in states} == {channels}
    times = [float(state[1]) for state in states]
    assert times == sorted(set(times), reverse=True)  # of the steps 0, 4 and 7
    assert Bench(source.network("unet"), states).references[0].shape == (1, 4, 8, 8)
    assert draw(engine, "a red house", 1, 1, (64, 64)).shape == (64, 64, 3)
