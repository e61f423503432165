"""The path of a picture stays short: few frames of ours, a loop that fits a page, and features that add no branch to it."""

from __future__ import annotations

import dataclasses
import inspect
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

import sdedge
from sdedge.cli import cli
from sdedge.engines.protocol import Capability
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest
from sdedge.generation import pipeline, sample
from sdedge.generation.requirements import needs, refuse_unsupported
from sdedge.models.unet import UNet
from sdedge.request import Request, Resolved

ROOT = Path(sdedge.__file__).parent


@pytest.mark.parametrize(("speed", "command", "sampler"), [("exact", 9, 3), ("fast", 10, 4)])
def test_few_frames_lie_between_the_command_the_sampler_and_the_unet(
    tiny_model, tmp_path, monkeypatch, speed, command, sampler
):
    """Of ours, from the command's function to the call of the UNet, whole or in part; torch's and click's do not count.

    One of them is `generation/proving.py`, which hands over no picture of an engine that turns out broken.
    """
    stacks: list[list[str]] = []

    def embed(self: UNet, *args: object) -> torch.Tensor:
        paths = [Path(frame.filename) for frame in traceback.extract_stack()]
        ours = [path.relative_to(ROOT).as_posix() for path in paths if path.is_relative_to(ROOT)]
        stacks.append(
            [path for path in ours if not path.startswith(("models/", "engines/torch/cpu/"))]
        )  # the UNet's own are not on the way
        return real(self, *args)

    real = UNet.embed
    monkeypatch.setattr(UNet, "embed", embed)
    options = ["--model", str(tiny_model), "--steps", "1", "--speed", speed, "--device", "cpu", "--out", str(tmp_path)]
    result = CliRunner().invoke(cli, ["generate", "a red house", *options])
    assert result.exit_code == 0, result.output
    frames = stacks[0]
    assert frames[0] == "commands/generate.py" and len(frames) <= command, frames
    ours = [i for i, name in enumerate(frames) if name.startswith("sampling/samplers/")]
    assert ours and len(frames) - 1 - ours[-1] <= sampler, frames


def test_the_loop_fits_a_page_and_knows_no_device_and_no_feature():
    source = inspect.getsource(sample.sample)
    assert len(source.splitlines()) <= 40, (
        "move what was added into a file of its own, as a predictor, a branch or a guide"
    )
    assert "engine.can" not in source and "Capability" not in source


def test_the_torch_engine_only_answers_calls():
    assert len(inspect.getsource(inspect.getmodule(TorchEngine)).splitlines()) <= 150, (
        "move what does not answer a call to the residency, or beside unet_calls and vae_calls"
    )


def test_a_request_has_no_more_fields_at_its_top_than_it_had():
    """A feature with settings of its own is one field that holds a value, such as `controls` or `guide`."""
    assert len(dataclasses.fields(Request)) <= 42


@pytest.mark.parametrize(
    ("request_", "channels", "capability", "field"),
    [
        (Resolved("x", tiling=True), 0, Capability.TILING, "tiling"),
        (Resolved("x", image="photo.png"), 0, Capability.ENCODE, "image"),
        (Resolved("x", clip_skip=2), 0, Capability.PENULTIMATE_LAYER, "clip_skip"),
        (Resolved("x", clip_skip=4), 0, Capability.EARLIER_LAYERS, "clip_skip"),
        (Resolved("x <lora:ink:0.5>"), 0, Capability.LORAS, "prompt"),
        (Resolved("x"), 256, Capability.GUIDANCE_EMBEDDING, ""),
    ],
)
def test_what_an_engine_lacks_is_refused_by_name_before_anything_is_drawn(request_, channels, capability, field):
    facts = SimpleNamespace(name="small", in_channels=4, guidance_channels=channels)
    assert [need.capability for need in needs(request_, facts)] == [capability]
    engine = SimpleNamespace(facts=facts, description="another", can=frozenset(Capability))
    refuse_unsupported(engine, request_)
    engine.can -= {capability}
    with pytest.raises(InvalidRequest, match="The engine another cannot") as refusal:
        refuse_unsupported(engine, request_)
    assert refusal.value.field == field


def test_a_refused_request_runs_no_network(tiny_model, monkeypatch):
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    monkeypatch.setattr(engine, "can", engine.can - {Capability.TILING})
    monkeypatch.setattr(engine, "network", lambda stage: pytest.fail(f"{stage} was loaded"))
    request = Request("a house", model=str(tiny_model), tiling=True, steps=1)
    with pytest.raises(InvalidRequest, match="seamless"):
        list(pipeline.Pipeline(lambda model, vae: engine).images(request))
