"""Calls of a UNet on a CPU: on as many threads as the machine gives, and timed."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from sdedge.engines.torch.cpu.followed_steps import FollowedSteps
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.machine.step_times import StepTime
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs


class FollowedCalls(UNetCalls):
    """UNetCalls of a CPU, whose calls return when they are done."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.followed = FollowedSteps()

    def full(self, unet: UNet, dtype: torch.dtype, inputs: UNetInputs) -> Tensor:
        """Returns what UNetCalls does, and keeps how long it took as `latest`."""
        call = partial(super().full, unet, dtype, inputs)
        if inputs.merge_ratio:  # such a step is no measure of others
            return call()
        rows, _, height, width = inputs.x.shape
        edits = len(inputs.pictures), len(inputs.regions), bool(inputs.identity_rows), bool(inputs.freeu)
        how = edits, self.in_parts, unet.conv_in.padding_mode  # tiles take other kernels
        kind = type(unet), dtype, inputs.x.shape, inputs.context.shape, inputs.skips is None, how
        output = self.followed.run(kind, call)
        self.latest = StepTime(rows, height, width, self.followed.seconds)
        return output
