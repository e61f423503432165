"""How an engine calls its UNet: in whole or in part, on merged tokens, and on CUDA by recordings."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from sdedge.engines.torch.cuda_graphs import Recorder, record_cuda
from sdedge.machine.step_times import StepTime
from sdedge.models import reuse
from sdedge.models.cross_attention import attending_to
from sdedge.models.freeu import reweighted
from sdedge.models.identity_attention import attending_to_itself
from sdedge.models.token_merging import merging
from sdedge.models.unet import UNet, UNetEncoder
from sdedge.models.unet_inputs import ImageTokens, RegionMasks, UNetInputs, check_residuals


class UNetCalls:
    """Calls a UNet on one device, and by recordings where the device makes any."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.recorder: Recorder | None = None
        self.latest: StepTime | None = None
        """How long the latest whole call took, on a device whose calls return when they are done: a CPU."""
        self.in_parts = False
        """Whether rows, such as the halves of guidance, run one after the other, and wide layers by rows."""
        self._contexts = WeakTensorKeyDictionary()
        self._row_contexts = WeakTensorKeyDictionary()

    def full(self, unet: UNet, dtype: torch.dtype, inputs: UNetInputs) -> Tensor:
        """Returns the network's output in float32, computed in `dtype`."""
        outputs = []
        for part in self._parts(inputs):
            with self._edited(unet, dtype, part):
                outputs.append(_as_tuple(self._bound(operator.call, unet, dtype, part)())[0].float())
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def partly(
        self, unet: UNet, dtype: torch.dtype, inputs: UNetInputs, features: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the output and the deep features; the outer layers alone run on features of another step."""
        results = []
        parts = self._parts(inputs)
        deep = [None] * len(parts) if features is None else features.split(len(features) // len(parts))
        for part, own in zip(parts, deep, strict=True):
            with self._edited(unet, dtype, part):
                if own is None:
                    results.append(self._bound(reuse.full, unet, dtype, part)())
                else:
                    own = own.to(dtype)  # which is wider after an overflow
                    eps = _as_tuple(self._bound(reuse.outer, unet, dtype, part, own)())[0]
                    results.append((eps, own))
        if len(results) == 1:
            return results[0][0].float(), results[0][1]
        return torch.cat([eps.float() for eps, _ in results]), torch.cat([own for _, own in results])

    def _parts(self, inputs: UNetInputs) -> list[UNetInputs]:
        """Returns the calls that stand for one: its rows one by one where memory counts, and they do not need each other."""
        rows = len(inputs.x)
        if not self.in_parts or rows == 1:
            return [inputs]
        contexts = self._rows_of(inputs.context)
        parts = [inputs.of_row(row, contexts[row]) for row in range(rows)]
        return [inputs] if None in parts else [part for part in parts if part is not None]

    @contextmanager
    def _edited(self, unet: UNet, dtype: torch.dtype, inputs: UNetInputs) -> Iterator[None]:
        """Within: the UNet's attention is changed as the inputs say; pictures without edits never come near it."""
        with ExitStack() as edits:
            if inputs.merge_ratio:
                edits.enter_context(merging(unet, inputs.merge_ratio, *inputs.x.shape[2:]))
            if inputs.pictures or inputs.regions:
                pictures = [self._moved_picture(each, dtype) for each in inputs.pictures]
                regions = [self._moved_region(each, dtype) for each in inputs.regions]
                size = inputs.x.shape[2], inputs.x.shape[3]
                edits.enter_context(attending_to(unet, pictures, regions, size))
            if inputs.identity_rows:
                edits.enter_context(attending_to_itself(unet, inputs.identity_rows))
            if inputs.freeu:
                edits.enter_context(reweighted(unet, inputs.freeu))
            yield

    def _moved_picture(self, picture: ImageTokens, dtype: torch.dtype) -> ImageTokens:
        """Brings the tokens of a picture to the device and the dtype, once for all steps that read them."""
        keys, values, masks = (
            tuple(self._settled(tensor, dtype) for tensor in tensors)
            for tensors in (picture.keys, picture.values, picture.masks or ())
        )
        return replace(picture, keys=keys, values=values, masks=masks or None)

    def _moved_region(self, region: RegionMasks, dtype: torch.dtype) -> RegionMasks:
        """Brings the contexts of regions to the device and the dtype, once for all steps that read them."""
        return replace(region, contexts=tuple(self._context(context, dtype) for context in region.contexts))

    def _settled(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        is_there = tensor.device == self.device and tensor.dtype == dtype
        return tensor if is_there else self._context(tensor, dtype)

    def added(self, network: Any, dtype: torch.dtype, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Returns what a network beside the UNet makes of its inputs, in float32; vectors of numbers stay float32 for it."""
        rows = len(tensors[0])
        if self.in_parts and isinstance(network, UNetEncoder) and rows > 1:
            made = [self.added(network, dtype, self._row_of(tensors, row)) for row in range(rows)]
            return tuple(torch.cat(parts) for parts in zip(*made, strict=True))
        results = network(*(self._moved(tensor, dtype) for tensor in tensors))
        return tuple(result.float() for result in _as_tuple(results))

    def _row_of(self, tensors: Sequence[Tensor], row: int) -> list[Tensor]:
        """Returns the inputs of one row; what has one row stands for all."""
        rows = len(tensors[0])
        return [
            tensor if len(tensor) != rows else self._rows_of(tensor)[row] if tensor.ndim == 3 else tensor[row : row + 1]
            for tensor in tensors
        ]

    def _rows_of(self, context: Tensor) -> list[Tensor]:
        """Returns the rows of a context: the same tensors at every step, so that what networks cache is found."""
        if context not in self._row_contexts:
            self._row_contexts[context] = [row.clone() for row in context.split(1)]
        rows: list[Tensor] = self._row_contexts[context]
        return rows

    def _moved(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        """Brings an input to the device and, where its numbers are floats, to the dtype."""
        if not tensor.is_floating_point():
            return tensor.to(self.device)
        if tensor.ndim == 3:
            return self._context(tensor, dtype)
        return tensor.to(self.device, torch.float32 if tensor.ndim < 2 else dtype)

    def _context(self, context: Tensor, dtype: torch.dtype) -> Tensor:
        """Brings a context to the device and the dtype: the same tensor at every step, so that what networks cache is found."""
        moved = self._contexts.setdefault(context, {})
        if dtype not in moved:
            moved[dtype] = context.to(self.device, dtype, copy=True)
        return moved[dtype]

    def keep_recordings(self, on: bool) -> None:
        """Says whether there is memory for recordings, on devices that make any."""
        self.recorder = Recorder(partial(record_cuda, self.device)) if on and self.device.type == "cuda" else None

    def forget(self) -> None:
        """Drops the recordings: the UNet is another one from now on, or its weights are."""
        if self.recorder is not None:
            self.recorder.forget()

    def _bound(
        self, function: Callable[..., Any], unet: UNet, dtype: torch.dtype, inputs: UNetInputs,
        features: Tensor | None = None,
    ) -> Callable[[], Any]:  # fmt: skip
        """Returns the call of a function of the UNet on these inputs: by its recordings, where the device makes any."""
        order = Order.of(inputs, features)
        x, t, context, *rest = tensors = self._tensors(unet, dtype, inputs, features)
        if (
            self.recorder is None or inputs.pictures or inputs.regions
        ):  # whose tokens are no arguments, so that a recording would not see new ones
            return partial(function, unet, x, t, context, **order.named(rest))
        name = f"{function.__name__} {inputs.edits} {order}"
        return partial(self.recorder.run, name, partial(_run_flat, function, unet, order), *tensors)

    def _tensors(
        self, unet: UNet, dtype: torch.dtype, inputs: UNetInputs, features: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Brings the UNet's arguments to its device and dtype; one timestep, and one embedding, stands for equal ones."""
        if inputs.down or inputs.skips:
            check_residuals(inputs, unet.config)
        numbers = [inputs.t] if inputs.embedding is None else [inputs.t, inputs.embedding]
        t, *embedding = [_one_row(value).to(self.device, torch.float32) for value in numbers]
        entering = [tensor.to(self.device, dtype) for tensor in (*(inputs.down or ()), *(inputs.skips or ()))]
        deep = () if features is None else (features,)
        x, context = inputs.sample.to(self.device, dtype), self._context(inputs.context, dtype)
        return x, t, context, *deep, *embedding, *entering


@dataclass(frozen=True)
class Order:
    """Which arguments of the UNet follow x, timesteps and context in a flat row of tensors: a recording knows no others."""

    features: bool
    embedding: bool
    down: int

    @classmethod
    def of(cls, inputs: UNetInputs, features: Tensor | None) -> Order:
        return cls(features is not None, inputs.embedding is not None, len(inputs.down or ()))

    def named(self, rest: Sequence[Tensor]) -> dict[str, Any]:
        """Returns the arguments after the context by their names."""
        entering = list(rest)
        names = [name for name in ("features", "embedding") if getattr(self, name)]
        tensors = {name: entering.pop(0) for name in names}
        return {**tensors, "down": entering[: self.down], "skips": entering[self.down :]}


def _one_row(values: Tensor) -> Tensor:
    """Returns the first row of values (N, …) on the CPU where all rows are equal; others are not waited for."""
    return values[:1] if values.device.type == "cpu" and bool((values == values[:1]).all()) else values


def _run_flat(
    function: Callable[..., Any], unet: UNet, order: Order, x: Tensor, t: Tensor, context: Tensor, *rest: Tensor
) -> tuple[Tensor, ...]:
    return _as_tuple(function(unet, x, t, context, **order.named(rest)))


def _as_tuple(results: Any) -> tuple[Tensor, ...]:
    return (results,) if isinstance(results, Tensor) else tuple(results)
