"""The planner's arithmetic, and what the engine makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdedge import machine
from sdedge.backends import memory
from sdedge.backends import torch as backend
from sdedge.backends.memory import MARGIN, MODES, Job, Sizes, plan, predict, smaller
from sdedge.backends.torch import TorchEngine
from sdedge.engines import load_engine
from sdedge.errors import InvalidRequest
from sdedge.weights.architecture import TINY_VAE
from sdedge.weights.checkpoint import open_checkpoint

GB = 10**9
JOBS = st.builds(
    Job,
    width=st.integers(8, 256).map(lambda n: 8 * n),
    height=st.integers(8, 256).map(lambda n: 8 * n),
    batch=st.integers(1, 8),
    itemsize=st.sampled_from((2, 4)),
    device=st.sampled_from(("cpu", "cuda", "mps")),
)


@given(JOBS, st.integers(0, 64 * GB), st.sampled_from((0, 304_000_000)))
def test_the_plan_is_the_first_mode_that_fits_or_names_what_would(job, free, checker):
    sizes = Sizes(safety_checker=checker)
    made = plan(job, free, sizes)
    peaks = {mode: predict(mode, job, sizes) for mode in MODES}
    if made.peak <= MARGIN * free:
        earlier = MODES[: MODES.index(made.mode)]
        assert all(peaks[mode] > MARGIN * free for mode in earlier)
    else:
        assert made.peak == min(peaks.values())
    if not made.fits and made.nearest is not None:
        assert plan(made.nearest, free, sizes).fits
        assert made.nearest.width * made.nearest.height <= job.width * job.height
        assert made.nearest.width % 64 == 0 or made.nearest.width == job.width


@given(JOBS)
def test_smaller_modes_take_no_more_and_memory_is_linear_in_pixels(job):
    peaks = [predict(mode, job) for mode in MODES]
    assert peaks == sorted(peaks, reverse=True)
    for mode in MODES:
        sides = (10_000 * job.width * n for n in (1, 2, 3))  # so large that nothing else counts
        grown = [predict(mode, Job(side, job.height, job.batch, job.itemsize, job.device)) for side in sides]
        assert abs((grown[2] - grown[1]) - (grown[1] - grown[0])) <= 4


def test_v1_on_the_machines_people_have():
    half = Job(512, 512, itemsize=2)
    assert plan(half, 16 * GB).mode == "fast"
    assert plan(half, GB).mode == "stream"
    hopeless = plan(half, GB // 5)
    assert not hopeless.fits and hopeless.nearest is None
    large = plan(Job(4096, 4096, itemsize=2), GB)
    assert not large.fits and large.nearest is not None and large.nearest.width >= 512
    assert [smaller(mode) for mode in MODES] == ["low", "lowest", "stream", None]


def test_a_container_s_limit_counts_and_its_idle_file_pages_are_free(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 250\n")
    assert machine._container_memory(tmp_path) == (350, 1000)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine._container_memory(tmp_path) == (machine.PLENTY, machine.PLENTY)
    assert 0 < machine.available_memory()[0] <= machine.available_memory()[1]


def test_an_unknown_mode_is_refused():
    with pytest.raises(InvalidRequest, match="choose one of auto, fast, low, lowest, stream"):
        load_engine("cpu", memory="tiny")


@pytest.fixture(params=MODES)
def engine(request, tiny_model: Path) -> TorchEngine:
    return TorchEngine.load(tiny_model, "cpu", "float32", memory=request.param)


def test_stages_stay_only_as_the_mode_says(engine, monkeypatch):
    x, context = torch.randn(2, 4, 8, 8), engine.encode_text(torch.zeros(2, 77, dtype=torch.long))
    engine.predict(x, torch.full((2,), 500.0), context)
    fast = engine._mode == "fast"
    assert set(engine._networks) == ({"text_encoder", "unet"} if fast else {"unet"})
    monkeypatch.setattr(memory, "SMALL", 0)  # as for an encoder of full size
    engine.decode(x[:1])
    assert set(engine._networks) == ({"unet", "vae"} if fast else {"vae"})
    assert engine.use_less_memory() == smaller(engine._mode) or not engine._networks


@torch.inference_mode()
def test_every_mode_gives_the_same_values(engine, tiny_model):
    reference = TorchEngine.load(tiny_model, "cpu", "float32")
    g = torch.Generator().manual_seed(0)
    x, context = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 77, engine.facts.context_width, generator=g)
    for t in (900.0, 500.0):  # twice: the second pass is read ahead
        given = x, torch.full((2,), t), context
        torch.testing.assert_close(engine.predict(*given), reference.predict(*given), atol=1e-5, rtol=0)
    whole = reference.network("vae").decode(x / engine.facts.scaling_factor)
    torch.testing.assert_close(engine.decode(x), whole, atol=1e-4, rtol=0)
    image, noise = torch.randn(1, 3, 64, 64, generator=g), torch.zeros(1, 4, 8, 8)
    torch.testing.assert_close(engine.encode(image, noise), reference.encode(image, noise), atol=1e-4, rtol=0)
    torch.testing.assert_close(engine.decode(x), whole, atol=1e-4, rtol=0)  # where only half of the VAE is held, again


def test_auto_follows_the_free_memory(tiny_model, monkeypatch):
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    engine.network("unet")
    job = Job(512, 512)
    for mode in ("fast", "lowest", "low", "fast"):
        # What the process and its networks hold is there for the picture too.
        needed = predict(mode, job, backend.read_sizes(engine.checkpoint)) / MARGIN
        free = int(needed) + 1 - engine._free_bytes() + machine.available_memory()[0]
        monkeypatch.setattr(backend, "available_memory", lambda free=free: (free, free))
        made = engine.choose_memory(512, 512, 1)
        monkeypatch.undo()
        assert made.fits and made.mode == mode and engine._mode == mode
        engine.network("vae")


def test_a_tiny_vae_is_planned_with_too(tiny_model):
    checkpoint = open_checkpoint(tiny_model)
    configs = {**checkpoint.configs, "vae": {"_class_name": TINY_VAE}}
    assert backend.read_sizes(replace(checkpoint, configs=configs)).vae_width == 64
    assert backend.read_sizes(checkpoint).unet_width == 8
