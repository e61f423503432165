"""Memory that runs out: told before the work where that is known, and met by a smaller mode in the middle of it."""

from __future__ import annotations

import pytest
import torch

from sdedge.engines.open import load_engine
from sdedge.engines.torch import residency
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import OutOfMemory, SdedgeError
from sdedge.events import ImageDone, Loading, Notice
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.images.output import Output
from sdedge.process.worker import describe_failure
from sdedge.request import Request

NO_ROOM = (
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
)


@pytest.fixture
def request_(tiny_model) -> Request:
    return Request("a red house", model=str(tiny_model), steps=3, seed=4)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu", "float32", memory="fast"))


def _fail(monkeypatch, method: str, calls: set[int], error: Exception) -> None:
    """Let the given calls of a method of the engine, counted from 1, raise."""
    plain, count = getattr(TorchEngine, method), [0]

    def failing(engine: TorchEngine, *inputs: torch.Tensor) -> torch.Tensor:
        count[0] += 1
        if count[0] in calls:
            raise error
        return plain(engine, *inputs)

    monkeypatch.setattr(TorchEngine, method, failing)


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("predict", RuntimeError(NO_ROOM)),
        pytest.param("predict", torch.OutOfMemoryError("CUDA out of memory."), marks=pytest.mark.slow),
        ("decode", MemoryError()),
    ],
)
def test_an_allocation_that_fails_is_met_by_the_next_mode_and_the_picture_is_the_same(
    pipeline, request_, monkeypatch, method, error
):
    expected = next(e for e in pipeline.images(request_) if isinstance(e, Picture))
    _fail(monkeypatch, method, {2 if method == "predict" else 1}, error)
    events = list(pipeline.images(request_))
    drawn = next(e for e in events if isinstance(e, Picture))
    assert abs(drawn.pixels.astype(int) - expected.pixels).max() <= 1
    assert Notice("The memory ran out; drawing again in the mode low.") in events


def test_a_second_failure_is_told_and_finished_pictures_stay(pipeline, request_, monkeypatch, tmp_path):
    _fail(monkeypatch, "decode", {2, 3}, RuntimeError(NO_ROOM))
    done = []
    with pytest.raises(OutOfMemory, match="Pictures that were finished are kept") as failure:
        for event in pipeline.generate(request_, Output(tmp_path), count=3):
            done += [event] if isinstance(event, ImageDone) else []
    assert [event.index for event in done] == [0] and len(list(tmp_path.iterdir())) == 1
    assert describe_failure(failure.value).kind == "memory"


def test_the_smallest_mode_has_nothing_to_fall_back_on(request_, monkeypatch):
    _fail(monkeypatch, "predict", {1}, MemoryError())
    with pytest.raises(OutOfMemory, match="ran out while drawing"):
        list(Pipeline(load_engine("cpu", "float32", memory="stream")).images(request_))


def test_a_device_that_disappears_is_told(pipeline, request_, monkeypatch):
    _fail(
        monkeypatch, "predict", {2}, RuntimeError("CUDA error: unspecified launch failure\nCompile with TORCH_USE_...")
    )
    with pytest.raises(SdedgeError, match="The device cpu stopped answering"):
        list(pipeline.images(request_))


def test_other_errors_stay_what_they_are(pipeline, request_, monkeypatch):
    _fail(monkeypatch, "predict", {1}, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        list(pipeline.images(request_))


def test_too_little_memory_says_how_much_is_needed_and_free_and_what_would_fit(request_, monkeypatch):
    free = 200_000_000
    monkeypatch.setattr(residency, "available_memory", lambda: (free, free))
    pipeline = Pipeline(load_engine("cpu", "float32"))
    large = request_.replace(width=4096, height=4096)
    with pytest.raises(OutOfMemory, match=r"needs about \d+\.\d GB and 0\.\d GB is free; .* or draw \d+x\d+"):
        list(pipeline.images(large))


def test_the_mode_is_told(request_, monkeypatch):
    events = list(Pipeline(load_engine("cpu", "float32", memory="lowest")).images(request_))
    assert Loading("memory: lowest") in events
    assert any(isinstance(e, Notice) and e.message.startswith("Memory mode lowest (about") for e in events)
