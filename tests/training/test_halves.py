"""Two halves of a loss, by a thread each: the gradients of the whole, whatever the number of threads."""

from __future__ import annotations

import pytest
import torch

from sdedge.training.halves import Halves

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(8, 48, generator=GENERATOR)


def model_of_64() -> torch.nn.Sequential:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(48, 64), torch.nn.SiLU(), torch.nn.Linear(64, 48))


def gradients(threads: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The loss and the gradients where torch works with so many threads."""
    model, before = model_of_64(), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        loss = Halves(lambda number: (model(X[number::2]) - X[number::2]).square().mean(1).sum() / len(X))
        loss.backward()
        assert torch.get_num_threads() == threads  # that of the two threads is their own
    finally:
        torch.set_num_threads(before)
    return loss.detach(), [parameter.grad for parameter in model.parameters()]


def test_halves_have_the_gradients_of_the_whole():
    model = model_of_64()
    whole = (model(X) - X).square().mean()
    whole.backward()
    loss, found = gradients(2)
    assert loss.item() == pytest.approx(whole.item(), rel=1e-6)
    for gradient, parameter in zip(found, model.parameters(), strict=True):
        assert (gradient - parameter.grad).norm() < 1e-6 * parameter.grad.norm()


def test_halves_come_out_the_same_with_any_number_of_threads():
    runs = [gradients(threads) for threads in (1, 2, 1, 2)]
    for loss, found in runs[1:]:
        assert torch.equal(loss, runs[0][0])
        assert all(torch.equal(a, b) for a, b in zip(found, runs[0][1], strict=True))


def test_a_fault_in_a_half_is_the_steps():
    def half(number: int) -> torch.Tensor:
        if number:
            raise ZeroDivisionError
        return torch.ones((), requires_grad=True).square()

    with pytest.raises(ZeroDivisionError):
        Halves(half).backward()
