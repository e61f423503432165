"""The training loop: a run that was cut off goes on as if it had not been."""

from __future__ import annotations

import pytest
import torch

from sdedge.training.fit import Optimisation, fit


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_equals_an_unbroken_one(tmp_path, stop, monkeypatch):
    def result(folder, interruptions):
        folder.mkdir(exist_ok=True)
        model = torch.nn.Linear(3, 1)
        torch.nn.init.constant_(model.weight, 0.5)
        torch.nn.init.zeros_(model.bias)

        def loss_at(step):
            x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            return (model(x) - x.sum(1, keepdim=True)).square().mean()

        run = fit("toy", model, loss_at, Optimisation(steps=6, warmup=1), folder)
        for progress in run:
            if interruptions and progress.step == stop + 1:
                run.close()
        return model.weight.detach()

    monkeypatch.setattr("sdedge.training.fit.SAVE_EVERY", 0.0)
    unbroken = result(tmp_path / "whole", False)
    result(tmp_path / "broken", True)
    assert torch.equal(result(tmp_path / "broken", False), unbroken)
