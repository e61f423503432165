"""Networks that read the guidance scale (LCM_Dreamshaper_v7): as diffusers feeds them, in every way the UNet is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import LatentConsistencyModelPipeline, LCMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from sdedge.engines.open import load_engine
from sdedge.engines.openvino import engine as openvino
from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.errors import InvalidRequest, ModelError
from sdedge.events import Notice
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.generation.requirements import refuse_unsupported
from sdedge.models.config import UNetConfig
from sdedge.models.layers import guidance_embedding
from sdedge.models.reuse import full, outer
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request, Resolved
from sdedge.weights.architecture import infer_unet
from sdedge.weights.checkpoint import open_checkpoint

from .engines.torch.test_cuda_graphs import recorded
from .generation.conftest import psnr

NARROW = {"block_out_channels": (32, 64), "cross_attention_dim": 48, "attention_head_dim": 4, "norm_num_groups": 8,
          "layers_per_block": 1, "time_cond_proj_dim": 256, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
          "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D")}  # fmt: skip
fused = pytest.mark.skipif(not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN")


@pytest.fixture(scope="module")
def unets() -> tuple[UNet, UNet2DConditionModel]:
    torch.manual_seed(0)
    referee = UNet2DConditionModel(**NARROW).eval()
    ours = UNet(UNetConfig.from_json(dict(referee.config)))
    ours.load_state_dict(referee.state_dict(), strict=True)
    return ours.eval(), referee


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(1, 4, 8, 8, generator=generator),
        torch.tensor([499.0]),
        torch.randn(1, 77, 48, generator=generator),
    )


@pytest.fixture(scope="module")
def distilled(tiny_model, tmp_path_factory) -> Path:
    """The tiny model as latent consistency models come."""
    folder = tmp_path_factory.mktemp("lcm") / "distilled"
    shutil.copytree(tiny_model, folder)
    config, weights = folder / "unet" / "config.json", folder / "unet" / "diffusion_pytorch_model.safetensors"
    config.write_text(json.dumps({**json.loads(config.read_text()), "time_cond_proj_dim": 256}))
    tensors = load_file(weights)
    generator = torch.Generator().manual_seed(7)
    save_file({**tensors, "time_embedding.cond_proj.weight": torch.randn(8, 256, generator=generator)}, weights)
    return folder


@pytest.mark.parametrize("dim", [256, 7])
def test_scales_are_embedded_as_in_diffusers(dim):
    scales = torch.tensor([1.0, 1.5, 8.5, 20.0])
    theirs = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scales - 1, embedding_dim=dim)
    torch.testing.assert_close(
        guidance_embedding(scales, dim), theirs, rtol=0, atol=2e-3
    )  # angles up to 19,000 in float32
    torch.testing.assert_close(guidance_embedding(scales[:1], dim), theirs[:1], rtol=0, atol=0)


@torch.inference_mode()
@pytest.mark.parametrize("scale", [1.0, 8.5])
def test_the_network_is_diffusers_with_and_without_a_scale(unets, inputs, scale):
    ours, referee = unets
    w = torch.tensor([scale])
    condition = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, w - 1, embedding_dim=256)
    expected = referee(*inputs, timestep_cond=condition).sample
    assert float((ours(*inputs, guidance_embedding(w, 256)) - expected).abs().max()) < 2e-6
    assert float((ours(*inputs) - referee(*inputs).sample).abs().max()) < 2e-6
    assert float((expected - referee(*inputs).sample).abs().max()) > 1e-3


@torch.inference_mode()
def test_a_part_of_the_network_and_a_recording_are_told_too(unets, inputs):
    ours, w = unets[0], guidance_embedding(torch.tensor([3.5]), 256)
    eps, features = full(ours, *inputs, embedding=w)
    assert torch.equal(eps, ours(*inputs, w)) and torch.equal(outer(ours, *inputs, features, embedding=w), eps)
    calls = recorded()
    for scale in (2.0, 2.0, 2.0, 9.0, 2.0):  # recorded at the second
        embedding = guidance_embedding(torch.tensor([scale]), 256)
        unet_inputs = UNetInputs(*inputs, embedding=embedding)
        assert torch.equal(calls.full(ours, torch.float32, unet_inputs), ours(*inputs, embedding))
        eps, features = calls.partly(ours, torch.float32, unet_inputs, None)
        assert torch.equal(calls.partly(ours, torch.float32, unet_inputs, features)[0], eps)


@fused
@torch.inference_mode()
def test_what_the_fused_network_keeps_goes_by_the_scale_too(unets, inputs):
    plain = unets[0]
    ours = UNet(plain.config).eval()
    ours.load_state_dict(plain.state_dict())
    fused_unet.fuse(ours)
    computed = []
    ours.time_embedding.register_forward_hook(lambda *_: computed.append(1))
    for scale in (2.0, 9.0, 2.0):
        w = guidance_embedding(torch.tensor([scale]), 256)
        eps, features = full(ours, *inputs, embedding=w)
        assert float((eps - plain(*inputs, w)).abs().max()) < 5e-6
        torch.testing.assert_close(outer(ours, *inputs, features, embedding=w), eps, rtol=0, atol=1e-6)
    assert len(computed) == 2  # kept for both, in part as in whole


def _drawn(pipeline: Pipeline, request: Request) -> np.ndarray:
    (picture,) = (event for event in pipeline.images(request) if isinstance(event, Picture))
    return picture.pixels


def _by_diffusers(folder: Path, request: Request) -> np.ndarray:
    referee = LatentConsistencyModelPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None)
    referee.scheduler = LCMScheduler.from_config(referee.scheduler.config, clip_sample=False)
    referee.set_progress_bar_config(disable=True)
    made = referee(request.prompt, num_inference_steps=request.steps, guidance_scale=request.guidance,
                   generator=torch.Generator().manual_seed(request.seed))  # fmt: skip
    return np.asarray(made.images[0])


def test_a_picture_is_diffusers_and_the_second_one_has_its_own_guidance(distilled):
    pipeline = Pipeline(load_engine("cpu", "float32"))
    request = Request("a red house", model=str(distilled), sampler="lcm", preset="diffusers", steps=4, seed=5)
    pictures = [_drawn(pipeline, request.replace(guidance=scale)) for scale in (8.5, 2.0, 8.5)]
    assert psnr(pictures[0], _by_diffusers(distilled, request.replace(guidance=8.5))) >= 50
    assert psnr(pictures[1], _by_diffusers(distilled, request.replace(guidance=2.0))) >= 50
    assert np.array_equal(pictures[0], pictures[2]) and psnr(pictures[0], pictures[1]) < 40


def test_one_call_a_step_and_the_negative_prompt_is_said_to_be_left_out(distilled, monkeypatch):
    rows: list[int] = []
    real = UNetCalls.full

    def full(self: UNetCalls, unet: UNet, dtype: torch.dtype, inputs: UNetInputs) -> torch.Tensor:
        rows.append(len(inputs.x))
        return real(self, unet, dtype, inputs)

    monkeypatch.setattr(UNetCalls, "full", full)
    request = Request("a house", "trees", str(distilled), sampler="lcm", steps=2, seed=1)
    messages = [event.message for event in Pipeline(load_engine("cpu")).images(request) if isinstance(event, Notice)]
    assert rows == [1, 1] and any("no negative prompt" in line for line in messages)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"memory": "stream"}, {"memory": "low"}])
@torch.inference_mode()
def test_every_memory_mode_is_told(distilled, options):
    reference, engine_by_memory = (
        TorchEngine.load(distilled, "cpu", "float32"),
        TorchEngine.load(distilled, "cpu", "float32", **options),
    )
    torch.manual_seed(4)
    x, context = torch.randn(1, 4, 8, 8), torch.randn(1, 77, reference.facts.context_width)
    results = []
    for scale in (2.0, 2.0, 9.0):
        for engine in (reference, engine_by_memory):
            embedding = guidance_embedding(torch.tensor([scale]), 256)
            results.append(engine.predict(UNetInputs(x, torch.full((1,), 500.0), context, embedding=embedding)))
        torch.testing.assert_close(results[-1], results[-2], atol=1e-5, rtol=0)
    assert float((results[-1] - results[0]).abs().max()) > 1e-3


@pytest.mark.slow
def test_openvino_runs_it_by_torch_and_says_so(distilled, monkeypatch):
    monkeypatch.setattr(openvino, "installed", lambda: "1")
    engine = openvino.OpenVINOEngine.open(distilled, "float32")
    monkeypatch.setattr(engine, "_run", lambda *_: pytest.fail("converted"))
    monkeypatch.setattr("sdedge.machine.findings.openvino_version", lambda: "1")
    monkeypatch.setattr("sdedge.engines.openvino.timing.prefers_openvino", lambda width: True)
    assert type(load_engine("auto")(str(distilled), None)) is TorchEngine
    request = Request("x", model=str(distilled), sampler="lcm", steps=1, seed=1, guidance=3.0)
    drawn, by_torch = (_drawn(Pipeline(load), request) for load in (lambda model, vae: engine, load_engine("cpu")))
    assert np.array_equal(drawn, by_torch) and any("runs by torch" in line for line in engine.facts.report)


def test_an_engine_that_cannot_tell_it_and_a_conversion_are_refused(distilled):
    from converters.source import open_source

    with pytest.raises(ModelError, match="guidance scale"):
        open_source(str(distilled))
    engine = SimpleNamespace(facts=TorchEngine.load(distilled, "cpu").facts, description="another", can=frozenset())
    with pytest.raises(InvalidRequest, match="another cannot tell the guidance scale"):
        refuse_unsupported(engine, Resolved("x"))


def test_a_single_file_s_configuration_knows_it(distilled):
    assert infer_unet(open_checkpoint(distilled).unet)["time_cond_proj_dim"] == 256
