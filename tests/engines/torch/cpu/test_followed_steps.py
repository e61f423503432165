"""The number of threads follows the machine while steps give the same bits, and not where they would not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sdedge.engines.torch.cpu import followed_steps
from sdedge.engines.torch.cpu.followed_steps import SETTING, FollowedSteps
from sdedge.engines.torch.engine import TorchEngine
from sdedge.machine.quiet import ProcessorTimes
from sdedge.models.unet_inputs import UNetInputs


class Machine:
    """Two cores with a neighbour on one of them: torch's number of threads, a clock, and what the system counts."""

    def __init__(self) -> None:
        self.threads, self.now, self.used = 2, 0.0, []

    def step(self, result: Tensor) -> Tensor:
        self.used.append(self.threads)
        self.now += 2.9 if self.threads == 2 else 2.2
        return result

    def times(self) -> ProcessorTimes:
        return ProcessorTimes(2 * self.now, 2 * self.now, self.now, 2)


@pytest.fixture
def machine(monkeypatch) -> Machine:
    machine = Machine()
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(torch, "get_num_threads", lambda: machine.threads)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: setattr(machine, "threads", count))
    monkeypatch.setattr(followed_steps, "processor_times", machine.times)
    monkeypatch.setattr(followed_steps.time, "perf_counter", lambda: machine.now)
    return machine


def test_equal_bits_are_proven_once_and_then_followed(machine):
    steps = FollowedSteps()
    for _ in range(6):
        steps.run("a", lambda: machine.step(torch.ones(3)))
        assert machine.threads == 2  # what is not a step has the usual ones
    assert machine.used == [2, 2, 1, 2, 1, 1, 1] and steps.seconds == pytest.approx(2.2)
    machine.used.clear()
    steps.run("b", lambda: machine.step(torch.ones(3)))
    assert machine.used == [2]  # another kind starts anew


def test_other_bits_are_never_used(machine):
    """A sum that is split by threads."""
    steps = FollowedSteps()
    results = [steps.run("a", lambda: machine.step(torch.tensor(1 + 1e-7 * machine.threads))) for _ in range(30)]
    assert machine.used.count(1) == 1 and len({float(result) for result in results}) == 1


@pytest.mark.parametrize(("name", "value"), [(SETTING, "0"), ("OMP_NUM_THREADS", "2")])
def test_whoever_said_how_many_threads_is_obeyed(machine, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    steps = FollowedSteps()
    for _ in range(20):
        steps.run("a", lambda: machine.step(torch.ones(3)))
    assert set(machine.used) == {2} and steps.seconds == pytest.approx(2.9)


def test_an_error_of_a_step_leaves_the_usual_threads(machine):
    steps = FollowedSteps()
    for _ in range(4):
        steps.run("a", lambda: machine.step(torch.ones(3)))
    with pytest.raises(RuntimeError):
        steps.run("a", lambda: torch.ones(3) @ torch.ones(4))
    assert machine.threads == 2


@pytest.mark.slow
def test_an_engine_s_steps_are_followed_and_equal_to_the_last_bit(tiny_model, monkeypatch):
    """Of a real engine, beside a neighbour that is always there: a trial comes after two steps, and its proof before it."""
    used = []
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(followed_steps, "FROM", 0.0)
    crowd = iter(range(1000))
    monkeypatch.setattr(followed_steps, "processor_times", lambda: ProcessorTimes(*[float(next(crowd))] * 2, 0.0, 2))
    set_threads, before = torch.set_num_threads, torch.get_num_threads()
    try:
        set_threads(2)
        engine = TorchEngine.load(tiny_model, "cpu")
        engine.network("unet")
        monkeypatch.setattr(torch, "set_num_threads", lambda count: (used.append(count), set_threads(count)))
        width = engine.unet_source()[0].cross_attention_dim
        inputs = UNetInputs(torch.randn(2, 4, 8, 8), torch.tensor([500.0]), torch.randn(2, 77, width))
        results = [engine.predict(inputs) for _ in range(4)]
    finally:
        set_threads(before)
    assert used[:2] == [1, 2] and all(torch.equal(result, results[0]) for result in results)
