"""Recorded calls, on a tape that stands in for a CUDA graph: it takes down every operator and runs them again."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sdedge.engines.torch import cuda_graphs
from sdedge.engines.torch.cuda_graphs import Recorder
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NetworkForm
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import TokenMerging, UNetInputs
from sdedge.request import Request
from tests.conftest import cases

CONFIG = UNetConfig(block_out_channels=(32, 64), cross_attention_dim=16, attention_head_dim=4, layers_per_block=1)
READS = ("_local_scalar_dense", "nonzero", "masked_select", "unique")
"""Operators whose results a program has to wait for, which a graph cannot."""


class Tape(TorchDispatchMode):
    """Operators with their arguments and results, to be run again on the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[tuple] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._schema.name.split("::")[-1] in READS:
            raise RuntimeError(f"{func} is not permitted while recording")
        result = func(*args, **(kwargs or {}))
        self.operators.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for func, args, kwargs, result in self.operators:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def record(run):
    with Tape() as tape:
        results = run()
    return results, tape.replay


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However busy the machine: no call here counts as too long to be worth a recording."""
    monkeypatch.setattr(cuda_graphs, "LONG", float("inf"))


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(CONFIG).eval()


def inputs(seed: int, batch: int = 2, side: int = 8, ratio: float = 0.0) -> UNetInputs:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, 4, side, side, generator=generator)
    t, context = torch.full((batch,), float(seed)), torch.randn(batch, 77, 16, generator=generator)
    return UNetInputs(x, t, context, edits=(TokenMerging(ratio),) if ratio else ())


def recorded() -> UNetCalls:
    calls = UNetCalls(torch.device("cpu"))
    calls.recorder = Recorder(record)
    return calls


def kinds(recorder: Recorder) -> list[str]:
    return [type(known).__name__ for known in recorder.known.values()]


@pytest.mark.parametrize("ratio", [0.0, 0.5])
@torch.inference_mode()
def test_replays_are_the_calls_bit_for_bit(unet, ratio):
    plain, calls = UNetCalls(torch.device("cpu")), recorded()
    for seed in range(5):
        first, later = inputs(seed, ratio=ratio), inputs(seed + 10, ratio=ratio)
        assert torch.equal(calls.full(unet, torch.float32, first), plain.full(unet, torch.float32, first))
        eps, features = plain.partly(unet, torch.float32, first, None)
        made = calls.partly(unet, torch.float32, first, None)
        assert torch.equal(made[0], eps) and torch.equal(made[1], features)
        outer = plain.partly(unet, torch.float32, later, features)[0]
        assert torch.equal(calls.partly(unet, torch.float32, later, features)[0], outer)
    assert kinds(calls.recorder) == ["Recording"] * 3


@torch.inference_mode()
def test_results_of_one_replay_outlive_the_next(unet):
    calls = recorded()
    results = [calls.full(unet, torch.float32, inputs(seed)) for seed in range(4)]
    assert all(
        torch.equal(result, calls.full(unet, torch.float32, inputs(seed))) for seed, result in enumerate(results)
    )


@torch.inference_mode()
def test_another_shape_is_another_recording_and_only_some_are_kept(unet):
    plain, calls = UNetCalls(torch.device("cpu")), recorded()
    for side, batch, seed in itertools.product((4, 8, 12), (1, 2), (1, 2, 3)):
        recorded_inputs = inputs(seed, batch, side)
        assert torch.equal(
            calls.full(unet, torch.float32, recorded_inputs), plain.full(unet, torch.float32, recorded_inputs)
        )
    assert kinds(calls.recorder) == ["Recording"] * cuda_graphs.MOST


@pytest.mark.parametrize("fault", ["fails", "lies", "is not finite"])
def test_a_recording_that_fails_or_lies_is_not_used(fault):
    def faulty(run):
        if fault == "fails":
            raise RuntimeError("operation not permitted when stream is capturing")
        results = run()
        wrong = 1.5 if fault == "lies" else float("nan")
        return results, lambda: results[0].mul_(wrong)

    recorder = Recorder(faulty)
    for value in (1.0, 2.0, 3.0, 4.0):
        x = torch.full((3,), value)
        assert torch.equal(recorder.run("double", lambda x: (x * 2,), x)[0], x * 2)
    assert kinds(recorder) == ["function"]


def test_what_waits_for_a_number_is_called_as_it_is():
    recorder = Recorder(record)
    for value in (1.0, 2.0, 3.0):
        x = torch.full((3,), value)
        assert torch.equal(recorder.run("read", lambda x: (x * float(x.sum()),), x)[0], x * x.sum())


def test_long_calls_are_left_alone(monkeypatch):
    monkeypatch.setattr(cuda_graphs, "LONG", -1.0)
    recorder = Recorder(lambda run: pytest.fail("recorded"))
    for _ in range(3):
        recorder.run("double", lambda x: (x * 2,), torch.ones(3))


def test_a_picture_is_the_same_with_recordings_and_a_changed_network_is_recorded_anew(tiny_model, monkeypatch):
    monkeypatch.setattr(NetworkForm, "is_fused", False)  # as on CUDA
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    pipeline = Pipeline(lambda model, vae: engine)
    request = Request("a red house", model=str(tiny_model), steps=5, seed=3, width=64, height=64)

    def draw(**changes) -> Tensor:
        drawn = (event for event in pipeline.images(request.replace(**changes)) if isinstance(event, Picture))
        return torch.from_numpy(next(drawn).pixels)

    ways = [{}, {"tiling": True}, {"speed": "fast"}, {}]
    expected = [draw(**way) for way in ways]
    engine.calls.recorder = Recorder(record)
    for way, picture in zip(ways, expected, strict=True):
        assert torch.equal(draw(**way), picture), way
    assert "Recording" in kinds(engine.calls.recorder)


@pytest.mark.parametrize("ratio", cases([0.0, 0.5], quick=[0.5]))
@torch.inference_mode()
def test_nothing_of_a_call_touches_the_host(ratio):
    """On the meta device, as one that is not the CPU: a graph holds no copy from or to it and waits for no number."""
    other_calls: list[str] = []

    class OnDevice(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            places = {x.device.type for x in tree_leaves((args, kwargs, result)) if isinstance(x, Tensor)}
            if func._schema.name.split("::")[-1] in READS or places - {"meta"}:
                other_calls.append(f"{func} {places}")
            return result

    calls = UNetCalls(torch.device("meta"))
    with torch.device("meta"):
        unet, tensors = UNet(CONFIG), (torch.empty(2, 4, 8, 8), torch.empty(2), torch.empty(2, 77, 16))
    call_inputs = UNetInputs(*tensors, edits=(TokenMerging(ratio),) if ratio else ())
    _, features = calls.partly(
        unet, torch.float32, call_inputs, None
    )  # places of tokens are moved once, before a recording
    with OnDevice():
        calls.full(unet, torch.float32, call_inputs)
        calls.partly(unet, torch.float32, call_inputs, None)
        calls.partly(unet, torch.float32, call_inputs, features)
    assert other_calls == []


@pytest.mark.slow
@torch.inference_mode()
def test_a_compiled_network_is_one_graph_and_gives_the_same(unet):
    """What SDEDGE_COMPILE=1 hands to torch.compile holds nothing that it has to leave to Python."""
    torch._dynamo.reset()
    compiled = UNet(CONFIG).eval()
    compiled.load_state_dict(unet.state_dict())
    compiled.compile(backend="eager", fullgraph=True, dynamic=False)
    calls = UNetCalls(torch.device("cpu"))
    for seed in range(2):
        call_inputs = inputs(seed)
        assert torch.equal(
            calls.full(compiled, torch.float32, call_inputs),
            calls.full(unet, torch.float32, call_inputs),
        )


def test_only_a_cuda_device_with_memory_to_spare_records():
    calls = UNetCalls(torch.device("cuda"))
    calls.keep_recordings(True)
    assert calls.recorder is not None
    calls.keep_recordings(False)
    assert calls.recorder is None
    on_cpu = UNetCalls(torch.device("cpu"))
    on_cpu.keep_recordings(True)
    assert on_cpu.recorder is None
