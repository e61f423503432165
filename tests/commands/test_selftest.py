"""The self-test draws what diffusers draws under the published test's settings; its verdicts follow the values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionPipeline

from sdedge.commands import selftest
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> TorchEngine:
    return TorchEngine.load(tiny_model, "cpu", "float32")


@pytest.mark.parametrize(("sampler", "scheduler"), [("plms", PNDMScheduler), ("ddim", DDIMScheduler)])
def test_same_picture_as_the_published_test_draws(
    engine: TorchEngine, tiny_model: Path, sampler: str, scheduler: type
) -> None:
    side = 128
    referee = StableDiffusionPipeline.from_pretrained(tiny_model, torch_dtype=torch.float32, safety_checker=None)
    referee.set_progress_bar_config(disable=True)
    referee.scheduler = scheduler.from_config(referee.scheduler.config, clip_sample=False)
    latents = np.random.RandomState(0).standard_normal((1, 4, side // 8, side // 8)).astype(np.float32)
    image = referee(
        selftest.PROMPT, num_inference_steps=3, guidance_scale=7.5, latents=torch.from_numpy(latents), output_type="np",
        width=side, height=side,
    ).images  # fmt: skip
    ours = selftest.last_values(engine, sampler, side)
    assert np.abs(np.array(ours) - image[0, -3:, -3:, -1].flatten()).max() < 1e-4


def test_verdicts(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    right = selftest.GOLDEN[1].values
    monkeypatch.setattr(selftest, "last_values", lambda *_: [value + 0.002 for value in right])
    plms, ddim = selftest.run(engine, "v1-4")
    assert plms.passed and not ddim.passed and plms.difference == pytest.approx(0.002)
    with pytest.raises(ModelError, match="published for v1-1, v1-4"):
        list(selftest.run(engine, "v1-5"))
