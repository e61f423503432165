"""Feature reuse along the sigmas of one run: which calls of the network are whole, and what the others run on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
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


def reused(predict_partly: PredictPartly, timesteps: Sequence[float], every: int) -> Predict:
    """Returns a `predict` that runs the network whole once in `every` steps, and its outer layers at all other calls.

    It serves one batch from its first step to its last, so what it caches is of these pictures and goes with them,
    cancelled or finished. A step's block is found from its timestep, not by counting calls: samplers that ask twice a
    step, between sigmas or back up the sigmas keep features of the right noise. Another context (a scheduled prompt,
    guidance that begins or ends) starts anew.
    """
    rising = sorted(-t for t in timesteps)
    cached: Cached | None = None

    def predict(inputs: UNetInputs) -> Tensor:
        nonlocal cached
        # The group of `every` steps that the timestep falls in; a step holds down to the next one's.
        block = (bisect_right(rising, -float(inputs.t[0]) * (1 - 1e-6)) - 1) // every
        if cached is not None and cached.block == block and cached.context is inputs.context:
            return predict_partly(inputs, cached.features)[0]
        out, features = predict_partly(inputs)
        cached = Cached(block, inputs.context, features)
        return out

    return predict
