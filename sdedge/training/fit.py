"""One training loop for every stage: resumable, seeded by step, with an exponential moving average."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sdedge.training.halves import Loss

SAVE_EVERY = 120.0  # seconds


@dataclass(frozen=True)
class TrainingProgress:
    """Step `step` of `steps` in `stage` is done; `exported` says that the model folder was just written anew."""

    stage: str
    step: int
    steps: int
    loss: float
    exported: bool = False


@dataclass(frozen=True)
class Optimisation:
    """AdamW with linear warm-up, a flat part, and a cosine down to `floor * lr` after `flat` of the steps."""

    steps: int
    lr: float = 1e-3
    warmup: int = 150
    flat: float = 0.15
    floor: float = 0.02
    ema: float = 0.999
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-2

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        done = max(0.0, step / self.steps - self.flat) / max(1 - self.flat, 1 / self.steps)
        cosine = self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return self.lr * min(1.0, (step + 1) / self.warmup) * cosine


def hash_of(name: str) -> int:
    """A number for a stage name that is the same in every process."""
    return int.from_bytes(name.encode(), "big") % 2**32


def fit(
    stage: str,
    model: nn.Module,
    loss_at: Callable[[int], Loss],
    optimisation: Optimisation,
    folder: Path,
) -> Iterator[TrainingProgress]:
    """Train the parameters of `model` that require gradients; on the last step they become their moving average.

    `loss_at(step)` must depend on the step and the weights alone, so that a resumed run equals an unbroken one.
    The state goes to `folder/<stage>.pt` every two minutes, when the generator is closed, and at the end; a finished stage
    is only loaded.
    """
    file = folder / f"{stage}.pt"
    trained: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=optimisation.lr, betas=optimisation.betas, weight_decay=optimisation.weight_decay, fused=True
    )
    average: list[Tensor] = [p.detach().clone() for p in trained]
    start = _resume(file, model, optimizer, average)
    saved = time.monotonic()
    for step in range(start, optimisation.steps):
        for group in optimizer.param_groups:
            group["lr"] = optimisation.rate(step)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_at(step)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, trained, 1 - min(optimisation.ema, (step + 1) / (step + 10)))
        try:
            yield TrainingProgress(stage, step + 1, optimisation.steps, float(loss.detach()))
        except GeneratorExit:
            _save(file, model, optimizer, average, step + 1)
            raise
        if time.monotonic() - saved > SAVE_EVERY:
            _save(file, model, optimizer, average, step + 1)
            saved = time.monotonic()
    _save(file, model, optimizer, average, optimisation.steps)
    with torch.no_grad():
        for parameter, mean in zip(trained, average, strict=True):
            parameter.copy_(mean)


def _resume(file: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: list[Tensor]) -> int:
    if not file.exists():
        return 0
    state = torch.load(file, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    with torch.no_grad():
        for mean, saved in zip(average, state["average"], strict=True):
            mean.copy_(saved)
    return state["step"]


def load_average(file: Path, model: nn.Module) -> int:
    """Give a model the moving average of a stage's state so far; returns the stage's step."""
    state = torch.load(file, weights_only=True)
    model.load_state_dict(state["model"])
    trained = [p for p in model.parameters() if p.requires_grad]
    with torch.no_grad():
        for parameter, mean in zip(trained, state["average"], strict=True):
            parameter.copy_(mean)
    step: int = state["step"]
    return step


def _save(file: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: list[Tensor], step: int) -> None:
    temporary = file.with_suffix(".part")
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": [mean.detach() for mean in average],
    }
    torch.save(state, temporary)
    os.replace(temporary, file)
