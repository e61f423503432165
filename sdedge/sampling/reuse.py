"""Feature reuse along the sigmas of one run: which calls of the network are whole, and what the others run on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from sdedge.models.unet_inputs import Predict, UNetInputs


class PredictPartly(Protocol):
    """A network that can run in part: without features all of it, with them its outer layers only.

    It returns the model output (N, 4, h, w), and the features for later calls.
    """

    def __call__(self, inputs: UNetInputs, features: Tensor | None = None) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True, eq=False)
class Cached:
    """Features of one whole call, for the steps of one block that read the same context."""

    block: int
    context: Tensor
    features: Tensor


def step_finder(timesteps: Sequence[float]) -> Callable[[float], int]:
    """Returns a function from a timestep to the number of the step that it falls in; a step holds down to the next one's.

    Found from the timestep, not by counting calls: samplers ask twice a step, between sigmas and back up the sigmas.
    """
    rising = sorted(-t for t in timesteps)
    return lambda t: bisect_right(rising, -t * (1 - 1e-6)) - 1


def reused(predict_partly: PredictPartly, timesteps: Sequence[float], every: int) -> Predict:
    """Returns a `predict` that runs the network whole once in `every` steps, and its outer layers at all other calls.

    It serves one batch from its first step to its last, so what it caches is of these pictures and goes with them,
    cancelled or finished. A step's block is found from its timestep, so that samplers that ask between sigmas keep features
    of the right noise. Another context (a scheduled prompt, guidance that begins or ends) starts anew.
    """
    step = step_finder(timesteps)
    cached: Cached | None = None

    def predict(inputs: UNetInputs) -> Tensor:
        nonlocal cached
        block = step(float(inputs.t[0])) // every  # the group of `every` steps that the timestep falls in
        if cached is not None and cached.block == block and cached.context is inputs.context:
            return predict_partly(inputs, cached.features)[0]
        out, features = predict_partly(inputs)
        cached = Cached(block, inputs.context, features)
        return out

    return predict
