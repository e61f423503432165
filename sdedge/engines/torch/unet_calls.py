"""How an engine calls its UNet: in whole or in part, on merged tokens, and on CUDA by recordings."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from sdedge.engines.torch.cuda_graphs import Call, Recorder, record_cuda
from sdedge.models import reuse
from sdedge.models.token_merging import merging
from sdedge.models.unet import UNet


class UNetCalls:
    """Calls of a UNet on one device. `merge_ratio` of the tokens at the highest resolution is left out; 0 leaves out none.

    `guidance` is the scale that a network which embeds it is told; None tells it none.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.merge_ratio = 0.0
        self.guidance: float | None = None
        self._scale = torch.zeros(0)
        self.recorder: Recorder | None = None
        self._contexts = WeakTensorKeyDictionary()

    def whole(self, unet: UNet, dtype: torch.dtype, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """The network's output in float32, computed in `dtype`."""
        with self._merging(unet, x):
            given = self._given(dtype, x, t, context)
            return self._run("whole", lambda *given: (unet(*given),), *given, *self._told())[0].float()

    def partly(
        self, unet: UNet, dtype: torch.dtype, x: Tensor, t: Tensor, context: Tensor, features: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The same and the deep features, or by the outer layers alone on those of another step."""
        given = self._given(dtype, x, t, context)
        with self._merging(unet, x):
            if features is None:
                eps, features = self._run("features", partial(_whole, unet), *given, *self._told())
            else:
                features = features.to(dtype)  # which is wider after an overflow
                (eps,) = self._run("outer", partial(_outer, unet), *given, features, *self._told())
        return eps.float(), features

    def keep_recordings(self, on: bool) -> None:
        """Whether there is memory for them, on devices that have any."""
        self.recorder = Recorder(partial(record_cuda, self.device)) if on and self.device.type == "cuda" else None

    def forget(self) -> None:
        """The UNet is another one from now on, or its weights are."""
        if self.recorder is not None:
            self.recorder.forget()

    def _run(self, name: str, call: Call, *inputs: Tensor) -> tuple[Tensor, ...]:
        if self.recorder is None:
            return call(*inputs)
        return self.recorder.run(f"{name} {self.merge_ratio}", call, *inputs)

    def _merging(self, unet: UNet, x: Tensor) -> AbstractContextManager[None]:
        """Within: the UNet merges tokens for latents like x, if it is to; exact pictures never come near it."""
        return merging(unet, self.merge_ratio, *x.shape[2:]) if self.merge_ratio else nullcontext()

    def _told(self) -> tuple[Tensor, ...]:
        """The guidance scale (1,) as an input, so that a recorded call is told another one too."""
        if self.guidance is None:
            return ()
        if self._scale.tolist() != [self.guidance]:
            self._scale = torch.tensor([self.guidance], dtype=torch.float64).to(self.device, torch.float32)
        return (self._scale,)

    def _given(self, dtype: torch.dtype, x: Tensor, t: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The UNet's inputs on its device and in its dtype; one timestep stands for equal ones."""
        if t.device.type == "cpu" and bool((t == t[0]).all()):
            t = t[:1]
        kept = self._contexts.get(context)
        if kept is None or kept.dtype != dtype:
            # The same tensor at every step, so that what a network keeps with it is found again.
            kept = self._contexts[context] = context.to(self.device, dtype, copy=True)
        return x.to(self.device, dtype), t.to(self.device, torch.float32), kept


def _whole(unet: UNet, x: Tensor, t: Tensor, context: Tensor, guidance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    return reuse.whole(unet, x, t, context, guidance=guidance)


def _outer(
    unet: UNet, x: Tensor, t: Tensor, context: Tensor, features: Tensor, guidance: Tensor | None = None
) -> tuple[Tensor]:
    return (reuse.outer(unet, x, t, context, features, guidance=guidance),)
