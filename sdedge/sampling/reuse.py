"""Feature reuse along the levels of one run: which calls of the network are whole, and what they leave behind."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from sdedge.models.unet_inputs import UNetInputs


class PartialNetwork(Protocol):
    """A noise predictor that can run in part: without features everything, with them its outer layers only.

    It returns the output (N, 4, h, w), and the features to keep.
    """

    def __call__(self, inputs: UNetInputs, features: Tensor | None = None) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True, eq=False)
class Kept:
    """Features of one whole call, for the steps of one block that read the same context."""

    block: int
    context: Tensor
    features: Tensor


class Reuse:
    """`predict` that runs the network whole once in `every` steps, and its outer layers at all other calls.

    One object serves one batch from its first step to its last, so what it keeps is of these pictures and goes with
    them, cancelled or finished. A step's block is found from its timestep, not by counting calls: samplers that ask
    twice a step, between levels or back up the levels keep features of the right noise. Another context (a scheduled
    prompt, guidance that begins or ends) starts anew.
    """

    def __init__(self, network: PartialNetwork, timesteps: Sequence[float], every: int) -> None:
        self._network = network
        self._rising = sorted(-t for t in timesteps)
        self._every = every
        self._kept: Kept | None = None

    def __call__(self, inputs: UNetInputs) -> Tensor:
        block = self._block(float(inputs.t[0]))
        kept = self._kept
        if kept is not None and kept.block == block and kept.context is inputs.context:
            return self._network(inputs, kept.features)[0]
        out, features = self._network(inputs)
        self._kept = Kept(block, inputs.context, features)
        return out

    def _block(self, t: float) -> int:
        """Number of the group of `every` steps that timestep t falls in; a step holds down to the next level."""
        step = bisect_right(self._rising, -t * (1 - 1e-6)) - 1
        return step // self._every
